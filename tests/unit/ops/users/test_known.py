"""Users are shown as they are in memory, if they are, else as they were saved, marked which."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from actors.errors import StoreUnavailableError
from actors.ports import NEVER_SAVED, CheckpointUpdate
from actors.rules.alarms import Alarm, AlarmID, Severity, UserID
from actors.rules.digest import Cursor
from actors.rules.partitions import PARTITIONS, HomesView, InstanceID, Partition
from actors.rules.positions import BEGIN
from ops.homes.whereabouts import SeenHomes
from ops.users.known import KnownUsers
from ops.users.live import ActorsBusyError, LiveUsers
from ops.users.report import Provenance, Source, report_on
from ops.users.stored import UnreadableUserError
from tests.doubles import FaultyStore, Inbox
from tests.unit.ops.running import Running, running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ops.users.report import UserReport

X, Y = UserID("x"), UserID("y")
STORED = Alarm(Severity.CRITICAL, 5, Severity.CLEARED, None, news=True, heard_at_s=1)


def saved(store: FaultyStore, user_id: UserID) -> None:
    """Store a user with one alarm and three digests."""
    store.save([CheckpointUpdate(user_id, 0, {AlarmID("s"): STORED}, Cursor(3))])


@pytest.fixture
def actors() -> Iterator[Running]:
    """Actors at work."""
    with running() as started:
        yield started


def known(actors: Running) -> KnownUsers:
    """Return one that is called ``me``."""
    return KnownUsers(LiveUsers(actors.router), actors.store, "me")


def test_a_user_in_memory_is_shown_as_it_is_there(actors: Running) -> None:
    """The save is an hour away."""
    saved(actors.store, X)
    actors.event("x", "b")
    report = known(actors).show(X)
    assert (report.source, report.instance, report.unsaved) == (Source.LIVE, "me", 1)
    assert [alarm.alarm_id for alarm in report.alarms] == ["b", "s"]
    assert (report.version, report.digests) == (1, 3)


def test_a_user_that_is_not_in_memory_is_read_and_stays_out_of_it(actors: Running) -> None:
    """Looking must not fill the memory."""
    saved(actors.store, X)
    report = known(actors).show(X, only=AlarmID("s"))
    assert (report.source, report.instance, report.unsaved) == (Source.STORED, "me", None)
    assert [alarm.status for alarm in report.alarms] == ["CRITICAL"]
    assert known(actors).count_live() == 0


def test_nobody_knows_an_unknown_user(actors: Running) -> None:
    """And it is no error."""
    assert known(actors).show(X).source is Source.NOWHERE


def test_live_users_are_listed_in_numbers(actors: Running) -> None:
    """All, or those of interest."""
    actors.event("x", "a")
    actors.event("y", "a")
    actors.event("y", "b", Severity.CLEARED)
    lines = known(actors).list_live(None, 10)
    assert [(line.user_id, line.due, line.active, line.known) for line in lines] == [
        ("y", 1, 1, 2),
        ("x", 1, 1, 1),
    ]
    assert [line.user_id for line in known(actors).list_live([X, UserID("z")], 10)] == ["x"]
    assert [line.user_id for line in known(actors).list_live(None, 1)] == ["y"]
    assert known(actors).count_live() == 2


def test_actors_that_do_not_answer_in_time_cost_the_checkpoint_only() -> None:
    """The report says why it is the checkpoint; a list cannot be had."""
    store = FaultyStore()
    saved(store, X)
    silent = Inbox()
    look = KnownUsers(LiveUsers(silent.actor_ref, timeout_s=0.01), store, "me")
    report = look.show(X)
    assert report.source is Source.STORED
    assert report.note is not None
    assert "did not answer in time" in report.note
    with pytest.raises(ActorsBusyError):
        look.list_live(None, 10)


def test_a_router_that_has_stopped_costs_the_checkpoint_only(actors: Running) -> None:
    """As during a stop of the service."""
    saved(actors.store, X)
    look = known(actors)
    actors.router.stop()
    assert look.show(X).source is Source.STORED


def test_a_store_that_is_away_and_a_damaged_checkpoint_are_told_apart(actors: Running) -> None:
    """One cures itself, the other does not."""
    actors.store.load_faults = 1
    with pytest.raises(StoreUnavailableError):
        known(actors).show(X)
    actors.store.unreadable[Y] = "schema 9"
    with pytest.raises(UnreadableUserError, match="schema 9"):
        known(actors).show(Y)


class OneElsewhere:
    """Another instance, which answers or does not."""

    def __init__(self, report: UserReport | None) -> None:
        """Answer so."""
        self.report = report
        self.asked: list[tuple[str, str, int | None, str | None]] = []

    def show(
        self, home: InstanceID, user_id: UserID, limit: int | None, only: AlarmID | None
    ) -> UserReport | None:
        """See ``Elsewhere``."""
        self.asked.append((home, user_id, limit, only))
        return self.report


def homes(home: str | None) -> SeenHomes:
    """Return what ``here`` sees: all partitions are at home there, of whom no more is known."""
    partitions = tuple(
        Partition(number, None if home is None else InstanceID(home), 1, BEGIN)
        for number in range(PARTITIONS)
    )
    return SeenHomes(InstanceID("here"), lambda: HomesView((), partitions))


def test_a_user_at_home_elsewhere_is_asked_for_there(actors: Running) -> None:
    """Also when a former home has it in memory still."""
    actors.event("x", "a")
    theirs = report_on(X, NEVER_SAVED, Provenance(Source.LIVE, "theirs"))
    there = OneElsewhere(theirs)
    look = KnownUsers(LiveUsers(actors.router), actors.store, "me", homes("there"), there)
    assert look.show(X, 5, AlarmID("a")) is theirs
    assert there.asked == [("there", "x", 5, "a")]
    here = look.show_here(X)
    assert (here.source, here.instance, here.home) == (Source.LIVE, "me", "there")
    assert len(there.asked) == 1


def test_a_user_at_home_here_is_asked_for_nowhere_else(actors: Running) -> None:
    """It is shown as it lives here."""
    actors.event("x", "a")
    there = OneElsewhere(None)
    report = KnownUsers(LiveUsers(actors.router), actors.store, "me", homes("here"), there).show(X)
    assert (report.source, report.home, report.note) == (Source.LIVE, "here", None)
    assert there.asked == []


@pytest.mark.parametrize(
    ("home", "words"), [("there", "its home, there, does not answer"), (None, "nobody is at home")]
)
def test_without_an_answer_from_its_home_a_user_is_shown_as_stored(
    actors: Running, home: str | None, words: str
) -> None:
    """What this instance has in memory may have been overtaken; the report says so."""
    saved(actors.store, X)
    actors.event("x", "b")
    look = KnownUsers(LiveUsers(actors.router), actors.store, "me", homes(home), OneElsewhere(None))
    report = look.show(X)
    assert (report.source, report.home) == (Source.STORED, home)
    assert report.note is not None
    assert words in report.note
