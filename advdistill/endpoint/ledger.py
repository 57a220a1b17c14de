"""What was asked of an endpoint, what it cost, and what went wrong."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

_MILLION = 1_000_000


@dataclass(kw_only=True)
class Ledger:
    """Counts of one stage at work; written down once, at its end."""

    prompt_price: float | None
    """Of a million tokens."""
    completion_price: float | None
    requests: int = 0
    """Sent, retries and failed ones included."""
    retries: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    """By kind."""
    prompt_tokens: int = 0
    """As far as the server says, for answers that were not usable too."""
    completion_tokens: int = 0

    def add_usage(self, prompt_tokens: int, completion_tokens: int) -> None:
        """Count the tokens of one reply."""
        self.prompt_tokens += prompt_tokens
        self.completion_tokens += completion_tokens

    @property
    def cost(self) -> float | None:
        """In the currency of the prices; None where one of them is not known."""
        if self.prompt_price is None or self.completion_price is None:
            return None
        return (
            self.prompt_tokens * self.prompt_price + self.completion_tokens * self.completion_price
        ) / _MILLION

    def line(self) -> str:
        """Return everything in one line."""
        kinds = " + ".join(f"{count} {kind}" for kind, count in sorted(self.faults.items()))
        cost = "unknown" if self.cost is None else f"{self.cost:.4f}"
        return (
            f"{self.requests} requests, {self.retries} of them retries; "
            f"{self.faults.total()} faults{f' = {kinds}' if kinds else ''}; "
            f"{self.prompt_tokens} prompt and {self.completion_tokens} completion tokens, "
            f"cost {cost}"
        )
