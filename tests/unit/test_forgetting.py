"""Right answers that a training makes less likely are told of."""

import pytest

from advdistill.forgetting import forgotten, logprobs_of


def curves(*values: float | None, name: str = "right_logprob") -> list[dict[str, float]]:
    """Return the numbers of steps 1, 2, ...; None where a step had no such answers."""
    rows: list[dict[str, float]] = [{"step": 0, "dev_accuracy": 0.3}]
    for step, value in enumerate(values, 1):
        rows.append({"step": step, "loss": 1.0, **({} if value is None else {name: value})})
    return rows


def test_before_is_the_first_step_and_after_the_mean_of_the_last_eight() -> None:
    found = logprobs_of(curves(-0.2, -9.0, *[-0.5] * 4, *[-0.7] * 4), best_step=None)
    assert found == {"right_logprob_before": -0.2, "right_logprob_after": pytest.approx(-0.6)}


def test_a_step_without_such_answers_is_passed_over() -> None:
    found = logprobs_of(curves(None, -0.2, None, -0.4, name="wrong_logprob"), best_step=None)
    assert found == {"wrong_logprob_before": -0.2, "wrong_logprob_after": -0.4}


def test_what_came_after_the_step_that_was_kept_does_not_count() -> None:
    found = logprobs_of(curves(-0.2, -0.3, -5.0), best_step=2)
    assert found["right_logprob_after"] == -0.3


@pytest.mark.parametrize("best_step", [0, 1])
def test_of_an_untrained_student_nothing_is_said(best_step: int) -> None:
    assert logprobs_of(curves(-0.2, -0.3), best_step=best_step) == {}
    assert not forgotten({})


@pytest.mark.parametrize(("after", "told"), [(-0.1, False), (-0.29, False), (-0.31, True)])
def test_only_a_clear_fall_is_told(after: float, told: bool) -> None:
    assert forgotten(logprobs_of(curves(-0.2, after), best_step=None)) is told


def test_wrong_answers_may_fall() -> None:
    assert not forgotten(logprobs_of(curves(-0.2, -3.0, name="wrong_logprob"), best_step=None))
