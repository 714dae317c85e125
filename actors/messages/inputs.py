"""What comes in: domain messages, and their deliveries until they are settled."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from actors.ports import DeliveryToken
    from actors.rules.alarms import AlarmID, Severity, UserID
    from actors.rules.positions import Place


class AlarmStatusChanged(NamedTuple):
    """An alarm of a user changed its status."""

    user_id: UserID
    alarm_id: AlarmID
    severity: Severity
    changed_at_ns: int


class SendDigest(NamedTuple):
    """The user is to be told."""

    user_id: UserID
    place: Place | None
    """Where the request stands in its log; the same when it is read again. None where it cannot
    come again."""
    taken_at_s: float = 0.0
    """When it came into this process, by ``Clock.monotonic_s``."""
    traceparent: str | None = None
    """The trace context that it bears, for the digest to bear on."""
    earlier_id: str | None = None
    """What a version before the log knew it by, if that is not made from ``place``."""


class Delivery(NamedTuple):
    """A message from the bus, until it is settled."""

    token: DeliveryToken
    body: AlarmStatusChanged | SendDigest
    attempt: int = 1
    """How often it was tried in this process; more than once only after a crash."""
