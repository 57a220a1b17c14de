"""The rule on made-up numbers, and on a small student that does collapse."""

from dataclasses import replace
from pathlib import Path

import pytest

from advdistill.errors import StageError
from advdistill.interfaces import Example, Objective
from advdistill.objective import redi
from advdistill.objective.weighted_nll import Negative
from advdistill.student.collapse import Vitals, remember, require_sound
from advdistill.student.finetune import Finetune
from tests.tiny import pool, tiny_model
from tests.unit.student.students import OBJECTIVE, Notebook, StoppedError, job, student

WATCHED = student("m", collapse_window=4, collapse_drop=0.5, collapse_surge=4.0)


def lived(*phases: tuple[float, float, float], steps: int = 4, one: Finetune = WATCHED) -> Vitals:
    """Return the vitals after phases of equal length: gradient norm, right, wrong."""
    vitals: Vitals = {}
    for norm, right, wrong in phases:
        numbers = {"gradient_norm": norm, "right_logprob": right, "wrong_logprob": wrong}
        for _ in range(steps):
            vitals = remember(vitals, numbers, one)
    return vitals


@pytest.mark.parametrize(
    ("last", "sound"),
    [
        ((5.0, -1.1, -1.1), False),
        ((5.0, -0.9, -1.6), True),  # right answers hold: negatives do their work
        ((5.0, -1.6, -0.9), True),
        ((3.0, -1.1, -1.1), True),  # a slow decline of both, which is benign
        ((9.0, -0.1, -0.1), True),
    ],
)
def test_both_must_fall_and_the_norm_surge(last: tuple[float, float, float], sound: bool) -> None:
    vitals = lived((1.0, -0.5, -0.5), (1.0, -0.6, -0.6), last)
    if sound:
        require_sound(vitals, WATCHED, 12)
        return
    with pytest.raises(StageError, match=r"collapsed by step 12.*-1\.1 \(-0\.6\).*norm 5, from 1"):
        require_sound(vitals, WATCHED, 12)


def test_only_the_first_and_the_last_steps_are_remembered() -> None:
    whole = lived((1.0, -0.5, -0.4), (2.0, -0.6, -0.6), (3.0, -0.7, -0.7), (4.0, -0.8, -0.9))
    assert whole == lived((1.0, -0.5, -0.4), (4.0, -0.8, -0.9))


def test_one_spike_of_the_norm_is_no_surge() -> None:
    vitals = {
        **lived((1.0, -0.5, -0.5), (1.0, -1.5, -1.5)),
        "gradient_norm": [1.0, 1.0, 1.0, 1.0, 1.0, 900.0, 1.0, 1.0],
    }
    require_sound(vitals, WATCHED, 8)


def test_there_is_no_verdict_before_two_windows_or_without_wrong_answers() -> None:
    ruin = lived((1.0, -0.5, -0.5), (99.0, -9.0, -9.0))
    with pytest.raises(StageError):
        require_sound(ruin, WATCHED, 8)
    require_sound({name: values[:-1] for name, values in ruin.items()}, WATCHED, 7)
    require_sound({**ruin, "wrong_logprob": []}, WATCHED, 8)
    require_sound(remember(ruin, {"tokens": 0.0}, WATCHED), replace(WATCHED, collapse_window=5), 9)


def test_it_can_be_switched_off() -> None:
    off = replace(WATCHED, collapse_window=None)
    assert lived((1.0, -0.5, -0.5), one=off) == {}
    require_sound(lived((1.0, -0.5, -0.5), (99.0, -9.0, -9.0)), off, 8)


def sided(weight: float) -> list[Example]:
    """Return a pool in which every other answer is right, the wrong ones having this weight."""
    return [
        replace(one, right=one.sample % 2 == 0, weight=weight)
        if one.sample % 2
        else replace(one, right=True, weight=1.0)
        for one in pool(10, 4)
    ]


@pytest.fixture(scope="module")
def warm(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A student that knows right and wrong answers alike: a mean log-prob of about -0.4."""
    folder = tmp_path_factory.mktemp("warm")
    one = student(tiny_model(folder), max_steps=60, batch_prompts=5, eval_every=60)
    one.train(OBJECTIVE, sided(1.0), folder=folder / "trained", job=job(row_tokens=512))
    return str(folder / "trained" / "model")


def long(model: str, *, learning_rate: float = 3e-3) -> Finetune:
    return student(
        model, max_steps=40, eval_every=5, learning_rate=learning_rate, collapse_window=8
    )


UNBOUNDED = replace(OBJECTIVE, negative=Negative.nll, allow_unbounded=True)
REDI = redi.REDI(
    normaliser=redi.Normaliser.sequences, constant=1.0, alpha=0.8, allow_unbounded=True
)


def test_an_unbounded_loss_at_a_large_learning_rate_is_stopped_also_after_a_kill(
    warm: str, tmp_path: Path
) -> None:
    notebook = Notebook()
    with pytest.raises(StageError, match="collapsed") as stopped:
        long(warm).train(UNBOUNDED, sided(-1.0), folder=tmp_path, job=job(notebook))
    last = max(notebook.column("loss"))
    assert 16 <= last < 40
    kept = sorted(path.name for path in (tmp_path / "checkpoints").iterdir())
    assert kept[-1] == f"step{5 * ((last - 1) // 5):05d}"
    killed = Notebook(stop_at=14)
    with pytest.raises(StoppedError):
        long(warm).train(UNBOUNDED, sided(-1.0), folder=tmp_path / "b", job=job(killed))
    with pytest.raises(StageError) as again:
        long(warm).train(UNBOUNDED, sided(-1.0), folder=tmp_path / "b", job=job())
    assert str(again.value) == str(stopped.value)


@pytest.mark.parametrize(
    ("objective", "weight", "learning_rate"),
    [(OBJECTIVE, -1.0, 3e-3), (OBJECTIVE, 1.0, 3e-3), (REDI, -1.0, 3e-4)],
    ids=["unlikelihood", "uniform", "redi"],
)
def test_bounded_uniform_and_gentle_trainings_go_on(
    warm: str, tmp_path: Path, objective: Objective, weight: float, learning_rate: float
) -> None:
    notebook = Notebook()
    one = long(warm, learning_rate=learning_rate)
    one.train(objective, sided(weight), folder=tmp_path, job=job(notebook))
    assert len(notebook.column("wrong_logprob")) == 40
