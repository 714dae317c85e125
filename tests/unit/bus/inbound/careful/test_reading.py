"""What may have ended the process is noted before it is read, and nothing else waits for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from actors.rejections import RejectionKind
from actors.rules.ends import CAREFUL_FROM, Ends, Stretch
from actors.rules.positions import Place
from bus.inbound.careful import stretches
from tests.unit.bus.inbound.log_desk import SUBJECTS, LogDesk, event

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

DOUBTFUL = Ends(CAREFUL_FROM, 0)


class Notebook:
    """``Notes`` that are written when the test says so."""

    max_attempts = 5

    def __init__(self, desk: LogDesk) -> None:
        """Have ``desk`` note here."""
        self.asked: list[tuple[dict[int, tuple[int, int] | None], bool]] = []
        """The first and last sequence in hand by partition, and whether it is over."""
        self._waiting: list[Callable[[], None]] = []
        desk.reader.note_with(self)

    def note(
        self, in_hand: Mapping[int, Stretch | None], noted: Callable[[], None], *, over: bool
    ) -> None:
        """See ``Notes``."""
        hands = {
            number: None if hand is None else (hand.first, hand.last.sequence)
            for number, hand in in_hand.items()
        }
        self.asked.append((hands, over))
        self._waiting.append(noted)

    def write(self) -> None:
        """Have what was asked for be stored."""
        waiting, self._waiting = self._waiting, []
        for noted in waiting:
            noted()


@pytest.fixture
def desk() -> LogDesk:
    """A process at a log."""
    return LogDesk()


@pytest.fixture
def notebook(desk: LogDesk) -> Notebook:
    """Where it notes."""
    return Notebook(desk)


def suspecting(first: int, last: Place, times: int) -> Ends:
    """Return ends that had a stretch in hand."""
    return Ends(CAREFUL_FROM, 0, Stretch(first, last), times)


def test_nothing_is_read_before_it_is_noted(desk: LogDesk, notebook: Notebook) -> None:
    """Once it is settled the end of all care is noted, and the partitions read as the others."""
    for name in "abc":
        desk.put(0, name)
    desk.gain(0, 1, ends=DOUBTFUL)
    desk.run()
    assert desk.names() == []
    assert notebook.asked == [({0: (1, 3)}, False)]
    notebook.write()
    desk.run()
    assert desk.names() == ["a", "b", "c"]
    assert len(notebook.asked) == 1
    desk.settle()
    desk.run()
    assert notebook.asked[1:] == [({0: None, 1: None}, True)]
    notebook.write()
    desk.put(0, "d")
    desk.put(1, "e")
    desk.run()
    assert desk.names() == ["a", "b", "c", "d", "e"]
    assert len(notebook.asked) == 2
    assert {place.sequence for place in desk.reader.positions().values()} == {3, 4}


def test_what_is_in_doubt_for_nobody_is_read_at_once(desk: LogDesk, notebook: Notebook) -> None:
    """After a first end, or none."""
    desk.put(0, "a")
    desk.put(1, "b")
    desk.gain(0, ends=Ends(1, 0))
    desk.gain(1)
    desk.run()
    assert desk.names() == ["a", "b"]
    assert notebook.asked == []


def test_where_nothing_is_unread_nothing_is_noted_in_hand(
    desk: LogDesk, notebook: Notebook
) -> None:
    """And all is forgotten: who has nothing to do may end as often as it likes."""
    desk.gain(0, ends=DOUBTFUL)
    desk.run()
    assert notebook.asked == [({0: None}, True)]


def test_others_are_read_meanwhile(desk: LogDesk, notebook: Notebook) -> None:
    """Those of a home that did not end; with those of the one that did, all are in doubt."""
    for number in range(3):
        desk.put(number, f"of-{number}")
    desk.gain(2)
    desk.reader.gain([])
    desk.gain(0, ends=DOUBTFUL)
    desk.run()
    assert desk.names() == ["of-2"]
    assert notebook.asked == [({0: (1, 3)}, False)]


def test_suspects_are_taken_one_by_one_and_after_a_rest(desk: LogDesk, notebook: Notebook) -> None:
    """Nobody is in hand whose hand is empty: who had the one before has nothing any more."""
    places = [desk.put(number, f"of-{number}") for number in (0, 1, 0, 1)]
    desk.gain(0, 1, ends=suspecting(2, places[2], 1))
    desk.run()
    notebook.write()
    desk.settle()
    desk.run()
    assert notebook.asked == [({0: (1, 1)}, False)]
    desk.run(timers=1)
    for _ in range(3):
        notebook.write()
        desk.settle()
        desk.run()
    assert notebook.asked[1:] == [
        ({1: (2, 2), 0: None}, False),
        ({0: (3, 3), 1: None}, False),
        ({1: (4, 4), 0: None}, False),
        ({0: None, 1: None}, True),
    ]


def test_a_message_in_a_form_of_its_own_is_in_everybodys_hand(
    desk: LogDesk, notebook: Notebook
) -> None:
    """All have to decode it."""
    desk.log.append(SUBJECTS.alarm_status_changed, b"{ }")
    desk.gain(0, 1, ends=DOUBTFUL)
    desk.run()
    assert notebook.asked == [({0: (1, 1), 1: (1, 1)}, False)]


def test_what_ended_as_many_as_it_may_becomes_a_dead_letter_unread(
    desk: LogDesk, notebook: Notebook
) -> None:
    """The position waits for the letter; what is around it is taken as ever."""
    places = [desk.put(0, name) for name in ("a", "deadly", "c")]
    desk.gain(0, ends=suspecting(2, places[1], 3))
    desk.run()
    for _ in range(2):
        notebook.write()
        desk.settle()
        desk.run(timers=1)
    assert desk.names() == ["a", "c"]
    [(message, rejection)] = [(one.message, one.rejection) for one in desk.letters.rejected]
    assert (message.sequence, rejection.kind) == (2, RejectionKind.DEADLY)
    assert rejection.reason == "5 processes in succession ended when they came to this message"
    assert desk.reader.positions()[0].sequence == 1
    desk.letters.store()
    desk.run()
    assert desk.reader.positions()[0].sequence == 3


def test_who_condemned_a_message_is_known_until_its_letter_is_stored(
    desk: LogDesk, notebook: Notebook
) -> None:
    """The letters' stream may be full: its user's position passes it, and a kill would lose it."""
    deadly = desk.log.append(SUBJECTS.alarm_status_changed, b" " + event(1, "deadly"))
    desk.gain(0, ends=suspecting(1, deadly, 3))
    desk.gain(1, ends=DOUBTFUL)
    desk.put(1, "b")
    desk.run()
    for _ in range(4):
        notebook.write()
        desk.settle()
        desk.run()
    assert desk.names() == ["b"]
    assert {n: place.sequence for n, place in desk.reader.positions().items()} == {0: 0, 1: 2}
    assert [(hands, over) for hands, over in notebook.asked if 0 in hands] == [({0: None}, False)]
    assert notebook.asked[-1] == ({1: None}, True)
    desk.letters.store()
    assert desk.reader.positions()[0].sequence == 2


def test_what_waits_for_a_server_has_nothing_behind_it_wait(
    desk: LogDesk, notebook: Notebook
) -> None:
    """A letter that its full stream does not take made each stretch last the two seconds."""
    desk.log.append(SUBJECTS.alarm_status_changed, b"?")
    for number in range(2 * stretches.STRETCH):
        desk.put(0, f"a-{number}")
    desk.gain(0, ends=DOUBTFUL)
    desk.run()
    notebook.write()
    desk.run(timers=1)
    while desk.posts or len(notebook.asked) < 3:
        before = len(notebook.asked)
        notebook.write()
        desk.settle()
        desk.run()
        assert len(notebook.asked) > before
    assert desk.letters.rejected


def test_what_is_damaged_of_the_ends_has_the_rest_read_with_care(
    desk: LogDesk, notebook: Notebook
) -> None:
    """A document that a person has changed, say: it ended the process, at each start."""
    place = desk.put(0, "a")
    desk.gain(0, ends=Ends(0, 0, Stretch(1, place), 1))
    desk.run(timers=1)
    notebook.write()
    assert desk.names() == ["a"]


def test_another_message_at_its_sequence_is_read(desk: LogDesk, notebook: Notebook) -> None:
    """A broker that lost its tail hands sequences out again."""
    desk.put(0, "healthy")
    desk.gain(0, ends=suspecting(1, Place(1, 999, "made.1"), 99))
    desk.run(timers=1)
    notebook.write()
    assert desk.names() == ["healthy"]


def test_what_is_not_settled_for_a_while_is_no_poison(desk: LogDesk, notebook: Notebook) -> None:
    """Its process lives, and waits for a server: the others are not to wait as well."""
    for number in range(stretches.STRETCH + 1):
        desk.put(0, f"a-{number}")
    desk.gain(0, ends=DOUBTFUL)
    desk.run()
    notebook.write()
    desk.run()
    taken = len(desk.taken)
    desk.run()
    assert len(desk.taken) == taken
    desk.run(timers=1)
    assert len(notebook.asked) == 2


def test_a_reading_that_is_lost_begins_anew_behind_what_was_taken(
    desk: LogDesk, notebook: Notebook
) -> None:
    """A note that is answered later has nothing taken twice."""
    desk.put(0, "a")
    desk.put(0, "b")
    desk.gain(0, ends=DOUBTFUL)
    desk.run()
    desk.log.end_readings("the server was started again")
    desk.run(timers=1)
    notebook.write()
    desk.run()
    desk.settle()
    desk.run()
    notebook.write()
    desk.put(0, "c")
    desk.run()
    assert desk.names() == ["a", "b", "c"]


def test_what_leaves_meanwhile_is_read_no_more(desk: LogDesk, notebook: Notebook) -> None:
    """The others are; and what is gained meanwhile is read with them from its place."""
    for number in (0, 1, 2):
        desk.put(number, f"of-{number}")
    desk.gain(0, 1, ends=DOUBTFUL)
    desk.run()
    desk.reader.drop([0])
    desk.gain(2, ends=DOUBTFUL)
    desk.run()
    notebook.write()
    desk.run()
    assert desk.names() == ["of-1", "of-2"]
    desk.reader.drop([1, 2])
    desk.run()
    assert desk.reader.place is None
