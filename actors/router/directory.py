"""The directory: which users are in memory, where their actors are, and in which state."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeAlias

from actors.pacing import Paced

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pykka import ActorRef

    from actors.messages.inputs import Delivery
    from actors.messages.router import UserFailed
    from actors.rules.alarms import UserID
    from actors.settings import CoreSettings


@dataclass(slots=True, kw_only=True)
class Live(Paced):
    """A user actor that takes mail."""

    ref: ActorRef[Any]
    partition: int
    used_at_s: float
    beyond: int = 0
    """Alarms that it has beyond a user's share."""


@dataclass(slots=True)
class Leaving:
    """A user actor that was asked to leave; its mail waits here until it has answered.

    In Pykka a message behind a stop is dropped without a word, hence the handshake.
    """

    ref: ActorRef[Any]
    partition: int
    waiting: list[Delivery] = field(default_factory=list)
    failure: UserFailed | None = None
    beyond: int = 0


@dataclass(slots=True)
class Retrying:
    """A user whose actor crashed: all its mail waits for the next attempt, in order."""

    partition: int
    mail: list[Delivery]


Found: TypeAlias = "tuple[tuple[UserID, ActorRef[Any]], ...]"
"""The answer to ``FindLiveUsers``."""


class Directory:
    """Each user that is in memory is in one of three places. Used by the router only."""

    def __init__(self, settings: CoreSettings) -> None:
        """Begin empty; ``settings`` say how many may live."""
        self._users_max = settings.max_live_users
        self._alarms_max = settings.live_alarms_allowed
        self._alarm_share = settings.alarm_share
        """Each user counts for so many alarms at the least."""
        self._beyond = 0
        """Of those that are live, together."""
        self.live: OrderedDict[UserID, Live] = OrderedDict()
        """Least recently used first."""
        self.leaving: dict[UserID, Leaving] = {}
        self.retrying: dict[UserID, Retrying] = {}

    def count(self) -> int:
        """Return how many user actors there are."""
        return len(self.live) + len(self.leaving)

    def count_alarms(self) -> int:
        """Return how many alarms these count for."""
        beyond = self._beyond + sum(one.beyond for one in self.leaving.values())
        return self._alarm_share * self.count() + beyond

    def note_beyond(self, user_id: UserID, ref: ActorRef[Any], beyond: int) -> None:
        """Note how many alarms a user's actor has beyond its share, unless it is gone."""
        actor = self.actor_of(user_id)
        if actor is None or actor.ref is not ref:
            return
        if isinstance(actor, Live):
            self._beyond += beyond - actor.beyond
        actor.beyond = beyond

    def actor_of(self, user_id: UserID) -> Live | Leaving | None:
        """Return where a user's actor is, if it has one."""
        return self.live.get(user_id) or self.leaving.get(user_id)

    def begin_leaving(self, user_id: UserID) -> Leaving:
        """Regard a user's actor, which there must be, as asked to leave."""
        live = self.live.pop(user_id, None)
        if live is None:
            return self.leaving[user_id]
        self._beyond -= live.beyond
        leaving = Leaving(live.ref, live.partition, beyond=live.beyond)
        self.leaving[user_id] = leaving
        return leaving

    def take_back(self, user_id: UserID, now_s: float) -> Live:
        """Regard a user that leaves as live, and used just now."""
        was = self.leaving.pop(user_id)
        live = Live(ref=was.ref, partition=was.partition, used_at_s=now_s, beyond=was.beyond)
        self.live[user_id] = live
        self._beyond += live.beyond
        return live

    def idle(self, used_before_s: float, most: int) -> list[UserID]:
        """Name live users that were not used since, the idlest first."""
        idle = []
        for user_id, live in islice(self.live.items(), most):
            if live.used_at_s > used_before_s:
                break
            idle.append(user_id)
        return idle

    def excess(self, most: int) -> list[UserID]:
        """Name those beyond what may live, of users or of alarms of theirs, the idlest first.

        Never the one used last: it may have more alarms than are allowed by itself.
        """
        live, share = self.live, self._alarm_share
        users_over = len(live) - self._users_max
        alarms_over = share * len(live) + self._beyond - self._alarms_max
        named: list[UserID] = []
        if users_over <= 0 and alarms_over <= 0:
            return named
        for user_id, one in islice(live.items(), min(most, len(live) - 1)):
            if users_over <= 0 and alarms_over <= 0:
                break
            named.append(user_id)
            users_over -= 1
            alarms_over -= share + one.beyond
        return named

    def of(self, numbers: Iterable[int]) -> list[UserID]:
        """Name the users of these partitions, always in the same order: histories are replayed."""
        wanted = frozenset(numbers)
        return [
            user_id
            for users in (self.live, self.leaving, self.retrying)
            for user_id, user in users.items()
            if user.partition in wanted
        ]

    def by_partition(self, numbers: Iterable[int]) -> dict[int, list[UserID]]:
        """Name the users of each of these partitions, in one look through all that there are."""
        found: dict[int, list[UserID]] = {number: [] for number in numbers}
        for users in (self.live, self.leaving, self.retrying):
            for user_id, user in users.items():
                if user.partition in found:
                    found[user.partition].append(user_id)
        return found

    def drop(self, user_id: UserID) -> ActorRef[Any] | None:
        """Forget a user; return its actor if it has one."""
        self.retrying.pop(user_id, None)
        if user_id in self.live:
            self.begin_leaving(user_id)
        actor = self.leaving.pop(user_id, None)
        return None if actor is None else actor.ref

    def find(self, user_ids: tuple[UserID, ...] | None, limit: int) -> Found:
        """Name actors in memory for those who only look; None means those used last."""
        if user_ids is None:
            return tuple(
                (user_id, live.ref) for user_id, live in islice(reversed(self.live.items()), limit)
            )
        found = ((user_id, self.actor_of(user_id)) for user_id in user_ids[:limit])
        return tuple((user_id, actor.ref) for user_id, actor in found if actor is not None)
