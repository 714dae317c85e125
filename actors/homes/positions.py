"""Which positions are to be saved: those that have moved since the store had them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.rules.holding import Freed, Held
from actors.rules.partitions import HomePosition, Partition

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from actors.rules.holding import State
    from actors.rules.partitions import InstanceID
    from actors.rules.positions import Place


class StoredPositions:
    """The positions as the store has them, or had a moment ago; one save at a time."""

    def __init__(self) -> None:
        """Know nothing of the store."""
        self._stored: dict[int, Place] = {}
        self._under_way: tuple[HomePosition, ...] = ()

    def look(self, partitions: Iterable[Partition]) -> None:
        """Take in what the store shows."""
        self._stored = {partition.number: partition.position for partition in partitions}

    def places(self, me: InstanceID, mine: Mapping[int, State]) -> tuple[Partition, ...]:
        """Return what is at home here to stay, each from where it has to be read again."""
        return tuple(
            Partition(number, me, state.epoch, state.fell or self._stored[number])
            for number, state in mine.items()
            if isinstance(state, Held)
        )

    def to_save(
        self, mine: Mapping[int, State], positions: Mapping[int, Place]
    ) -> tuple[HomePosition, ...]:
        """Begin a save of what has moved; nothing while one is under way.

        A position that has to be lowered first is not saved, and the last one of a partition
        goes along as it is freed.
        """
        if self._under_way:
            return ()
        self._under_way = tuple(
            HomePosition(number, state.epoch, positions[number])
            for number, state in mine.items()
            if number in positions
            and not isinstance(state, Freed)
            and not (isinstance(state, Held) and state.fell is not None)
            and positions[number].sequence > self._stored[number].sequence
        )
        return self._under_way

    def end(self, *, saved: bool) -> None:
        """Note how the save that was under way ended."""
        if saved:
            self._stored.update((number, place) for number, _, place in self._under_way)
        self._under_way = ()
