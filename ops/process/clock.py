"""The clock that the service goes by."""

from __future__ import annotations

import time


class SystemClock:
    """The computer's clock."""

    def monotonic_s(self) -> float:
        """See ``Clock``."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)  # goes on while the machine is suspended

    def wall_s(self) -> int:
        """See ``Clock``."""
        return int(time.time())
