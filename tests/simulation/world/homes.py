"""The store of homes as an instance sees it, through a link that fails."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from tests.simulation.trace import Happening
from tests.simulation.world.calls import result_of

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence

    from actors.rules.partitions import HomePosition, HomesView, InstanceID, Partition
    from actors.rules.partitions import Instance as Member
    from tests.simulation.world.instance import Instance
    from tests.simulation.world.link import StoreLink
    from tests.simulation.world.world import World

T = TypeVar("T")

_DEADLINE_S = 1.0
"""Of one call."""


class StormyHomes:
    """A ``HomeStore``: one instance's way to the world's."""

    def __init__(self, world: World, instance: Instance, link: StoreLink) -> None:
        """Connect to the world's store."""
        self._world = world
        self._instance = instance
        self._link = link

    async def open(self) -> None:
        """See ``HomeStore``; the world has laid it out."""

    async def beat(self, instance: Member) -> None:
        """See ``HomeStore``."""
        await self._write("beat", lambda: self._world.homes.beat(instance))

    async def look(self) -> HomesView:
        """See ``HomeStore``."""
        homes = self._world.homes
        return await self._link.call("look", lambda: result_of(homes.look()), _DEADLINE_S)

    async def claim(self, me: InstanceID, wanted: Sequence[Partition]) -> None:
        """See ``HomeStore``."""
        numbers = [partition.number for partition in wanted]
        await self._write("claim", lambda: self._world.homes.claim(me, wanted), numbers)

    async def save_positions(self, me: InstanceID, positions: Sequence[HomePosition]) -> int:
        """See ``HomeStore``."""
        homes = self._world.homes
        return await self._write(
            "save positions", lambda: homes.save_positions(me, positions), _numbers(positions)
        )

    async def lower(self, me: InstanceID, positions: Sequence[HomePosition]) -> None:
        """See ``HomeStore``."""
        homes = self._world.homes
        await self._write("lower", lambda: homes.lower(me, positions), _numbers(positions))

    async def free(self, me: InstanceID, positions: Sequence[HomePosition]) -> None:
        """See ``HomeStore``."""
        homes = self._world.homes
        await self._write("free", lambda: homes.free(me, positions), _numbers(positions))

    async def forget(self, instances: Sequence[InstanceID]) -> None:
        """See ``HomeStore``."""
        self._world.note(self._instance, Happening.FORGETS, *instances)
        await self._write("forget", lambda: self._world.homes.forget(instances))

    async def made(self, stream: str, created: str) -> None:
        """See ``HomeStore``."""
        await self._write("made", lambda: self._world.homes.made(stream, created))

    async def streams_made(self) -> Mapping[str, str]:
        """See ``HomeStore``."""
        homes = self._world.homes
        return await self._link.call("made?", lambda: result_of(homes.streams_made()), _DEADLINE_S)

    async def _write(
        self,
        what: str,
        write: Callable[[], Coroutine[Any, Any, T]],
        numbers: Iterable[int] = (),
    ) -> T:
        numbers = list(numbers)
        watch = self._world.watch.homes

        def effect() -> T:
            with watch.writing(self._instance, what, numbers):
                return result_of(write())

        return await self._link.call(f"{what} {_ranges(numbers)}", effect, _DEADLINE_S)


def _numbers(positions: Sequence[HomePosition]) -> list[int]:
    return [position.number for position in positions]


def _ranges(numbers: Sequence[int]) -> str:
    """Return partitions in few words."""
    return ",".join(map(str, numbers[:8])) + (f",… ({len(numbers)})" if len(numbers) > 8 else "")
