"""A partition that goes elsewhere: all its users finish, then the home is told, once."""

from __future__ import annotations

from actors.messages.home import PartitionEmptied
from actors.messages.user import Finish
from actors.router.directory import Directory, Live, Retrying
from actors.router.emptying import Emptying
from actors.rules.alarms import UserID
from actors.settings import CoreSettings
from tests.doubles import Inbox

A, B, C = (UserID(name) for name in "abc")


class Hall:
    """Users of partition 7 that are addresses, and a home that waits."""

    def __init__(self, *user_ids: UserID) -> None:
        """Have these live."""
        self.users, self.home = Directory(CoreSettings()), Inbox()
        self.actors = {user_id: Inbox() for user_id in user_ids}
        for user_id in user_ids:
            self.live(user_id)
        self.emptying = Emptying(self.users)

    def live(self, user_id: UserID) -> None:
        """Have a user live, afresh or for the first time."""
        ref = self.actors[user_id].actor_ref
        self.users.live[user_id] = Live(ref=ref, partition=7, used_at_s=0.0)

    def begin(self) -> None:
        """Hand partition 7 over."""
        self.emptying.begin((7,), self.home.actor_ref)

    def gone(self, user_id: UserID) -> None:
        """Have a user leave memory."""
        self.users.drop(user_id)
        self.emptying.look(user_id, 7)


def test_the_home_is_told_when_the_last_user_has_gone() -> None:
    """Each is told to finish."""
    hall = Hall(A, B)
    hall.begin()
    assert [hall.actors[one].take() for one in (A, B)] == [[Finish()], [Finish()]]
    hall.gone(A)
    assert hall.home.take() == []
    assert 7 in hall.emptying
    hall.gone(B)
    assert hall.home.take() == [PartitionEmptied(7)]
    assert (7 in hall.emptying, len(hall.emptying)) == (False, 0)


def test_a_partition_of_nobody_is_empty_at_once() -> None:
    """Users of others are of no account."""
    hall = Hall()
    hall.begin()
    assert hall.home.take() == [PartitionEmptied(7)]


def test_who_lives_afresh_is_told_to_finish_again() -> None:
    """Mail had come for it meanwhile."""
    hall = Hall(A)
    hall.begin()
    hall.users.drop(A)
    hall.live(A)
    hall.actors[A].take()
    hall.emptying.look(A, 7)
    assert hall.actors[A].take() == [Finish()]
    assert hall.home.take() == []


def test_who_waits_after_a_crash_is_waited_for() -> None:
    """Its mail is not lost with the partition."""
    hall = Hall()
    hall.users.retrying[C] = Retrying(7, [])
    hall.begin()
    hall.emptying.look(C, 7)
    assert hall.home.take() == []
    hall.gone(C)
    assert hall.home.take() == [PartitionEmptied(7)]


def test_what_is_given_up_tells_nobody() -> None:
    """The partition is another's already."""
    hall = Hall(A)
    hall.begin()
    hall.emptying.give_up((7, 8))
    hall.gone(A)
    assert hall.home.take() == []
