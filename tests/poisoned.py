"""``python -m tests.poisoned``: the service, with a rule that crashes at one instant.

What a defect that only some message brings out would do. Takes all that ``main.py`` takes.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import actors.user.applying
from actors.rules.alarms import apply_event
from bus.wire.instants import parse_instant
from main import main

if TYPE_CHECKING:
    from actors.rules.alarms import Alarm, Severity

POISON = "2021-12-24T00:00:00.000000001Z"
"""The instant at which an event crashes whoever applies it."""

_POISON_NS = parse_instant(POISON)


def crash_at_poison(
    alarm: Alarm | None, severity: Severity, changed_at_ns: int, *rest: Any
) -> Alarm:
    """Apply an event, unless it is poison."""
    if changed_at_ns == _POISON_NS:
        raise ArithmeticError("poison")
    return apply_event(alarm, severity, changed_at_ns, *rest)


if __name__ == "__main__":
    actors.user.applying.apply_event = crash_at_poison  # type: ignore[assignment, attr-defined]  # a test may
    sys.exit(main(sys.argv[1:]))
