"""Choosing what is due in slices: no slice looks at more than so many, and all are found."""

from __future__ import annotations

from random import Random

import pytest

from actors.rules.alarms import Alarm, AlarmID, Severity
from actors.rules.digest import due_items
from actors.user.selection import ALARMS_IN_A_SLICE, Selection


class _Counted(dict[AlarmID, Alarm]):
    """Alarms that count how often one is looked at."""

    looks = 0

    def __getitem__(self, alarm_id: AlarmID) -> Alarm:
        self.looks += 1
        return super().__getitem__(alarm_id)


def _alarms(count: int) -> _Counted:
    random = Random(4)
    return _Counted(
        (
            AlarmID(f"alarm-{number}"),
            Alarm(
                random.choice(list(Severity)),
                random.randrange(count),
                Severity.CLEARED,
                None,
                news=random.random() < 0.7,
                heard_at_s=1,
            ),
        )
        for number in range(count)
    )


@pytest.mark.parametrize("most", [7, ALARMS_IN_A_SLICE, 10_001])
def test_the_oldest_that_are_due_are_found_whatever_their_order(most: int) -> None:
    """As if all had been looked at in one go."""
    alarms = _alarms(20_000)
    selection = Selection(alarms, alarms, most)
    while selection.step():
        assert selection.items is None
    assert selection.items == due_items(alarms)[:most]


def test_no_slice_looks_at_more_than_so_many_alarms() -> None:
    """Whatever the number of alarms, and however many of them are due."""
    alarms = _alarms(20_000)
    selection, slices = Selection(alarms, alarms, 10_001), 0
    while selection.step():
        assert alarms.looks <= ALARMS_IN_A_SLICE
        alarms.looks = 0
        slices += 1
    assert slices == 20_000 / ALARMS_IN_A_SLICE


def test_it_chooses_among_those_that_it_is_given() -> None:
    """Others are known not to be due; what is among them at the first step counts."""
    alarms = _alarms(100)
    among: dict[AlarmID, None] = {}
    selection = Selection(alarms, among, 1000)
    among.update(dict.fromkeys(list(alarms)[:50]))
    while selection.step():
        pass
    assert selection.items == due_items(alarms, among)
