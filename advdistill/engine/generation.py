"""What every engine takes and gives back."""

from dataclasses import dataclass

from advdistill.errors import ConfigError
from advdistill.records import Finish


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoding:
    """How answers are drawn; everything that a model's own generation config would add is off."""

    samples: int
    temperature: float
    """0 takes the likeliest token."""
    top_p: float
    max_tokens: int

    def __post_init__(self) -> None:
        """Check the ranges."""
        for name, value, fine, wanted in (
            ("samples", self.samples, self.samples >= 1, "at least 1"),
            ("temperature", self.temperature, self.temperature >= 0, "0 or more"),
            ("top_p", self.top_p, 0 < self.top_p <= 1, "above 0 and at most 1"),
            ("max_tokens", self.max_tokens, self.max_tokens >= 1, "at least 1"),
        ):
            if not fine:
                raise ConfigError(f"{name} is {value}; wanted {wanted}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """One answer as an engine wrote it."""

    text: str
    """Without the end-of-turn token."""
    tokens: int
    """Generated tokens, the end-of-turn token included."""
    finish: Finish
    logprob_sum: float | None
    """Under the model itself (temperature 1, no truncation), whatever it was drawn with."""
