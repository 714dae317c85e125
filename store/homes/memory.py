"""The in-memory twin of the store of homes."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from actors.rules.ends import NO_ENDS
from actors.rules.partitions import PARTITIONS, HomesView, Partition
from actors.rules.positions import BEGIN
from store.users.document import SCHEMA

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from actors.rules.partitions import HomePosition, InHand, Instance, InstanceID
    from actors.rules.positions import Place

_Said = TypeVar("_Said", "HomePosition", "InHand")


class InMemoryHomeStore:
    """Keeps homes in dictionaries; of several instances on one event loop, or without any.

    No call is ever interrupted by another one.
    """

    def __init__(self) -> None:
        """Create a store in which every partition is nobody's."""
        self._instances: dict[InstanceID, Instance] = {}
        self._partitions = {
            number: Partition(number, None, 0, BEGIN) for number in range(PARTITIONS)
        }
        self._streams: dict[str, str] = {}
        self.schema = 0
        """The newest form of checkpoints that a home may have written."""

    async def close(self) -> None:
        """Return: there is nothing to close."""

    async def open(self) -> None:
        """Return: there is nothing to make."""

    async def beat(self, instance: Instance) -> None:
        """See ``HomeStore``. One that comes behind a later one of the same instance is nothing."""
        known = self._instances.get(instance.instance_id)
        if known is None or known.beat < instance.beat:
            self._instances[instance.instance_id] = instance

    async def look(self) -> HomesView:
        """See ``HomeStore``."""
        instances, partitions = self._instances.values(), self._partitions.values()
        return HomesView(tuple(instances), tuple(partitions), self.schema)

    async def claim(self, me: InstanceID, wanted: Sequence[Partition]) -> None:
        """See ``HomeStore``."""
        for partition in wanted:
            known = self._partitions[partition.number]
            if (known.home, known.epoch) == (partition.home, partition.epoch):
                ends = known.ends if known.home == me else partition.ends
                changed = known._replace(home=me, epoch=known.epoch + 1, ends=ends)
                self._partitions[known.number] = changed
                # Of a simulation's instances each may write another form.
                instance = self._instances.get(me)
                writes = SCHEMA if instance is None else instance.schema
                self.schema = max(self.schema, writes)

    async def save_positions(self, me: InstanceID, positions: Sequence[HomePosition]) -> int:
        """See ``HomeStore``."""
        mine = [
            (known, saved.position)
            for known, saved in self._of(me, positions)
            if known.position.sequence <= saved.position.sequence
        ]
        for known, position in mine:
            self._partitions[known.number] = known._replace(position=position)
        return len(mine)

    async def note_in_hand(self, me: InstanceID, notes: Sequence[InHand]) -> int:
        """See ``HomeStore``."""
        mine = self._of(me, notes)
        for known, (_, _, stretch, over) in mine:
            ends = NO_ENDS if over else known.ends._replace(in_hand=stretch)
            self._partitions[known.number] = known._replace(ends=ends)
        return len(mine)

    async def lower(self, me: InstanceID, positions: Sequence[HomePosition]) -> None:
        """See ``HomeStore``."""
        for known, lowered in self._of(me, positions):
            changed = known._replace(epoch=known.epoch + 1, position=lowered.position)
            self._partitions[known.number] = changed

    async def free(self, me: InstanceID, positions: Sequence[HomePosition]) -> None:
        """See ``HomeStore``."""
        for known, last in self._of(me, positions):
            changed = known._replace(home=None, epoch=known.epoch + 1, position=last.position)
            self._partitions[known.number] = changed

    async def rewind(self, partitions: Sequence[Partition], position: Place) -> int:
        """See ``MongoHomeStore``."""
        still = [one for one in partitions if self._partitions[one.number].epoch == one.epoch]
        for one in still:
            known = self._partitions[one.number]
            changed = known._replace(home=None, epoch=known.epoch + 1, position=position)
            self._partitions[known.number] = changed
        return len(still)

    async def forget(self, instances: Sequence[InstanceID]) -> None:
        """See ``HomeStore``."""
        for instance_id in instances:
            self._instances.pop(instance_id, None)

    async def note_stream(self, stream: str, created: str) -> None:
        """See ``MongoHomeStore``."""
        self._streams[stream] = created

    async def streams_made(self) -> Mapping[str, str]:
        """See ``MongoHomeStore``."""
        return dict(self._streams)

    def _of(self, me: InstanceID, said: Sequence[_Said]) -> list[tuple[Partition, _Said]]:
        """Return those of what is ``said`` that are mine at their epoch, with what is known."""
        return [
            (known, one)
            for one in said
            if (known := self._partitions[one.number])[1:3] == (me, one.epoch)
        ]
