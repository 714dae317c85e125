"""The router alone: whom it spawns, feeds, paces and asks to leave."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from actors.messages.checkpoints import AwaitRoom
from actors.messages.home import PartitionEmptied
from actors.messages.inputs import AlarmStatusChanged, SendDigest
from actors.messages.router import (
    AlarmsCounted,
    CheckpointWanted,
    DropPartitions,
    EmptyPartitions,
    FindLiveUsers,
    Passivated,
    PassivationDeclined,
    ResumeUser,
    RoomAvailable,
    Tick,
    UserFailed,
)
from actors.messages.user import Finish, HandleDeliveries, Leave, Passivate, TakeCheckpoint
from actors.pacing import TICKS_PER_INTERVAL
from actors.rejections import RejectionKind
from actors.router.actor import PASSIVATIONS_PER_TICK
from actors.rules.alarms import UserID
from actors.rules.partitions import partition_of
from tests.doubles import IdleDispatcher, Inbox, logged
from tests.unit.actors.router_desk import RouterDesk

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pytest

    from actors.runtime.pooled import Mailbox


class Noting(IdleDispatcher):
    """Notes in which order users are to run."""

    def __init__(self, order: list[UserID], user_id: UserID) -> None:
        """Note in ``order``."""
        super().__init__()
        self._order = order
        self._user_id = user_id

    def all_mail_arrived(self, mailboxes: Sequence[Mailbox]) -> None:
        """Note it."""
        self._order.extend(self._user_id for _ in mailboxes)


X, Y, Z = UserID("x"), UserID("y"), UserID("z")


def test_one_actor_a_user_gets_its_mail_in_order() -> None:
    """Spawned at the first message; a batch makes one message a user."""
    desk = RouterDesk()
    first, second, third = desk.send(X, Y, X)
    assert desk.spawned == [X, Y]
    assert desk.taken(X) == [HandleDeliveries((first, third))]
    assert desk.taken(Y) == [HandleDeliveries((second,))]
    desk.send(X)
    assert desk.spawned == [X, Y]
    assert desk.live() == 2


def test_a_user_is_told_to_save_once_an_interval() -> None:
    """An interval after its first change; one with nothing new is left alone."""
    desk = RouterDesk(checkpoint_interval_s=0.2)
    desk.acknowledger.fill = 0.0
    desk.clock.elapsed_s = -0.2
    desk.send(X, Y)
    desk.clock.elapsed_s = -0.01
    desk.save_all()
    assert TakeCheckpoint() not in [*desk.taken(X), *desk.taken(Y)]
    desk.clock.elapsed_s = 0.0
    desk.save_all()
    assert desk.taken(X) == desk.taken(Y) == [TakeCheckpoint()]
    desk.clock.elapsed_s = 0.1
    desk.send(X)
    desk.taken(X)
    desk.save_all()
    assert desk.taken(X) == []
    desk.clock.elapsed_s = 0.31
    desk.save_all()
    assert desk.taken(X) == [TakeCheckpoint()]
    assert desk.taken(Y) == []
    desk.save_all()
    assert desk.taken(X) == []


def test_saves_come_in_small_groups_while_digests_are_asked_for() -> None:
    """And the next is told when the last has gone out: nobody's digest waits behind a thousand."""
    desk = RouterDesk()
    users = [UserID(str(number)) for number in range(250)]
    desk.send(*users, request=users[0])
    desk.tell(Tick())
    told = [user_id for user_id in users if TakeCheckpoint() in desk.taken(user_id)]
    assert len(told) == 100
    assert desk.checkpointer.take() == [AwaitRoom(desk.router.actor_ref, empty=True)]
    desk.clock.elapsed_s = 1.0
    desk.tell(RoomAvailable())
    assert sum(TakeCheckpoint() in desk.taken(user_id) for user_id in users) == 150
    assert desk.checkpointer.take() == [AwaitRoom(desk.router.actor_ref)]


def test_no_more_are_told_to_save_than_there_is_room_for() -> None:
    """A group at a time; what waits for room goes on collecting changes, and first comes first."""
    desk = RouterDesk(checkpoint_group_max=2)
    users = [UserID(str(number)) for number in range(5)]
    desk.send(*users)
    told: list[UserID] = []

    def note() -> None:
        told.extend(user_id for user_id in users if TakeCheckpoint() in desk.taken(user_id))

    desk.tell(Tick())
    note()
    assert told == users[:2]
    assert desk.checkpointer.take() == [AwaitRoom(desk.router.actor_ref)]
    desk.tell(Tick())
    note()
    assert told == users[:2]
    desk.tell(RoomAvailable())
    note()
    assert told == users[:4]
    desk.send(users[0])
    desk.tell(RoomAvailable())
    note()
    assert told == users
    assert desk.checkpointer.take() == [AwaitRoom(desk.router.actor_ref)] * 2
    desk.tell(RoomAvailable())
    assert desk.checkpointer.take() == []


def test_what_becomes_due_between_ticks_waits_for_the_next() -> None:
    """However much room there is: a tick makes one group, not many small ones."""
    desk = RouterDesk()
    desk.send(X)
    desk.tell(Tick())
    desk.send(Y)
    desk.tell(RoomAvailable())
    assert TakeCheckpoint() not in desk.taken(Y)
    desk.tell(Tick())
    assert TakeCheckpoint() in desk.taken(Y)


def test_users_that_are_asked_for_a_digest_run_at_once() -> None:
    """Somebody waits for it; only the order of one user's messages matters."""
    desk = RouterDesk()
    desk.send(X, Y)
    order: list[UserID] = []
    for user_id in (X, Y):
        desk.taken(user_id)
        desk.users[user_id].mailbox.dispatcher = Noting(order, user_id)
    desk.send(X, Y, request=Y)
    assert order == [Y]
    event, request = desk.taken(Y)[0].items
    assert isinstance(event.body, AlarmStatusChanged)
    assert isinstance(request.body, SendDigest)


def test_events_are_read_at_leisure_and_a_request_at_once() -> None:
    """A user is told to save all the same, and reads them then: many in one run."""
    desk = RouterDesk(checkpoint_interval_s=0.2)
    desk.send(X, Y)
    desk.save_all()
    runs: list[UserID] = []
    for user_id in (X, Y):
        desk.taken(user_id)
        desk.users[user_id].mailbox.dispatcher = Noting(runs, user_id)
    (first, *_), second = desk.send(X, Y), desk.send(X, request=Y)
    assert runs == [Y]
    desk.clock.elapsed_s = 0.2
    desk.save_all()
    assert runs == [Y, X, Y]
    assert desk.taken(X) == [
        HandleDeliveries((first,)),
        HandleDeliveries((second[0],)),
        TakeCheckpoint(),
    ]


def test_a_user_may_wish_to_be_saved() -> None:
    """With the next group."""
    desk = RouterDesk()
    desk.send(X)
    desk.save_all()
    desk.taken(X)
    desk.clock.elapsed_s = 1.0
    desk.tell(CheckpointWanted(X, desk.ref(X)))
    assert desk.taken(X) == []
    desk.save_all()
    assert desk.taken(X) == [TakeCheckpoint()]


def test_each_tick_sets_the_next() -> None:
    """The start sets the first; several to an interval."""
    desk = RouterDesk(checkpoint_interval_s=0.2)
    desk.router.on_start()
    desk.tell(Tick())
    assert desk.scheduler.later == [(0.2 / TICKS_PER_INTERVAL, Tick())] * 2


def test_beyond_the_maximum_the_least_recently_used_is_asked_to_leave() -> None:
    """Not the oldest: X was used since."""
    desk = RouterDesk(max_live_users=2)
    desk.send(X, Y)
    desk.send(X)
    desk.send(Z)
    assert desk.taken(Y)[-1] == Passivate()
    assert Passivate() not in [*desk.taken(X), *desk.taken(Z)]


def test_beyond_the_alarms_allowed_the_least_recently_used_is_asked_to_leave() -> None:
    """A user counts for its alarms; one with more than are allowed stays while it is used last."""
    desk = RouterDesk(max_live_alarms=100)
    desk.send(X, Y)
    desk.tell(AlarmsCounted(X, desk.ref(X), 60))
    desk.tell(AlarmsCounted(Y, desk.ref(Y), 40))
    desk.tell(Tick())
    assert Passivate() not in [*desk.taken(X), *desk.taken(Y)]
    assert desk.tally.live_alarms == 100
    desk.tell(AlarmsCounted(Y, desk.ref(Y), 100_000))
    desk.tell(Tick())
    assert desk.taken(X)[-1] == Passivate()
    assert Passivate() not in desk.taken(Y)
    desk.send(Z)
    assert desk.taken(Y)[-1] == Passivate()


def test_who_declines_counts_for_its_alarms_as_before() -> None:
    """It says nothing of them anew."""
    desk = RouterDesk(max_live_alarms=100)
    desk.send(X, Y)
    desk.tell(AlarmsCounted(X, desk.ref(X), 101))
    desk.tell(Tick())
    desk.tell(PassivationDeclined(X, desk.ref(X)))
    desk.tell(Tick())
    assert desk.taken(Y)[-1] == Passivate()
    desk.tell(Passivated(Y, desk.ref(Y), ()))
    desk.tell(Tick())
    assert desk.tally.live_alarms == 101


def test_a_tick_after_a_large_user_came_asks_no_more_than_so_many_to_leave() -> None:
    """Nor does mail that comes, beside as many as it is for."""
    users = [UserID(str(number)) for number in range(2 * PASSIVATIONS_PER_TICK + 2)]
    desk = RouterDesk(max_live_users=len(users), max_live_alarms=len(users))
    desk.send(*users)
    desk.tell(AlarmsCounted(users[-1], desk.ref(users[-1]), 100_000))
    desk.tell(Tick())
    assert sum(Passivate() in desk.taken(one) for one in users) == PASSIVATIONS_PER_TICK
    desk.send(users[-1])
    assert sum(Passivate() in desk.taken(one) for one in users) == PASSIVATIONS_PER_TICK + 1


def test_an_idle_user_is_asked_to_leave() -> None:
    """After the timeout; one that was used since is not."""
    desk = RouterDesk(idle_timeout_s=10.0)
    desk.send(X, Y)
    desk.clock.elapsed_s = 6.0
    desk.send(X)
    desk.clock.elapsed_s = 9.5
    desk.tell(Tick())
    assert Passivate() not in desk.taken(Y)
    desk.clock.elapsed_s = 10.0
    desk.tell(Tick())
    assert desk.taken(Y) == [Passivate()]
    assert Passivate() not in desk.taken(X)


def test_a_tick_asks_no_more_than_so_many_to_leave() -> None:
    """The rest at the next, so that a tick stays short."""
    desk = RouterDesk(idle_timeout_s=10.0)
    users = [UserID(str(number)) for number in range(PASSIVATIONS_PER_TICK + 1)]
    desk.send(*users)
    desk.clock.elapsed_s = 10.0
    desk.tell(Tick())
    asked = [Passivate() in desk.taken(user_id) for user_id in users]
    assert asked == [True] * PASSIVATIONS_PER_TICK + [False]
    desk.tell(Tick())
    assert desk.taken(users[-1]) == [Passivate()]


def test_mail_for_a_leaving_user_waits_and_goes_to_its_heir() -> None:
    """Behind a stop it would be dropped without a word."""
    desk = RouterDesk(max_live_users=1)
    desk.send(X)
    desk.send(Y)
    leaver = desk.ref(X)
    assert desk.taken(X)[-1] == Passivate()
    mail = [*desk.send(X), *desk.send(X)]
    assert desk.taken(X) == []
    desk.tell(Passivated(X, leaver, ()))
    assert desk.spawned == [X, Y, X]
    assert desk.taken(X) == [HandleDeliveries(tuple(mail))]


def test_a_user_that_left_is_forgotten() -> None:
    """Until it counts as gone it is in memory."""
    desk = RouterDesk(max_live_users=1)
    desk.send(X, Y)
    assert desk.live() == 2
    desk.tell(Passivated(X, desk.ref(X), ()))
    assert desk.live() == 1
    assert desk.spawned == [X, Y]


def test_a_user_that_declines_gets_the_mail_that_waited() -> None:
    """And is a live user as before, used just now."""
    desk = RouterDesk(max_live_users=1)
    desk.send(X, Y)
    desk.taken(X)
    [waiting] = desk.send(X)
    desk.tell(PassivationDeclined(X, desk.ref(X)))
    assert desk.taken(X) == [HandleDeliveries((waiting,))]
    assert desk.spawned == [X, Y]
    desk.send(X)
    assert Passivate() in desk.taken(Y)
    assert Passivate() not in desk.taken(X)


def test_an_answer_of_an_actor_that_is_gone_changes_nothing() -> None:
    """Its heir is meant to stay."""
    desk = RouterDesk(max_live_users=1)
    desk.send(X, Y)
    gone = desk.ref(X)
    desk.tell(Passivated(X, gone, ()))
    desk.send(X)
    desk.send(Y)
    live = desk.live()
    desk.tell(Passivated(X, gone, ()))
    desk.tell(PassivationDeclined(X, gone))
    assert desk.live() == live
    assert desk.spawned == [X, Y, X]


def test_after_a_crash_all_mail_waits_in_order_for_the_next_attempt() -> None:
    """Also what came since: no request is answered from a state that lacks an event before it."""
    desk = RouterDesk()
    before, culprit, behind = desk.send(X, X, X)
    failed = desk.ref(X)
    desk.tell(UserFailed(X, failed, culprit.token, "boom"))
    [since] = desk.send(X)
    assert desk.taken(X)[1:] == [Passivate()]
    desk.tell(Passivated(X, failed, (before, culprit, behind)))
    [later] = desk.send(X)
    assert desk.spawned == [X]
    assert desk.scheduler.later == [(1.0, ResumeUser(X))]
    desk.tell(ResumeUser(X))
    again = culprit._replace(attempt=2)
    assert desk.taken(X) == [HandleDeliveries((before, again, behind, since, later))]
    assert desk.acknowledger.dead == []


def test_the_retries_of_a_culprit_wait_longer_and_longer() -> None:
    """Up to the maximum of attempts, then it becomes a dead letter; only it."""
    desk = RouterDesk(max_attempts=3)
    [culprit] = desk.send(X)
    for attempt, expected_s in ((2, 1.0), (3, 2.0)):
        desk.fail(X, culprit, culprit)
        assert desk.scheduler.later == [(expected_s, ResumeUser(X))]
        desk.tell(ResumeUser(X))
        culprit = culprit._replace(attempt=attempt)
        assert desk.taken(X) == [HandleDeliveries((culprit,))]
    desk.fail(X, culprit, culprit)
    assert desk.scheduler.later == []
    why = "processing failed 3 times, last with: boom"
    assert desk.acknowledger.dead == [(culprit.token, why)]
    assert desk.acknowledger.kinds == [RejectionKind.CRASHED]


def test_when_no_message_is_to_blame_all_that_were_held_are() -> None:
    """What came since was not seen by the crashed actor, and only waits."""
    desk = RouterDesk()
    first, second = desk.send(X, X)
    failed = desk.ref(X)
    desk.tell(UserFailed(X, failed, None, "schema 99"))
    [since] = desk.send(X)
    desk.tell(Passivated(X, failed, (first, second)))
    desk.tell(ResumeUser(X))
    again = (first._replace(attempt=2), second._replace(attempt=2), since)
    assert desk.taken(X) == [HandleDeliveries(again)]


def test_a_user_that_crashes_while_it_was_asked_to_leave_is_replaced() -> None:
    """Whatever it answers: a failed actor is not taken back."""
    desk = RouterDesk(max_live_users=1)
    [event, _] = desk.send(X, Y)
    failed = desk.ref(X)
    desk.tell(UserFailed(X, failed, None, "boom"))
    desk.tell(PassivationDeclined(X, failed))
    [since] = desk.send(X)
    desk.tell(Passivated(X, failed, (event,)))
    assert desk.scheduler.later == [(1.0, ResumeUser(X))]
    desk.tell(ResumeUser(X))
    assert desk.taken(X) == [HandleDeliveries((event._replace(attempt=2), since))]


def test_a_life_cycle_is_logged_at_debug_and_a_crash_as_an_error(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """With the user and, for a crash, its reason; nothing for each event."""
    caplog.set_level(logging.DEBUG)
    desk = RouterDesk(max_live_users=1)
    desk.send(X)
    desk.send(X)
    desk.send(Y)
    desk.tell(Passivated(X, desk.ref(X), ()))
    desk.tell(UserFailed(Y, desk.ref(Y), None, "boom"))
    assert logged(caplog.records, "actors.router") == [
        ("DEBUG", "user.activated"),
        ("DEBUG", "user.activated"),
        ("DEBUG", "user.passivated"),
        ("ERROR", "user.crashed"),
    ]
    crashed = vars(caplog.records[-1])
    assert (crashed["user"], crashed["error"]) == (Y, "boom")


def test_who_only_looks_finds_users_in_memory_and_spawns_nobody() -> None:
    """Those that are leaving included, the used last first, no more than asked for."""
    desk = RouterDesk(idle_timeout_s=600)
    desk.send(X)
    desk.send(Y)
    desk.clock.elapsed_s = 601
    desk.send(Z)
    desk.tell(Tick())
    x, y, z = ((user, desk.ref(user)) for user in (X, Y, Z))
    assert Passivate() in desk.taken(X)
    assert desk.tell(FindLiveUsers((X, UserID("nobody"), Z), 10)) == (x, z)
    assert desk.tell(FindLiveUsers((X, Y, Z), 2)) == (x, y)
    assert desk.tell(FindLiveUsers(None, 10)) == (z,)
    desk.send(UserID("w"))
    assert desk.tell(FindLiveUsers(None, 1)) == ((UserID("w"), desk.ref(UserID("w"))),)
    assert desk.spawned == [X, Y, Z, UserID("w")]


def test_a_partition_is_empty_when_its_users_have_saved_told_and_left() -> None:
    """Those of others stay; nobody is heard of a second time."""
    desk, home = RouterDesk(), Inbox()
    desk.send(X, Y)
    desk.tell(EmptyPartitions(frozenset({partition_of(X)}), home.actor_ref))
    assert desk.taken(X)[-1] == Finish()
    assert Finish() not in desk.taken(Y)
    assert home.take() == []
    desk.tell(Passivated(X, desk.ref(X), ()))
    assert home.take() == [PartitionEmptied(partition_of(X))]
    assert desk.live() == 1


def test_partitions_without_users_in_memory_are_empty_at_once() -> None:
    """Nobody is asked."""
    desk, home = RouterDesk(), Inbox()
    desk.tell(EmptyPartitions(frozenset({7, 9}), home.actor_ref))
    assert home.take() == [PartitionEmptied(7), PartitionEmptied(9)]


def test_a_user_that_was_asked_to_passivate_finishes_as_well() -> None:
    """That it declines does not bring it back."""
    desk, home = RouterDesk(max_live_users=1), Inbox()
    desk.send(X, Y)
    assert Passivate() in desk.taken(X)
    desk.tell(EmptyPartitions(frozenset({partition_of(X)}), home.actor_ref))
    assert desk.taken(X) == [Finish()]
    desk.tell(PassivationDeclined(X, desk.ref(X)))
    assert home.take() == []
    desk.tell(Passivated(X, desk.ref(X), ()))
    assert home.take() == [PartitionEmptied(partition_of(X))]


def test_a_crashed_user_is_tried_again_before_its_partition_is_empty() -> None:
    """Its mail is not settled."""
    desk, home = RouterDesk(), Inbox()
    [culprit] = desk.send(X)
    desk.fail(X, culprit, culprit)
    desk.tell(EmptyPartitions(frozenset({partition_of(X)}), home.actor_ref))
    assert home.take() == []
    desk.tell(ResumeUser(X))
    assert desk.taken(X) == [HandleDeliveries((culprit._replace(attempt=2),)), Finish()]
    desk.tell(Passivated(X, desk.ref(X), ()))
    assert home.take() == [PartitionEmptied(partition_of(X))]


def test_dropped_users_are_told_to_leave_and_forgotten() -> None:
    """Live, leaving or crashed; late words of theirs change nothing."""
    desk, home = RouterDesk(), Inbox()
    [event] = desk.send(X)
    desk.tell(EmptyPartitions(frozenset({partition_of(X)}), home.actor_ref))
    desk.tell(DropPartitions(frozenset({partition_of(X)})))
    assert desk.taken(X)[-1] == Leave()
    desk.tell(Passivated(X, desk.ref(X), ()))
    desk.tell(UserFailed(X, desk.ref(X), event.token, "boom"))
    desk.tell(ResumeUser(X))
    assert (home.take(), desk.live(), desk.scheduler.later) == ([], 0, [])
    desk.send(X)
    assert desk.spawned == [X, X]
