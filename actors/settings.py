"""Settings of the core, checked at construction."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from actors.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping


def setting(
    name: str,
    default: object,
    meaning: str,
    *,
    secret: bool = False,
    choices: Mapping[str, object] | None = None,
) -> Any:
    """Return a dataclass field that an operator may set as ``name``.

    This is the one definition of a setting: flags, environment variables and help are made from
    it. ``choices`` are the words an operator may use and what each stands for; a ``secret`` is
    left out of ``repr()``.
    """
    metadata = {"setting": name, "meaning": meaning, "choices": choices}
    return field(default=default, repr=not secret, metadata=metadata)


def require(condition: bool, setting: str, mend: str) -> None:
    """Raise ``SettingsError`` with one line that names the setting and the mend."""
    if not condition:
        message = f"{setting}: {mend}"
        raise SettingsError(message)


def require_seconds(seconds: float, setting: str, most: float, *, above: float = 0.0) -> None:
    """Raise ``SettingsError`` unless a time is above ``above`` and at most ``most``, in seconds.

    Infinity, what is no number, and what a server's 64 bits do not hold are refused with it.
    """
    mend = f"must be above {above:g} and at most {most:.0f} seconds"
    require(above < seconds <= most, setting, mend)


SAVE_AFTER_LOG_S, SAVE_AFTER_CORE_S = 2.0, 0.2
_STATEMENTS_MAX = 99_999
ALARMS_A_USER, ALARMS_AT_LEAST = 20, 2_000_000
"""Twice what users are sized for, in memory as on disk: ten alarms each."""
HOUR_S, DAY_S, CENTURY_S = 3600, 24 * 3600, 100 * 366 * 24 * 3600


@dataclass(frozen=True, slots=True)
class CoreSettings:
    """How the actors pace, bound and retry their work."""

    checkpoint_interval_s: float | None = setting(
        "CHECKPOINT_INTERVAL",
        None,
        "seconds changed users may wait for a group commit: 2 on JetStream, 0.2 on core NATS",
    )
    checkpoint_group_max: int = setting(
        "CHECKPOINT_GROUP_MAX", 1000, "users in one update command at the most"
    )
    max_live_users: int = setting("MAX_LIVE_USERS", 100_000, "user actors in memory")
    max_live_alarms: int | None = setting(
        "MAX_LIVE_ALARMS",
        None,
        f"alarms of those users: {ALARMS_AT_LEAST}, or {ALARMS_A_USER} a user if that is more",
    )
    idle_timeout_s: float = setting(
        "IDLE_TIMEOUT", 600.0, "seconds after which an idle user's actor leaves memory"
    )
    max_attempts: int = setting(
        "MAX_ATTEMPTS", 5, "attempts at a message that crashes, before it becomes a dead letter"
    )
    retry_wait_initial_s: float = setting(
        "RETRY_WAIT_INITIAL", 0.1, "seconds before the first retry of anything; doubles"
    )
    retry_wait_max_s: float = setting("RETRY_WAIT_MAX", 2.0, "seconds between retries at the most")
    lease_s: float = setting(
        "LEASE", 3.0, "seconds without a sign of life after which an instance is replaced"
    )
    cleared_retention_s: int = setting(
        "CLEARED_RETENTION",
        7 * 24 * 3600,
        "seconds a cleared alarm is remembered after its last event; 0 for ever",
    )
    future_tolerance_s: float = setting(
        "FUTURE_TOLERANCE",
        300.0,
        "seconds an event may be in the future before it is counted, and warned about",
    )
    skip_empty_digests: bool = setting(
        "EMPTY_DIGESTS",
        default=False,
        meaning="whether a digest with nothing to tell is published",
        choices={"publish": False, "skip": True},
    )

    def __post_init__(self) -> None:
        """Raise ``SettingsError`` for a value that cannot work."""
        if self.checkpoint_interval_s is not None:
            require_seconds(self.checkpoint_interval_s, "CHECKPOINT_INTERVAL", HOUR_S)
        require(
            0 < self.checkpoint_group_max <= _STATEMENTS_MAX,
            "CHECKPOINT_GROUP_MAX",
            f"must be 1 to {_STATEMENTS_MAX}: MongoDB takes no more in one command",
        )
        require(0 < self.max_live_users <= 10**9, "MAX_LIVE_USERS", "must be 1 to 1000000000")
        if self.max_live_alarms is not None:
            require(0 < self.max_live_alarms <= 10**9, "MAX_LIVE_ALARMS", "must be 1 to 1000000000")
        require_seconds(self.idle_timeout_s, "IDLE_TIMEOUT", CENTURY_S)
        require(self.max_attempts > 0, "MAX_ATTEMPTS", "must be at least 1")
        require_seconds(self.retry_wait_max_s, "RETRY_WAIT_MAX", HOUR_S)
        require(
            0 < self.retry_wait_initial_s <= self.retry_wait_max_s,
            "RETRY_WAIT_INITIAL",
            "must be above 0 and at most RETRY_WAIT_MAX",
        )
        # Below, a pause of a garbage collection or of a busy machine looks like a death.
        require(1 <= self.lease_s <= HOUR_S, "LEASE", "must be 1 to 3600 seconds")
        require(
            0 <= self.cleared_retention_s <= CENTURY_S,
            "CLEARED_RETENTION",
            f"must be 0 (never) or at most {CENTURY_S} seconds",
        )

        require(
            0 <= self.future_tolerance_s <= CENTURY_S,
            "FUTURE_TOLERANCE",
            f"must be 0 to {CENTURY_S} seconds",
        )

    @property
    def live_alarms_allowed(self) -> int:
        """How many alarms live users may have together."""
        if self.max_live_alarms is not None:
            return self.max_live_alarms
        return max(ALARMS_AT_LEAST, ALARMS_A_USER * self.max_live_users)

    @property
    def alarm_share(self) -> int:
        """How many of those each user has room for; who has more says so to the router."""
        return self.live_alarms_allowed // self.max_live_users

    def save_after_s(self, *, on_log: bool) -> float:
        """Return how long changed users may wait for a group commit, in seconds.

        What is on the log is safe there, and longer intervals only mean that more is read again
        after a crash; on core NATS it is lost, and a publisher may wait for the answer.
        """
        if self.checkpoint_interval_s is not None:
            return self.checkpoint_interval_s
        return SAVE_AFTER_LOG_S if on_log else SAVE_AFTER_CORE_S

    def backoff_s(self, attempt: int, jitter: float) -> float:
        """Seconds to wait before the attempt after ``attempt`` (1, 2, …).

        Doubles from ``retry_wait_initial_s`` to ``retry_wait_max_s``; ``jitter`` in [0, 1)
        takes up to half of it away, so that many waiters do not come back at once.
        """
        wait_s = min(self.retry_wait_max_s, self.retry_wait_initial_s * 2.0 ** min(attempt - 1, 30))
        return wait_s * (1.0 - jitter / 2.0)
