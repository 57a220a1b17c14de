"""`python -m advdistill.cli.attempt CELL NUMBER`: what a sweep starts for one attempt at a cell."""

from __future__ import annotations

import logging
import signal
import sys
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from advdistill.cli.run import carry_out
from advdistill.config import Plan, plan_of
from advdistill.errors import ConfigError, DataError
from advdistill.sweep.following import tell
from advdistill.sweep.layout import key_of
from advdistill.sweep.ledger import read_cell_file


def main(folder: str, number: str) -> None:
    """Run the cell; exits as `run.py` does, after it has written why where it failed."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT, signal.SIGTERM})
    logging.basicConfig(format="%(message)s", level=logging.WARNING, stream=sys.stdout)
    logging.getLogger("advdistill").setLevel(logging.INFO)
    logging.getLogger("lm_eval").setLevel(logging.ERROR)
    cell = Path(folder)

    def note(error: Exception) -> None:
        refused = isinstance(error, ConfigError | DataError)
        tell(cell, int(number), f"{type(error).__name__}: {error}", refused=refused)

    carry_out(lambda: _plan_of(cell), note)


def _plan_of(cell: Path) -> Plan:
    file = read_cell_file(cell)
    cfg = OmegaConf.create(dict(file.config))
    assert isinstance(cfg, DictConfig)
    plan = plan_of(cfg, file.choices)
    if key_of(plan) != file.key:
        raise ConfigError(
            f"cell {file.id}: its files are not those that the sweep was laid out with; give the "
            "sweep's command again"
        )
    return plan


if __name__ == "__main__":
    main(*sys.argv[1:])
