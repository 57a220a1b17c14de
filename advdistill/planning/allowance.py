"""What a person is ready to spend, held against a forecast."""

from __future__ import annotations

import re
from dataclasses import dataclass

from advdistill.errors import ConfigError
from advdistill.hardware import Hardware
from advdistill.planning.hours import Forecast

_SECONDS = {"s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "gpuh": 3600.0}
_WRITTEN = re.compile(r"(?P<amount>\d+(\.\d+)?)\s*(?P<unit>gpuh|min|h|m|s)")


@dataclass(frozen=True, kw_only=True)
class Allowance:
    """Hours of this machine, or of its GPUs."""

    seconds: float
    of_gpus: bool

    def objection(self, forecast: Forecast) -> str | None:
        """Return by what the forecast is beyond it, or why that cannot be said; None if it fits.

        The upper end of the interval decides: a budget is to be kept.
        """
        if forecast.unknown:
            steps = ", ".join(f"{stage} ({count})" for stage, count in forecast.unknown.items())
            return (
                f"budget: there is no timing to go by for {steps}; wanted one for every step that "
                "must be made; give --probe"
            )
        found = forecast.devices if self.of_gpus else forecast.total
        if found.high <= self.seconds:
            return None
        what = "GPU-hours" if self.of_gpus else "hours"
        return (
            f"budget: {found.expected / 3600:.2f} {what} are expected and up to "
            f"{found.high / 3600:.2f}, which is {(found.high - self.seconds) / 3600:.2f} beyond "
            f"{self.seconds / 3600:.2f}; plan fewer cells, or allow more"
        )


def read_allowance(text: str, hardware: Hardware) -> Allowance:
    """Return what is written as `4h`, `90min` or `40gpuh`.

    Raises:
        ConfigError: it is written otherwise, or counts GPUs where there is none.
    """
    written = _WRITTEN.fullmatch(text.strip().lower().replace("gpu-hours", "gpuh"))
    if written is None:
        raise ConfigError(f"--budget is '{text}'; wanted a time such as 4h, 90min or 40gpuh")
    of_gpus = written["unit"] == "gpuh"
    if of_gpus and not hardware.gpus:
        raise ConfigError(
            f"--budget is '{text}', and this machine has no GPU; wanted hours, such as 4h, or to "
            "be asked where the run will be"
        )
    return Allowance(seconds=float(written["amount"]) * _SECONDS[written["unit"]], of_gpus=of_gpus)
