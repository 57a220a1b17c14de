"""Cases that one test goes through in turn."""

import inspect
from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from typing import Any

Test = Callable[..., None]


def each(name: str, cases: Mapping[str, Any] | Iterable[Any]) -> Callable[[Test], Test]:
    """Give a test every case as its argument `name`, in turn; a failure says in a note which.

    For what is quicker to run than to collect. The cases share the test's fixtures, and those after
    one that fails are not tried; where that matters, parametrize.
    """
    pairs = cases.items() if isinstance(cases, Mapping) else ((repr(case), case) for case in cases)
    titled = list(pairs)
    assert titled, f"no case for {name}"

    def in_turn(test: Test) -> Test:
        @wraps(test)
        def whole(**given: Any) -> None:
            for title, case in titled:
                try:
                    test(**given, **{name: case})
                except BaseException as error:
                    error.add_note(f"{name}: {title}")
                    raise

        own = inspect.signature(test)
        kept = [one for one in own.parameters.values() if one.name != name]
        assert len(kept) == len(own.parameters) - 1, f"{test} has no argument {name}"
        whole.__signature__ = own.replace(parameters=kept)  # type: ignore[attr-defined] - pytest's
        return whole

    return in_turn
