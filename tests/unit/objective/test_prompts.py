import torch

from advdistill.objective.prompts import places_B, totals_B

GROUPS_B = torch.tensor([7, 2, 7, 9, 2])


def test_places_have_no_gaps_and_keep_prompts_together() -> None:
    assert places_B(GROUPS_B).tolist() == [1, 0, 1, 2, 0]


def test_every_response_has_the_total_of_its_prompt() -> None:
    values_B = torch.tensor([1.0, 10.0, 2.0, 100.0, 20.0])
    assert totals_B(values_B, GROUPS_B).tolist() == [3.0, 30.0, 3.0, 100.0, 30.0]


def test_without_responses_there_are_no_totals() -> None:
    assert totals_B(torch.empty(0), torch.empty(0, dtype=torch.int64)).tolist() == []
