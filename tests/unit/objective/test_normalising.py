import pytest
import torch

from advdistill.objective.normalising import Normaliser, denominator, per_token_B

LENGTHS_B = torch.tensor([3, 5, 8])


@pytest.mark.parametrize(
    ("normaliser", "expected"),
    [
        (Normaliser.tokens, [1.0, -1.0, 2.0]),
        (Normaliser.sequences, [1 / 3, -0.2, 0.25]),
        (Normaliser.constant, [1.0, -1.0, 2.0]),
    ],
)
def test_only_sequences_divide_by_the_length(normaliser: Normaliser, expected: list[float]) -> None:
    weights_B = torch.tensor([1.0, -1.0, 2.0], dtype=torch.float64)
    found = per_token_B(weights_B, LENGTHS_B, normaliser)
    assert found.dtype == torch.float64
    assert found.tolist() == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize(
    ("normaliser", "counted", "expected"),
    [
        (Normaliser.tokens, [True, False, True], 11.0),
        (Normaliser.sequences, [True, False, True], 2.0),
        (Normaliser.constant, [True, False, True], 4.5),
        (Normaliser.tokens, [False, False, False], 0.0),
        (Normaliser.sequences, [False, False, False], 0.0),
        (Normaliser.constant, [False, False, False], 0.0),
    ],
)
def test_denominator(normaliser: Normaliser, counted: list[bool], expected: float) -> None:
    assert denominator(torch.tensor(counted), LENGTHS_B, normaliser, 4.5) == expected
