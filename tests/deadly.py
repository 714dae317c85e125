"""``python -m tests.deadly``: the service, which some messages end, as a fault in C would.

Some as they are decoded, some as they are applied. Takes all that ``main.py`` takes.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import actors.user.applying
import bus.inbound.intake
from actors.rules.alarms import apply_event
from bus.wire.codec import decode_alarm_status_changed
from bus.wire.instants import parse_instant
from main import main

if TYPE_CHECKING:
    from actors.messages.inputs import AlarmStatusChanged
    from actors.rules.alarms import Alarm, Severity

STATUS = 139
"""With which it ends: what a shell says of a segmentation fault."""

IN_BODY = "deadly"
"""Whatever has it in its body ends who decodes it."""

AT = "2021-12-24T00:00:00.000000002Z"
"""The instant of an event that ends who applies it."""

_AT_NS = parse_instant(AT)


def decode(body: bytes, max_bytes: int) -> AlarmStatusChanged:
    """Decode an event, and die of some."""
    if IN_BODY.encode() in body:
        os._exit(STATUS)
    return decode_alarm_status_changed(body, max_bytes)


def apply(alarm: Alarm | None, severity: Severity, changed_at_ns: int, *rest: Any) -> Alarm:
    """Apply an event, and die of some."""
    if changed_at_ns == _AT_NS:
        os._exit(STATUS)
    return apply_event(alarm, severity, changed_at_ns, *rest)


if __name__ == "__main__":
    bus.inbound.intake.decode_alarm_status_changed = decode  # type: ignore[attr-defined]  # a test may
    actors.user.applying.apply_event = apply  # type: ignore[assignment, attr-defined]  # likewise
    sys.exit(main(sys.argv[1:]))
