"""What alarms take of a checkpoint; that it is never too little, the store's tests show."""

from __future__ import annotations

import pytest

from actors.rules.alarms import AlarmID
from actors.rules.capacity import stored_bytes


@pytest.mark.parametrize(
    ("alarm_id", "more"), [("a", 1), ("ü", 2), (".", 3), ("$", 3), ("%", 3), ("a.b$%.", 14)]
)
def test_an_alarm_takes_its_id_escaped_beside_what_all_take(alarm_id: str, more: int) -> None:
    """Three bytes for each character that a field's name may not have."""
    assert stored_bytes((AlarmID(alarm_id),)) == stored_bytes((AlarmID(""),)) + more


def test_many_alarms_take_the_sum_of_each() -> None:
    """And none at all nothing."""
    one, other = AlarmID("disk"), AlarmID("$fan")
    assert stored_bytes((one, other)) == stored_bytes((one,)) + stored_bytes((other,))
    assert stored_bytes(()) == 0
