"""Setting positions back: never forward, never beyond the log, each partition by itself."""

from __future__ import annotations

from random import Random

import pytest

from actors.rules.partitions import InstanceID, Partition
from actors.rules.positions import BEGIN, Place
from ops.homes.rewinding import Log, RewindRefusedError, before, rewinding

LOG = Log("log", 100, 200)


@pytest.mark.parametrize(
    ("sequence", "position"),
    [(150, Place(149, 7, "log")), (200, Place(199, 7, "log")), (100, Place(99, 0, "log"))],
)
def test_reading_goes_on_with_the_message_that_is_named(sequence: int, position: Place) -> None:
    """The position stands on the one before it; before the first there is none."""
    assert before(sequence, 7, LOG) == position


@pytest.mark.parametrize(
    ("sequence", "words"), [(201, "never forward"), (99, "begins at sequence 100"), (0, "begins")]
)
def test_what_the_log_does_not_have_is_refused(sequence: int, words: str) -> None:
    """With what can be had instead."""
    with pytest.raises(RewindRefusedError, match=words):
        before(sequence, 7, LOG)


def test_only_those_above_go_back() -> None:
    """By brute force over made-up positions."""
    random, position = Random(1), Place(149, 7, "log")
    for _ in range(200):
        places = [
            random.choice(
                (BEGIN, Place(random.randint(120, 180), 1, random.choice(("log", "old"))))
            )
            for _ in range(5)
        ]
        partitions = [
            Partition(number, InstanceID("a"), 3, place) for number, place in enumerate(places)
        ]
        # What is behind 170 the log has lost; 165 is another message by now.
        put_at = {sequence: 2 if sequence == 165 else 1 for sequence in range(100, 171)}
        above = [n for n, place in enumerate(places) if place.sequence > 149]
        back = [n for n in above if places[n].log == "log" and put_at.get(places[n].sequence) == 1]
        strangers = [
            n
            for n, place in enumerate(places)
            if place.log == "old" or (n in above and n not in back)
        ]
        if not back:
            with pytest.raises(RewindRefusedError, match="not in this log" if above else "never"):
                rewinding(partitions, position, LOG, put_at)
            continue
        planned = rewinding(partitions, position, LOG, put_at)
        assert [one.number for one in planned.partitions] == back
        assert list(planned.strangers) == strangers
        assert (planned.position, planned.again) == (position, 51)
