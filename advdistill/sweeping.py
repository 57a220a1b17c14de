"""How a multirun is carried out; nothing here is part of a key."""

from __future__ import annotations

from dataclasses import dataclass

from advdistill.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class SweepSettings:
    """The node `sweep` of the configuration; a single run does not read it."""

    nulls: bool
    """Add to every sweep over `weighting` the cells that no weighting could have made better."""
    null_of: list[str] | None
    """Weightings whose weights the null cells mix up; null takes the first that is swept and is
    neither uniform nor a control."""
    smoke: bool
    """Run one cell of the grid first, and the others only if it comes to its end."""
    keep_going: bool
    """Run the other cells where one has failed."""
    retries: int
    """Further attempts at a cell whose process failed; an error of settings or data has none."""
    limit_minutes: float | None
    """A cell that runs for longer is ended, with all its processes, and has failed."""
    gpus: int | None
    """Devices that a cell has for itself; null: as many as `runtime.processes`, where there are
    any; 0: cells are not kept apart."""
    cells_per_gpu: int
    """Cells that may share a device."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        for name, value, least in (
            ("retries", self.retries, 0),
            ("gpus", self.gpus or 0, 0),
            ("cells_per_gpu", self.cells_per_gpu, 1),
        ):
            if value < least:
                raise ConfigError(f"sweep: {name} is {value}; wanted {least} or more")
        if self.limit_minutes is not None and not self.limit_minutes > 0:
            raise ConfigError(f"sweep: limit_minutes is {self.limit_minutes}; wanted above 0")
