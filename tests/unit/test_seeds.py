from math import log

import pytest
import torch
from scipy.stats import kstest, pearsonr

from advdistill.seeds import gumbel_noise, sample_seed, sample_seeds
from tests.builders import asks, prompt


@pytest.mark.parametrize(
    ("seed", "prompt_id", "sample", "wanted"),
    [
        (0, "gsm8k/train/00012", 0, 3316071301249858078),
        (0, "gsm8k/train/00012", 7, 745532869310142553),
        (1, "gsm8k/train/00012", 0, 3427083436489823587),
        (0, "½", 0, 220230056391572590),
    ],
)
def test_the_seed_of_a_sample_never_changes(
    seed: int, prompt_id: str, sample: int, wanted: int
) -> None:
    assert sample_seed(seed, prompt_id, sample) == wanted


def test_no_two_samples_share_a_seed() -> None:
    prompts = [prompt(f"p/{number}") for number in range(50)] + [
        prompt("p/1\x1f1"),
        prompt("p/111"),
    ]
    seeds = [
        s for seed in (0, 1) for row in sample_seeds(seed, asks(prompts, range(8))) for s in row
    ]
    assert len(set(seeds)) == len(seeds) == 2 * 52 * 8
    assert all(0 <= seed < 2**62 for seed in seeds)


def test_seeds_stand_by_prompt_and_sample() -> None:
    prompts = [prompt("a"), prompt("b")]
    assert sample_seeds(3, asks(prompts, range(4, 6))) == [
        [sample_seed(3, "a", 4), sample_seed(3, "a", 5)],
        [sample_seed(3, "b", 4), sample_seed(3, "b", 5)],
    ]


def seeds(count: int) -> torch.Tensor:
    return torch.tensor([sample_seed(0, "p", sample) for sample in range(count)])


def test_the_noise_is_standard_gumbel() -> None:
    noise = gumbel_noise(seeds(200), 3, 1000)
    assert noise.dtype == torch.float64
    assert noise.mean().item() == pytest.approx(0.5772157, abs=0.01)
    assert noise.var().item() == pytest.approx(torch.pi**2 / 6, abs=0.02)
    assert kstest(noise.flatten().numpy(), "gumbel_r").pvalue > 0.01


@pytest.mark.parametrize("axis", ["seed", "step", "column"])
def test_the_noise_is_uniform_along_every_axis(axis: str) -> None:
    noise = {
        "seed": lambda: gumbel_noise(seeds(5000), 0, 1),
        "step": lambda: torch.cat([gumbel_noise(seeds(1), step, 1) for step in range(5000)]),
        "column": lambda: gumbel_noise(seeds(1), 0, 5000),
    }[axis]()
    uniform = torch.exp(-torch.exp(-noise)).flatten().numpy()
    assert kstest(uniform, "uniform").pvalue > 0.01
    assert abs(pearsonr(uniform[1:], uniform[:-1]).statistic) < 0.05


def test_neighbouring_seeds_have_unrelated_noise() -> None:
    one, two = gumbel_noise(torch.tensor([1, 2]), 0, 5000).numpy()
    assert abs(pearsonr(one, two).statistic) < 0.05


def test_a_rows_noise_depends_on_its_seed_and_step_alone() -> None:
    alone = gumbel_noise(seeds(3)[1:2], 5, 40)
    beside = gumbel_noise(seeds(3), 5, 100)
    assert torch.equal(alone[0], beside[1, :40])
    assert not torch.equal(alone, gumbel_noise(seeds(3)[1:2], 6, 40))


def splitmix64(x: int) -> int:
    """Return what the finaliser of SplitMix64 (Steele et al. 2014) makes of 64 bits."""
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) % 2**64
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) % 2**64
    return x ^ (x >> 31)


@pytest.mark.parametrize("seed", [0, 1, 2**61 + 12345, 2**62 - 1])
@pytest.mark.parametrize("step", [0, 511])
def test_the_noise_is_that_of_a_counter_hashed_in_whole_numbers(seed: int, step: int) -> None:
    counters = [splitmix64((splitmix64(seed) + step) % 2**64) + column for column in range(3)]
    uniforms = [((splitmix64(c % 2**64) >> 11) + 0.5) / 2**53 for c in counters]
    wanted = [-log(-log(uniform)) for uniform in uniforms]
    assert gumbel_noise(torch.tensor([seed]), step, 3)[0].tolist() == pytest.approx(wanted)


def test_the_noise_is_always_finite() -> None:
    assert gumbel_noise(torch.arange(-500, 500), 0, 500).isfinite().all()
