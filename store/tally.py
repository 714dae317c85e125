"""The store's tally: how its calls went, as plain numbers. See ``actors.tally``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from actors.tally import SIZE_BOUNDS, Histogram

if TYPE_CHECKING:
    from collections.abc import Iterator

SILENT_AFTER_S = 5.0
"""A call that has lasted longer is taken for one that is not answered."""


@dataclass(slots=True)
class CallTally:
    """Calls of one kind."""

    durations_s: Histogram = field(default_factory=Histogram)
    """Of those that ended well."""
    users: Histogram = field(default_factory=lambda: Histogram(SIZE_BOUNDS))
    """Users in one call."""
    failures: int = 0
    """Calls that ended without an answer, or not with certainty."""
    failing: str | None = None
    """Why the last one failed; None when it did not."""


@dataclass(slots=True)
class StoreTally:
    """Written on the event loop: once a call, and a call is of many users."""

    loads: CallTally = field(default_factory=CallTally)
    saves: CallTally = field(default_factory=CallTally)
    checks: CallTally = field(default_factory=CallTally)
    conflicts: int = 0
    """Users whose save lost to another process."""
    refusals: int = 0
    """Users whose save is refused for good."""
    answered_at_s: float = 0.0
    """When a call last ended well, by the monotonic clock."""
    answered_in_s: float | None = None
    """How long it took; None before the first."""
    under_way: dict[int, float] = field(default_factory=dict)
    """When the calls under way began, by number."""

    def problems(self, now_s: float) -> Iterator[str]:
        """Yield why the store is not usable; nothing when it is."""
        for call in (self.saves, self.loads, self.checks):
            if call.failing is not None:
                yield call.failing
        longest_s = max((now_s - began_s for began_s in self.under_way.values()), default=0.0)
        if longest_s > SILENT_AFTER_S:
            yield f"no answer for {longest_s:.0f} seconds"
