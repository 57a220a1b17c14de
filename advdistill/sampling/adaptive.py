"""More answers where the verdicts of a group still agree, none where they differ enough.

Reconstruction: the dynamic sampling of DAPO (arXiv 2503.14476), which draws other prompts until a
batch has no unanimous group, turned to a fixed set of prompts: each is asked again instead.
"""

from __future__ import annotations

from dataclasses import dataclass

from advdistill.errors import ConfigError
from advdistill.interfaces import Tried


@dataclass(frozen=True, kw_only=True)
class AdaptiveSampling:
    """Asks for `first` answers, then for `step` more until the group is informative.

    A group is informative when it has `each` right and `each` wrong answers. What is left of the
    teacher's `samples` is saved.

    How many answers a prompt has then depends on them: of a prompt with pass rate p, a mean over
    its answers is no longer an unbiased estimate of what it is over one answer. Where that matters,
    `budget=weight` gives every prompt the same say, and the first `first` answers of each group
    alone are a fixed sample; see docs/sampling.md.
    """

    first: int
    step: int
    each: int

    def __post_init__(self) -> None:
        """Check the ranges."""
        for name in ("first", "step", "each"):
            if getattr(self, name) < 1:
                raise ConfigError(f"sampling: {name} is {getattr(self, name)}; wanted at least 1")

    @property
    def needs_verdicts(self) -> bool:
        """Whether it reads what the answers came to."""
        return True

    def more(self, tried: Tried, most: int) -> int:
        """Return how many further answers to ask for, of `most` in all; 0 if it is enough."""
        if not tried.answers:
            return min(self.first, most)
        if min(tried.passed, tried.failed) >= self.each:
            return 0
        return min(self.step, most - tried.answers)
