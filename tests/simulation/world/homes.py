"""The store of homes as an instance sees it, through a link that fails."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from tests.simulation.trace import Happening
from tests.simulation.world.calls import result_of

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence

    from actors.rules.partitions import HomePosition, HomesView, InHand, InstanceID, Partition
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
        self.looked_at_s = 0.0
        """As of when it knows the homes, by the world's time."""

    async def open(self) -> None:
        """See ``HomeStore``; the world has laid it out."""

    async def beat(self, instance: Member) -> None:
        """See ``HomeStore``."""
        world, sent_at_s = self._world, self._world.time.now_s

        def effect() -> None:
            result_of(world.homes.beat(instance))
            world.watch.homes.beaten(self._instance, sent_at_s)

        await self._link.call("beat", effect, _DEADLINE_S)

    async def look(self) -> HomesView:
        """See ``HomeStore``."""
        world = self._world

        def effect() -> tuple[float, HomesView]:
            return world.time.now_s, result_of(world.homes.look())

        self.looked_at_s, view = await self._link.call("look", effect, _DEADLINE_S)
        return view

    async def claim(self, me: InstanceID, wanted: Sequence[Partition]) -> None:
        """See ``HomeStore``."""
        self._world.watch.homes.claiming(self._instance, self.looked_at_s, wanted)
        assumed = {one.number: (one.home, one.epoch) for one in wanted}
        await self._write("claim", lambda: self._world.homes.claim(me, wanted), assumed)

    async def save_positions(self, me: InstanceID, positions: Sequence[HomePosition]) -> int:
        """See ``HomeStore``."""
        homes = self._world.homes
        return await self._write(
            "save positions", lambda: homes.save_positions(me, positions), _assumed(me, positions)
        )

    async def note_in_hand(self, me: InstanceID, notes: Sequence[InHand]) -> int:
        """See ``HomeStore``."""
        homes = self._world.homes
        return await self._write("note", lambda: homes.note_in_hand(me, notes), _assumed(me, notes))

    async def lower(self, me: InstanceID, positions: Sequence[HomePosition]) -> None:
        """See ``HomeStore``."""
        homes = self._world.homes
        await self._write("lower", lambda: homes.lower(me, positions), _assumed(me, positions))

    async def free(self, me: InstanceID, positions: Sequence[HomePosition]) -> None:
        """See ``HomeStore``."""
        homes = self._world.homes
        await self._write("free", lambda: homes.free(me, positions), _assumed(me, positions))

    async def forget(self, instances: Sequence[InstanceID]) -> None:
        """See ``HomeStore``."""
        world = self._world
        world.note(self._instance, Happening.FORGETS, *instances)

        def write() -> Coroutine[Any, Any, None]:
            if self._instance.instance_id in instances:
                world.watch.homes.left(self._instance)
            return world.homes.forget(instances)

        await self._write("forget", write)

    async def _write(
        self,
        what: str,
        write: Callable[[], Coroutine[Any, Any, T]],
        assumed: Mapping[int, tuple[InstanceID | None, int]] | None = None,
    ) -> T:
        watch = self._world.watch.homes

        def effect() -> T:
            with watch.writing(self._instance, what, assumed or {}):
                return result_of(write())

        return await self._link.call(f"{what} {_shown(assumed or ())}", effect, _DEADLINE_S)


def _assumed(
    me: InstanceID, positions: Sequence[HomePosition | InHand]
) -> Mapping[int, tuple[InstanceID | None, int]]:
    return {position.number: (me, position.epoch) for position in positions}


def _shown(numbers: Iterable[int]) -> str:
    """Return partitions in few words."""
    names = [str(number) for number in numbers]
    return ",".join(names[:8]) + (f",… ({len(names)})" if len(names) > 8 else "")
