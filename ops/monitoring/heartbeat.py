"""A heartbeat: a file that shows, to a supervisor outside, that the service's loops turn."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

logger = logging.getLogger("ops.heartbeat")


class Heartbeat:
    """Touches a file; a reader calls the service dead when it is older than a few intervals."""

    def __init__(self, file: Path) -> None:
        """Touch ``file`` at each ``beat``."""
        self._file = file

    def beat(self) -> None:
        """Touch it: a system call of microseconds."""
        try:
            self._file.touch()
        except OSError as error:
            logger.warning("heartbeat.failed", extra={"file": str(self._file), "error": str(error)})
