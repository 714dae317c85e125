"""Partitions that go elsewhere: their users finish and leave memory, then the home is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from actors.messages.home import PartitionEmptied
from actors.messages.user import Finish
from actors.runtime.pooled import tell_if_alive

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pykka import ActorRef

    from actors.router.directory import Directory
    from actors.rules.alarms import UserID


@dataclass(slots=True)
class _Left:
    """Who of a partition has not left memory, and who waits for that."""

    users: set[UserID]
    reply_to: ActorRef[Any]


class Emptying:
    """The partitions that are handed over at present. Used by the router only."""

    def __init__(self, users: Directory) -> None:
        """Begin with none; ``users`` are those in memory."""
        self._users = users
        self._partitions: dict[int, _Left] = {}

    def __contains__(self, number: object) -> bool:
        """Whether a partition is handed over, and not empty yet."""
        return number in self._partitions

    def __len__(self) -> int:
        """How many are handed over, and not empty yet."""
        return len(self._partitions)

    def begin(self, numbers: Iterable[int], reply_to: ActorRef[Any]) -> None:
        """Have all users of partitions finish; ``reply_to`` is told of each when none is left.

        Of all at once: to look through a hundred thousand users for each took a stop a second.
        """
        for number, users in sorted(self._users.by_partition(numbers).items()):
            self._partitions[number] = _Left(set(users), reply_to)
            for user_id in users:
                self._finish(user_id)
            self._say_if_empty(number)

    def look(self, user_id: UserID, partition: int) -> None:
        """Take note that something became of a user: it left memory, or lives afresh."""
        left = self._partitions.get(partition)
        if left is None:
            return
        if user_id in self._users.live:
            self._finish(user_id)
        elif user_id not in self._users.leaving and user_id not in self._users.retrying:
            left.users.discard(user_id)
            self._say_if_empty(partition)

    def give_up(self, numbers: Iterable[int]) -> None:
        """Wait for these no longer, and tell nobody."""
        for number in numbers:
            self._partitions.pop(number, None)

    def _finish(self, user_id: UserID) -> None:
        if self._users.actor_of(user_id) is not None:
            tell_if_alive(self._users.begin_leaving(user_id).ref, Finish())

    def _say_if_empty(self, number: int) -> None:
        left = self._partitions[number]
        if not left.users:
            del self._partitions[number]
            tell_if_alive(left.reply_to, PartitionEmptied(number))
