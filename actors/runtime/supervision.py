"""Supervision: a user actor may crash and be spawned afresh, a service actor may not.

The router, checkpointer, recovery and publisher hold what others wait for. When one of them
crashes, the process ends: every message it held is unacknowledged and comes back.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from actors.runtime.pooled import PooledActor

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from actors.runtime.pooled import Dispatcher

logger = logging.getLogger("actors.supervision")


class ServiceActor(PooledActor):
    """An actor of which there is one, and without which the service cannot go on."""

    def __init__(self, dispatcher: Dispatcher, escalate: Callable[[str], None]) -> None:
        """Create it, unstarted; ``escalate`` ends the process, and is called on any thread."""
        super().__init__(dispatcher)
        self._escalate = escalate

    def on_failure(
        self,
        exception_type: type[BaseException] | None,
        exception_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Escalate. Runs on the dispatcher's thread."""
        del exception_type, traceback  # Pykka has logged them
        name = type(self).__name__
        logger.critical("actor.crashed", extra={"actor": name, "error": repr(exception_value)})
        self._escalate(f"{name} crashed: {exception_value!r}")
