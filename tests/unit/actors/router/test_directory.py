"""The directory: each user that is in memory is in one place."""

from __future__ import annotations

from actors.router.directory import Directory, Live, Retrying
from actors.rules.alarms import UserID
from actors.settings import CoreSettings
from tests.doubles import Inbox

A, B, C, D = (UserID(name) for name in "abcd")


def directory(*user_ids: UserID, allowed: int = 100, alarms: int = 2_000) -> Directory:
    """Return one of live users, of partition 0, 1 and so on, used one second after another."""
    users = Directory(CoreSettings(max_live_users=allowed, max_live_alarms=alarms))
    for number, user_id in enumerate(user_ids):
        users.live[user_id] = Live(ref=Inbox().actor_ref, partition=number, used_at_s=float(number))
    return users


def test_who_leaves_keeps_its_actor_and_its_partition() -> None:
    """Asked twice it leaves once."""
    users = directory(A)
    ref = users.live[A].ref
    leaving = users.begin_leaving(A)
    assert (leaving.ref, leaving.partition) == (ref, 0)
    assert users.begin_leaving(A) is leaving
    assert users.actor_of(A) is leaving
    assert (users.count(), A in users.live) == (1, False)


def test_the_idle_and_those_in_excess_are_named_the_idlest_first() -> None:
    """As many as are asked for."""
    users = directory(A, B, C)
    assert users.idle(1.0, 10) == [A, B]
    assert users.idle(1.0, 1) == [A]
    assert users.excess(10) == []
    crowded = directory(A, B, C, allowed=1)
    assert crowded.excess(10) == [A, B]
    assert crowded.excess(1) == [A]


def test_a_user_with_many_alarms_counts_for_many() -> None:
    """Two hundred alarms of a hundred users: each counts for two, A for forty more."""
    users = directory(A, B, C, alarms=200)
    assert users.count_alarms() == 6
    users.note_beyond(A, users.live[A].ref, 40)
    assert users.count_alarms() == 46
    assert users.excess(10) == []
    users.note_beyond(B, users.live[B].ref, 155)
    assert users.excess(10) == [A], "that is one too many, and A the idlest"
    users.note_beyond(A, users.live[A].ref, 0)
    users.note_beyond(B, users.live[B].ref, 199)
    assert users.excess(10) == [A, B]


def test_the_user_used_last_stays_however_many_alarms_it_has() -> None:
    """Else nobody with more than are allowed could be served."""
    users = directory(A, B, C, alarms=200)
    users.note_beyond(C, users.live[C].ref, 100_000)
    assert users.excess(10) == [A, B]
    for user_id in (A, B):
        users.drop(user_id)
    assert users.excess(10) == []


def test_alarms_are_counted_of_those_that_are_in_memory() -> None:
    """Who leaves is, and counts for nobody's excess; who is dropped is not."""
    users = directory(A, B, alarms=200)
    ref = users.live[A].ref
    users.note_beyond(A, Inbox().actor_ref, 7)
    assert users.count_alarms() == 4, "that was an actor that is gone"
    users.begin_leaving(A)
    users.note_beyond(A, ref, 300)
    assert (users.count_alarms(), users.excess(10)) == (304, [])
    users.take_back(A, 9.0)
    assert (users.count_alarms(), users.excess(10)) == (304, [B])
    users.drop(A)
    users.note_beyond(A, ref, 5)
    assert users.count_alarms() == 2


def test_the_users_of_partitions_are_found_wherever_they_are() -> None:
    """Also those that leave, and those without an actor."""
    users = directory(A, B, C)
    users.begin_leaving(B)
    users.retrying[D] = Retrying(1, [])
    assert users.of((0,)) == [A]
    assert users.of((1, 2)) == [C, B, D]
    assert users.count() == 3


def test_who_is_dropped_is_nowhere() -> None:
    """Its actor is handed out, to be told."""
    users = directory(A, B)
    ref = users.begin_leaving(B).ref
    users.retrying[D] = Retrying(1, [])
    assert users.drop(B) is ref
    assert users.drop(D) is None
    assert users.of(range(3)) == [A]


def test_who_looks_is_told_of_those_used_last_or_asked_for() -> None:
    """As many as allowed; nobody is spawned to be looked at."""
    users = directory(A, B, C)
    ref = users.begin_leaving(B).ref
    assert [user_id for user_id, _ in users.find(None, 1)] == [C]
    assert users.find((B, D), 5) == ((B, ref),)
    assert users.find((A, B), 1) == ((A, users.live[A].ref),)
