"""The reader over the twin of a log: what it takes, where it begins, how it recovers."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from actors.rules.partitions import Partition
from actors.rules.positions import BEGIN, Place
from tests.unit.bus.inbound.log_desk import ME, LogDesk

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    from bus.inbound.log_source import LogFailure, LogState

MADE_ANEW = Place(0, 0, "made.2")


def test_what_is_at_home_is_taken_in_order_and_the_rest_is_skipped() -> None:
    """Each once."""
    desk = LogDesk()
    for n in range(20):
        desk.put(n % 4, f"{n}")
    desk.gain(1, 2)
    desk.run()
    assert desk.names() == [f"{n}" for n in range(20) if n % 4 in (1, 2)]
    assert (desk.tally.taken, desk.tally.skipped) == (10, 10)


def test_who_has_no_partition_reads_nothing() -> None:
    """There is no consumer at all: the network is used sparingly."""
    desk = LogDesk()
    desk.put(0, "a")
    desk.reader.start()
    desk.run()
    assert (desk.log.readings, desk.taken, desk.reader.able) == ([], [], True)
    desk.gain(0)
    desk.run()
    assert len(desk.log.readings) == 1
    desk.reader.drop([0])
    assert desk.log.readings == []


def test_a_position_is_below_what_is_not_settled_and_where_the_reader_is_without() -> None:
    """Also for a partition of which nothing came: it need not be read again."""
    desk = LogDesk()
    desk.gain(0, 1, 2)
    places = [desk.put(n % 2, f"{n}") for n in range(6)]
    desk.run()
    desk.settle("0", "1", "2", "5")
    assert desk.reader.positions() == {0: places[3], 1: places[2], 2: places[5]}
    assert [desk.reader.unsettled(number) for number in range(4)] == [1, 1, 0, 0]
    desk.settle()
    assert set(desk.reader.positions().values()) == {places[5]}


def test_a_partition_is_read_from_its_position() -> None:
    """Others at home here may be behind it."""
    desk = LogDesk()
    places = [desk.put(n % 2, f"{n}") for n in range(10)]
    desk.reader.gain([])
    desk.gain(0, position=places[3])
    desk.gain(1, position=places[6])
    desk.run()
    assert desk.names(0) == ["4", "6", "8"]
    assert desk.names(1) == ["7", "9"]


def test_a_partition_that_is_behind_is_caught_up_beside_the_others() -> None:
    """By a second consumer, which then goes."""
    desk = LogDesk()
    places = [desk.put(n % 2, f"{n}") for n in range(40)]
    desk.gain(0)
    desk.run()
    desk.gain(1, position=places[5])
    for _ in range(8):
        desk.step()
    assert len(desk.log.readings) == 2
    for n in range(40, 50):
        desk.put(n % 2, f"{n}")
    desk.run()
    assert desk.names(0) == [f"{n}" for n in range(0, 50, 2)]
    assert desk.names(1) == [f"{n}" for n in range(7, 50, 2)]
    assert len(desk.log.readings) == 1


def test_no_less_than_nothing_waits_when_the_answer_is_older_than_what_was_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The log's state was asked for, a message came, then the answer, which does not know it."""
    desk = LogDesk()
    desk.put(0, "before")
    desk.reader.start()
    desk.gain(0)
    desk.run()
    older = desk.log.state()
    answers: list[Callable[[LogState | LogFailure], None]] = []
    monkeypatch.setattr(desk.source, "state", answers.append)
    desk.run(timers=1)
    desk.put(0, "meanwhile")
    desk.run()
    assert desk.names() == ["before", "meanwhile"]
    assert answers
    for answer in answers:
        answer(older)
    desk.run()
    assert desk.reader.waiting == 0


def test_a_partition_whose_position_is_ahead_waits_for_the_reader() -> None:
    """What its former home has settled is skipped."""
    desk = LogDesk(max_in_flight=4)
    places = [desk.put(n % 2, f"{n}") for n in range(20)]
    desk.gain(0)
    desk.run()
    assert desk.names() == ["0", "2", "4", "6"]
    desk.gain(1, position=places[15])
    desk.run()
    while desk.intake.size:
        desk.settle()
        desk.run()
    assert desk.names(1) == ["17", "19"]
    assert desk.reader.positions() == {0: places[-1], 1: places[-1]}


def test_a_stopped_partition_stays_where_it_is_until_it_is_dropped() -> None:
    """What is in flight is still settled, and its position is saved then."""
    desk = LogDesk()
    desk.gain(0, 1)
    places = [desk.put(n % 2, f"{n}") for n in range(4)]
    desk.run()
    desk.reader.stop([1])
    desk.put(1, "late")
    desk.put(0, "more")
    desk.run()
    assert desk.names(1) == ["1", "3"]
    assert desk.reader.positions()[1] == places[0]
    desk.settle()
    assert desk.reader.positions()[1] == places[3]
    desk.reader.drop([1])
    assert list(desk.reader.positions()) == [0]


def test_dropping_lets_go_of_what_is_in_flight() -> None:
    """Whoever settles it later changes nothing."""
    desk = LogDesk()
    desk.gain(0, 1)
    for n in range(4):
        desk.put(n % 2, f"{n}")
    desk.run()
    desk.reader.drop([1])
    assert desk.intake.size == 2
    desk.gain(1)
    desk.run()
    assert desk.names(1) == ["1", "3", "1", "3"]
    desk.intake.settle([one.token for one in desk.taken[:4]])
    assert desk.reader.unsettled(1) == 2


def test_the_window_is_the_only_throttle() -> None:
    """What is skipped takes none of it."""
    desk = LogDesk(max_in_flight=3)
    for n in range(40):
        desk.put(n % 4, f"{n}")
    desk.gain(3)
    desk.run()
    assert desk.names() == ["3", "7", "11"]
    desk.settle("7")
    desk.run()
    assert desk.names() == ["3", "7", "11", "15"]


def test_a_lost_consumer_is_replaced_behind_the_message_read_last() -> None:
    """Nothing is lost, and nothing taken twice."""
    desk = LogDesk()
    desk.gain(0)
    desk.put(0, "a")
    desk.run()
    desk.log.end_readings("consumer deleted")
    desk.put(0, "b")
    desk.run(timers=1)
    assert desk.names() == ["a", "b"]
    assert desk.fell == []


def test_a_log_that_does_not_answer_is_asked_again_and_is_not_able_meanwhile() -> None:
    """The others may have what nobody here can read."""
    desk = LogDesk()
    desk.reader.start()
    desk.run()
    for what in ("begin", "state"):
        desk.refuse(what)
        desk.gain(0)
        desk.put(0, what)
        desk.run(timers=3)
        assert (desk.taken, desk.reader.able) == ([], False)
        desk.refuse("")
        desk.run(timers=3)
        assert desk.reader.able
        desk.reader.drop([0])
        desk.taken.clear()


def test_who_could_not_read_tries_again_also_with_nothing_to_read() -> None:
    """Nobody gives it a partition before it can: it would never learn that."""
    desk = LogDesk()
    desk.reader.start()
    desk.refuse("begin")
    desk.gain(0)
    desk.run(timers=2)
    desk.reader.drop([0])
    desk.run(timers=2)
    able = [desk.reader.able]
    desk.refuse("")
    desk.run(timers=3)
    able.append(desk.reader.able)
    assert able == [False, True]
    assert desk.log.readings == []


def test_a_place_that_a_limit_takes_while_it_is_asked_for_is_no_loss() -> None:
    """The log's state was asked before, the message is asked for after."""
    desk = LogDesk()
    desk.gain(0)
    for n in range(5):
        desk.put(0, f"{n}")
    desk.run()
    desk.log.end_readings("moved")
    desk.put(0, "new")
    asked: list[str] = []

    def discard_before_the_message_is_asked_for(what: str) -> None:
        asked.append(what)
        if what == "timestamp" and asked.count(what) == 1:
            desk.log.discard(5)

    desk.source.fault = discard_before_the_message_is_asked_for
    desk.run(timers=1)
    assert desk.names() == ["0", "1", "2", "3", "4", "new"]
    assert (desk.tally.falls, desk.tally.discarded) == (0, 0)


def test_a_lost_tail_is_noticed_by_the_message_read_last(caplog: pytest.LogCaptureFixture) -> None:
    """150 read, lost from 101 on, 20 new ones: those are read, whatever their sequences."""
    desk = LogDesk()
    desk.gain(0, 1)
    for n in range(100):
        desk.put(0, f"{n}")
    desk.run()
    desk.settle()
    saved = desk.reader.positions()
    for n in range(100, 150):
        desk.put(0, f"{n}")
    desk.run()
    desk.log.lose_tail(50)
    for n in range(20):
        desk.put(0, f"new {n}")
    with caplog.at_level(logging.ERROR):
        desk.run(timers=1)
    assert desk.names()[150:] == [f"new {n}" for n in range(20)]
    assert desk.fell == []
    assert desk.reader.positions()[0] == saved[0]
    assert [record.msg for record in caplog.records] == ["log.not_the_same"]


def test_a_position_that_was_lost_with_the_tail_falls() -> None:
    """To what was known before it; to the log's begin without."""
    desk = LogDesk()
    desk.gain(0, 1)
    for n in range(10):
        desk.put(n % 2, f"{n}")
    desk.run()
    desk.settle()
    desk.reader.positions()
    desk.log.lose_tail(4)
    desk.put(0, "new")
    desk.run(timers=1)
    assert desk.fell == [{0: Place(0, 0, "made.1"), 1: Place(0, 0, "made.1")}]
    assert desk.names()[10:] == ["0", "1", "2", "3", "4", "5", "new"]


def test_what_stands_unsettled_below_the_cut_keeps_its_position() -> None:
    """The place before it is in the log still."""
    desk = LogDesk()
    desk.gain(0, 1)
    places = [desk.put(n % 2, f"{n}") for n in range(10)]
    desk.run()
    desk.settle(*"012346789")
    assert desk.reader.positions() == {0: places[9], 1: places[4]}
    desk.log.lose_tail(3)
    desk.run(timers=1)
    assert desk.fell == [{0: places[4]}]
    assert desk.names(1)[5:] == ["5"]


def test_a_stream_made_anew_is_read_from_its_begin() -> None:
    """However high the positions were."""
    desk = LogDesk()
    desk.reader.start()
    desk.gain(0)
    for n in range(5):
        desk.put(0, f"{n}")
    desk.run()
    desk.settle()
    desk.reader.positions()
    desk.log.recreate()
    for n in range(8):
        desk.put(0, f"new {n}")
    desk.run(timers=1)
    assert desk.names()[5:] == [f"new {n}" for n in range(8)]
    assert desk.fell == [{0: MADE_ANEW}]
    assert desk.tally.falls == 1


def test_a_gained_position_of_another_stream_says_nothing_about_this_one() -> None:
    """Also when it is below where the reader is."""
    desk = LogDesk()
    desk.log.recreate()
    desk.gain(0)
    for n in range(8):
        desk.put(n % 2, f"{n}")
    desk.run()
    desk.settle()
    read = desk.reader.positions()[0]
    desk.gain(1, position=Place(4, 4, "made.1"))
    desk.run()
    assert desk.names(1) == ["1", "3", "5", "7"]
    assert desk.names(0) == ["0", "2", "4", "6"]
    assert desk.fell == [{1: MADE_ANEW}]
    assert desk.reader.positions()[0] == read


def test_a_gained_position_beyond_the_reader_is_verified() -> None:
    """Its home of before may have read what the broker then lost."""
    desk = LogDesk()
    desk.gain(0)
    for n in range(4):
        desk.put(n % 2, f"{n}")
    desk.run()
    desk.gain(1, position=Place(9, 9, "made.1"))
    desk.run()
    for n in range(4, 20):
        desk.put(n % 2, f"{n}")
    desk.run()
    assert desk.names(1) == [f"{n}" for n in range(1, 20, 2)]
    assert desk.names(0) == [f"{n}" for n in range(0, 20, 2)]


def test_gained_positions_are_verified_one_by_one() -> None:
    """One was left before the broker lost its tail, one after: the higher says nothing of it."""
    desk = LogDesk()
    places = [desk.put(n % 2, f"{n}") for n in range(10)]
    desk.log.lose_tail(6)
    places += [desk.put(n % 2, f"new {n}") for n in range(4, 12)]
    desk.gain(0, position=places[9])
    desk.gain(1, position=places[-1])
    desk.run()
    assert desk.names(0) == ["0", "2", *(f"new {n}" for n in range(4, 12, 2))]
    assert desk.names(1) == []
    assert desk.fell == [{0: Place(0, 0, "made.1")}]


def test_what_came_before_a_fall_is_settled_to_nowhere() -> None:
    """It is read again under other tokens, and only those move the position."""
    desk = LogDesk()
    desk.gain(0)
    kept, _, _ = (desk.put(0, name) for name in "abc")
    desk.run()
    desk.settle("a")
    desk.log.lose_tail(1)
    desk.put(0, "d")
    desk.run(timers=1)
    old, new = desk.taken[:3], desk.taken[3:]
    assert [one.name for one in new] == ["b", "d"]
    desk.intake.settle([one.token for one in old])
    assert desk.reader.positions()[0] == kept
    assert desk.intake.size == 2


def test_a_look_notices_what_the_consumer_does_not() -> None:
    """A consumer that outlives what it was to read from would wait for sequences long given."""
    desk = LogDesk()
    desk.reader.start()
    desk.gain(0)
    for n in range(5):
        desk.put(0, f"{n}")
    desk.run()
    desk.log.last -= 3
    for sequence in (3, 4, 5):
        del desk.log.messages[sequence]
    desk.put(0, "new")
    desk.run(timers=2)
    assert "new" in desk.names()


def test_what_was_discarded_unread_is_said_with_how_much(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """By a limit or a person, before the reading began or under its hands."""
    desk = LogDesk(max_in_flight=2)
    places = [desk.put(0, f"{n}") for n in range(20)]
    desk.log.discard(places[7].sequence)
    with caplog.at_level(logging.ERROR):
        desk.gain(0, position=places[3])
        desk.run()
        assert desk.names() == ["8", "9"]
        desk.log.discard(places[14].sequence)
        desk.settle()
        desk.run(timers=1)
    assert desk.names()[:4] == ["8", "9", "15", "16"]
    assert desk.tally.discarded == 4 + 5
    assert {record.msg for record in caplog.records} == {"log.discarded_unread"}
    assert desk.fell == []


def test_what_was_gone_before_anybody_read_is_not_missed() -> None:
    """Where no position is known, reading begins at the first message there is."""
    desk = LogDesk()
    for n in range(9):
        desk.put(0, f"{n}")
    desk.log.discard(6)
    desk.gain(0)
    desk.run()
    assert desk.names() == ["6", "7", "8"]
    assert desk.tally.discarded == 0


def test_an_emptied_log_is_no_loss_of_what_was_read() -> None:
    """The message at the place is gone with it: that is a purge, no lost tail."""
    desk = LogDesk()
    desk.gain(0)
    for n in range(5):
        desk.put(0, f"{n}")
    desk.run()
    desk.log.purge()
    desk.log.end_readings("moved")
    desk.run(timers=1)
    desk.put(0, "new")
    desk.run()
    assert desk.names() == ["0", "1", "2", "3", "4", "new"]
    assert (desk.tally.falls, desk.tally.discarded) == (0, 0)


def test_a_subject_that_is_not_ours_is_said_by_the_home_of_partition_0() -> None:
    """A stream that renames subjects would else be passed over in silence."""
    homes = [LogDesk(), LogDesk()]
    for number, desk in enumerate(homes):
        desk.log.append("renamed.AlarmStatusChanged", b"{}")
        desk.gain(number)
        desk.run()
    assert [desk.foreign for desk in homes] == [["renamed.AlarmStatusChanged"], []]
    assert [desk.tally.foreign for desk in homes] == [1, 0]
    assert homes[0].reader.positions()[0].sequence == 1


def test_no_position_is_known_below_the_begin() -> None:
    """What is gained at the begin of an empty log is at its begin."""
    desk = LogDesk()
    desk.gain(0)
    desk.run()
    assert desk.reader.positions() == {0: BEGIN}


def test_what_a_limit_takes_while_it_is_asked_for_is_no_other_log() -> None:
    """The log was asked how it stands, and lost the message before it was asked for that."""
    desk = LogDesk()
    desk.put(1, "a")
    desk.put(1, "b")
    desk.gain(1)
    desk.run()
    desk.settle()
    position = desk.reader.positions()[1]
    desk.put(1, "c")
    desk.log.end_readings("the server was started again")
    desk.run()
    asked = desk.source.timestamp

    def discard_first(sequence: int, answer: Callable[[int | LogFailure | None], None]) -> None:
        desk.log.discard(2)
        asked(sequence, answer)

    desk.source.timestamp = discard_first  # type: ignore[method-assign]  # a limit is that quick
    desk.run(timers=2)
    assert desk.fell == []
    assert desk.tally.falls == 0
    assert desk.reader.positions()[1].sequence >= position.sequence
    assert desk.names() == ["a", "b", "c"]


def test_positions_of_the_same_sequence_in_two_logs_are_told_apart() -> None:
    """One is of the log as it is, one of the log before: they begin at one place, and only one may.

    Taken for the same, the message there is skipped, and the reader falls back again and again.
    """
    desk = LogDesk()
    before = desk.put(1, "a")
    desk.log.recreate()
    position = desk.put(1, "b")
    desk.put(0, "c")
    desk.reader.gain([Partition(0, ME, 1, position), Partition(1, ME, 1, before)])
    for _ in range(500):  # enough, unless it falls back for ever
        desk.step()
    assert sorted(desk.names()) == ["b", "c"]
    assert desk.fell == [{1: MADE_ANEW}]
    assert desk.tally.falls == 1


def test_what_cannot_be_put_aside_holds_up_its_own_partition_only() -> None:
    """All rejected messages are of partition 0; what comes for the others is taken meanwhile."""
    desk = LogDesk()
    desk.gain(0, 1)
    desk.put(0, "a")
    desk.put(1, "b")
    desk.run()
    desk.letters.is_clogged = True
    held = desk.put(1, "c")
    desk.run()
    for n in range(20):
        desk.put(n % 2, f"{n}")
    desk.run()
    assert desk.names(0) == ["a"]
    assert desk.names(1) == ["b", "c", *[f"{n}" for n in range(1, 20, 2)]]
    desk.settle()
    assert desk.reader.positions()[0] == held, "its position stays where it was set aside"
    desk.letters.is_clogged = False
    desk.settle()
    desk.reader.ask_for_more()
    desk.run()
    assert desk.names(0) == ["a", *[f"{n}" for n in range(0, 20, 2)]]
    assert desk.names(1) == ["b", "c", *[f"{n}" for n in range(1, 20, 2)]], "none a second time"
    desk.settle()
    end = desk.put(2, "foreign")
    desk.run()
    assert set(desk.reader.positions().values()) == {end}


def test_a_partition_that_is_lost_while_it_is_set_aside_is_not_read_on() -> None:
    """Nor is one read twice that comes back meanwhile."""
    desk = LogDesk()
    desk.gain(0, 1)
    desk.letters.is_clogged = True
    desk.put(1, "a")
    desk.run()
    desk.reader.drop([0])
    desk.put(0, "b")
    desk.letters.is_clogged = False
    desk.reader.ask_for_more()
    desk.run()
    assert desk.names() == ["a"]
    desk.gain(0)
    desk.letters.is_clogged = True
    desk.put(1, "c")
    desk.run()
    desk.reader.drop([0])
    desk.letters.is_clogged = False
    desk.gain(0)
    desk.reader.ask_for_more()
    desk.run()
    assert desk.names(1) == ["a", "c"]
    assert desk.names(0) == ["b"], "not while it could not be put aside, and once after that"
