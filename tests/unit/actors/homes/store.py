"""A store of homes in memory, whose calls take effect at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.rules.partitions import PARTITIONS, HomesView, Partition
from actors.rules.positions import BEGIN

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from actors.rules.partitions import HomePosition, Instance, InstanceID
    from actors.rules.positions import Place


class Homes:
    """Who is up and who has what, and every change of it."""

    def __init__(self) -> None:
        """Nobody is up, and nobody has anything."""
        self.instances: dict[InstanceID, Instance] = {}
        self.partitions = [Partition(number, None, 0, BEGIN) for number in range(PARTITIONS)]
        self.changes: list[Partition] = []
        """Partitions as they stood behind each change of a home or an epoch."""

    def beat(self, instance: Instance) -> None:
        """See ``HomeStore``."""
        self.instances[instance.instance_id] = instance

    def look(self) -> HomesView:
        """See ``HomeStore``."""
        return HomesView(tuple(self.instances.values()), tuple(self.partitions))

    def claim(self, me: InstanceID, wanted: Sequence[Partition]) -> None:
        """See ``HomeStore``."""
        for number, home, epoch, _ in wanted:
            self.change(number, home, epoch, me)

    def save_positions(self, me: InstanceID, positions: Sequence[HomePosition]) -> int:
        """See ``HomeStore``."""
        matched = 0
        for number, epoch, position in positions:
            stored = self.partitions[number]
            if (stored.home, stored.epoch) == (me, epoch) and stored.position <= position:
                self.partitions[number] = stored._replace(position=position)
                matched += 1
        return matched

    def lower(self, me: InstanceID, positions: Sequence[HomePosition]) -> None:
        """See ``HomeStore``."""
        for number, epoch, position in positions:
            self.change(number, me, epoch, me, position)

    def free(self, me: InstanceID, positions: Sequence[HomePosition]) -> None:
        """See ``HomeStore``."""
        for number, epoch, position in positions:
            self.change(number, me, epoch, None, position)

    def forget(self, instances: Iterable[InstanceID]) -> None:
        """See ``HomeStore``."""
        for instance in instances:
            self.instances.pop(instance, None)

    def change(
        self,
        number: int,
        home: InstanceID | None,
        epoch: int,
        heir: InstanceID | None,
        position: Place | None = None,
    ) -> None:
        """Compare and set."""
        stored = self.partitions[number]
        if (stored.home, stored.epoch) == (home, epoch):
            after = Partition(number, heir, epoch + 1, position or stored.position)
            self.partitions[number] = after
            self.changes.append(after)
