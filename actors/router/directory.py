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


@dataclass(slots=True, kw_only=True)
class Live(Paced):
    """A user actor that takes mail."""

    ref: ActorRef[Any]
    partition: int
    used_at_s: float


@dataclass(slots=True)
class Leaving:
    """A user actor that was asked to leave; its mail waits here until it has answered.

    In Pykka a message behind a stop is dropped without a word, hence the handshake.
    """

    ref: ActorRef[Any]
    partition: int
    waiting: list[Delivery] = field(default_factory=list)
    failure: UserFailed | None = None


@dataclass(slots=True)
class Retrying:
    """A user whose actor crashed: all its mail waits for the next attempt, in order."""

    partition: int
    mail: list[Delivery]


Found: TypeAlias = "tuple[tuple[UserID, ActorRef[Any]], ...]"
"""The answer to ``FindLiveUsers``."""


class Directory:
    """Each user that is in memory is in one of three places. Used by the router only."""

    def __init__(self) -> None:
        """Begin empty."""
        self.live: OrderedDict[UserID, Live] = OrderedDict()
        """Least recently used first."""
        self.leaving: dict[UserID, Leaving] = {}
        self.retrying: dict[UserID, Retrying] = {}

    def count(self) -> int:
        """Return how many user actors there are."""
        return len(self.live) + len(self.leaving)

    def actor_of(self, user_id: UserID) -> Live | Leaving | None:
        """Return where a user's actor is, if it has one."""
        return self.live.get(user_id) or self.leaving.get(user_id)

    def begin_leaving(self, user_id: UserID) -> Leaving:
        """Regard a user's actor, which there must be, as asked to leave."""
        live = self.live.pop(user_id, None)
        if live is None:
            return self.leaving[user_id]
        leaving = self.leaving[user_id] = Leaving(live.ref, live.partition)
        return leaving

    def idle(self, used_before_s: float, most: int) -> list[UserID]:
        """Name live users that were not used since, the idlest first."""
        idle = []
        for user_id, live in islice(self.live.items(), most):
            if live.used_at_s > used_before_s:
                break
            idle.append(user_id)
        return idle

    def excess(self, allowed: int, most: int) -> list[UserID]:
        """Name live users beyond ``allowed``, the idlest first."""
        return list(islice(self.live, min(max(0, len(self.live) - allowed), most)))

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
        actor = self.live.pop(user_id, None) or self.leaving.pop(user_id, None)
        return None if actor is None else actor.ref

    def find(self, user_ids: tuple[UserID, ...] | None, limit: int) -> Found:
        """Name actors in memory for those who only look; None means those used last."""
        if user_ids is None:
            return tuple(
                (user_id, live.ref) for user_id, live in islice(reversed(self.live.items()), limit)
            )
        found = ((user_id, self.actor_of(user_id)) for user_id in user_ids[:limit])
        return tuple((user_id, actor.ref) for user_id, actor in found if actor is not None)
