from advdistill.hardware import hardware_here
from advdistill.spending import spending


def test_what_a_piece_of_work_took_says_on_what() -> None:
    with spending(read=lambda: None) as spent:
        pass
    assert spent.hardware == hardware_here()
    assert " of " in hardware_here() or " x " in hardware_here()
