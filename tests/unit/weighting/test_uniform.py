from advdistill.weighting.uniform import Uniform
from tests.builders import groups

NAN = float("nan")


def test_every_judged_answer_weighs_one() -> None:
    found_PG = Uniform().weigh(groups([1, 0, 0.3], [NAN, 1], [0]))
    assert found_PG.tolist() == [[1, 1, 1], [0, 1, 0], [1, 0, 0]]
