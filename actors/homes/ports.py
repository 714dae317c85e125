"""The outside, as the home actor sees it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from actors.ports import Clock, HomeStore, LogReading, Nudging
    from actors.runtime.pooled import Scheduler


@dataclass(frozen=True, slots=True)
class HomePorts:
    """What it asks, tells and reads."""

    store: HomeStore
    begin: Callable[[Coroutine[Any, Any, None]], None]
    """Has a coroutine run, on the dispatcher's thread."""
    log: LogReading
    nudging: Nudging
    clock: Clock
    scheduler: Scheduler
