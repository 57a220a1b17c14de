from advdistill.hardware import this_hardware
from advdistill.spending import spending


def test_what_a_piece_of_work_took_says_on_what() -> None:
    with spending(read=lambda: None) as spent:
        pass
    assert spent.hardware == str(this_hardware())
    assert " cores of " in str(this_hardware())
