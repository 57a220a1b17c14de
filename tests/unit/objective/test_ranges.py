import pytest

from advdistill.errors import ConfigError
from advdistill.objective.ranges import check_ranges


def test_the_first_setting_that_is_not_fine_is_named() -> None:
    with pytest.raises(
        ConfigError, match=r"^objective 'dpo': beta is -1; wanted a number above 0$"
    ):
        check_ranges(
            "dpo", ("constant", 1.0, True, "anything"), ("beta", -1, False, "a number above 0")
        )


def test_settings_within_their_ranges_pass() -> None:
    check_ranges("dpo", ("max_pairs", None, True, "null or at least 1"))
