"""Settings of the core, checked at construction."""

from __future__ import annotations

from dataclasses import dataclass

from actors.errors import SettingsError


def require(condition: bool, setting: str, mend: str) -> None:
    """Raise ``SettingsError`` with one line that names the setting and the mend."""
    if not condition:
        message = f"{setting}: {mend}"
        raise SettingsError(message)


@dataclass(frozen=True, slots=True)
class CoreSettings:
    """How the actors pace, bound and retry their work."""

    checkpoint_interval_s: float = 0.2
    """How long a changed user may wait for a group commit."""
    checkpoint_group_max: int = 1000
    """Users in one bulk write at the most."""
    max_live_users: int = 100_000
    idle_timeout_s: float = 600.0
    max_attempts: int = 5
    """Attempts at a message whose processing crashes, before it becomes a dead letter."""
    retry_wait_initial_s: float = 0.1
    retry_wait_max_s: float = 5.0
    cleared_retention_s: int = 7 * 24 * 3600
    """0 keeps cleared alarms for ever."""
    skip_empty_digests: bool = False

    def __post_init__(self) -> None:
        """Raise ``SettingsError`` for a value that cannot work."""
        require(self.checkpoint_interval_s > 0, "CHECKPOINT_INTERVAL", "must be above 0 seconds")
        require(self.checkpoint_group_max > 0, "CHECKPOINT_GROUP_MAX", "must be at least 1")
        require(self.max_live_users > 0, "MAX_LIVE_USERS", "must be at least 1")
        require(self.idle_timeout_s > 0, "IDLE_TIMEOUT", "must be above 0 seconds")
        require(self.max_attempts > 0, "MAX_ATTEMPTS", "must be at least 1")
        require(
            0 < self.retry_wait_initial_s <= self.retry_wait_max_s,
            "RETRY_WAIT_INITIAL",
            "must be above 0 and at most RETRY_WAIT_MAX",
        )
        require(self.cleared_retention_s >= 0, "CLEARED_RETENTION", "must be 0 (never) or seconds")

    def backoff_s(self, attempt: int, jitter: float) -> float:
        """Seconds to wait before the attempt after ``attempt`` (1, 2, …).

        Doubles from ``retry_wait_initial_s`` to ``retry_wait_max_s``; ``jitter`` in [0, 1)
        takes up to half of it away, so that many waiters do not come back at once.
        """
        wait_s = min(self.retry_wait_max_s, self.retry_wait_initial_s * 2.0 ** min(attempt - 1, 30))
        return wait_s * (1.0 - jitter / 2.0)
