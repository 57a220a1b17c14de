"""One cell from the command line: plan, run, show; every known failure is one message."""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

from hydra.core.hydra_config import HydraConfig

from advdistill.cli.children import heed_children
from advdistill.config import Plan, Runtime, plan_of
from advdistill.errors import AdvDistillError

if TYPE_CHECKING:
    from omegaconf import DictConfig

logger = logging.getLogger(__name__)


class Stopped(BaseException):
    """Raised where the work stands when the process is asked to end."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


_QUIET = {
    "TQDM_DISABLE": "1",  # the stages show their own progress
    "TOKENIZERS_PARALLELISM": "false",
    # Threads that wait for work sleep; spinning ones starve a busy machine.
    "OMP_WAIT_POLICY": "PASSIVE",
}
"""Set before the libraries that read them are imported."""


def run_cell(cfg: DictConfig) -> None:
    """Run the cell; exits with 1 after a known failure and 128 + signal when stopped."""
    carry_out(lambda: plan_of(cfg, HydraConfig.get().runtime.choices), _tell_nobody)


def carry_out(planned: Callable[[], Plan], note: Callable[[Exception], None]) -> None:
    """Run what is planned, and show it; exits as `run_cell` does, after `note` was told why."""
    settle_environment()
    with leaving(note):
        plan = planned()
        settle_threads(plan.runtime)
        from advdistill.pipeline import run
        from advdistill.summary import show

        show(run(plan))


def _tell_nobody(_: Exception) -> None:
    """Do nothing: the person at the terminal is told."""


@contextmanager
def leaving(note: Callable[[Exception], None] = _tell_nobody) -> Iterator[None]:
    """Exit with 1 after a known failure in the block, and with 128 + signal when stopped there.

    `note` is told of a failure before, of an unknown one also.
    """
    stop_with_exceptions()
    heed_children()
    try:
        yield
    except AdvDistillError as error:
        note(error)
        _leave(f"{type(error).__name__}: {error}", 1)
    except Stopped as stop:
        name = signal.Signals(stop.number).name
        _leave(
            f"Stopped by {name}. Every finished stage and shard is kept: "
            "give the same command again to go on.",
            128 + stop.number,
        )
    except Exception as error:
        note(error)
        raise


def stop_with_exceptions() -> None:
    """Let SIGTERM and SIGINT raise `Stopped` where the work stands."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop)


def settle_environment() -> None:
    """Set what the libraries read that are imported later, where the person has not."""
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)


def settle_threads(runtime: Runtime) -> None:
    """Give torch its threads; before it is imported."""
    if runtime.threads is not None:
        os.environ["OMP_NUM_THREADS"] = str(runtime.threads)


def _stop(number: int, _: FrameType | None) -> NoReturn:
    signal.signal(number, signal.SIG_IGN)
    raise Stopped(number)


def _leave(message: str, code: int) -> NoReturn:
    print(message, file=sys.stderr)
    sys.exit(code)
