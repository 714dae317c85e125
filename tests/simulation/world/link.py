"""Links: how an instance's questions reach a server, and how answers come back."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from actors.errors import StoreUnavailableError
from tests.simulation.trace import Happening
from tests.simulation.world.calls import Answer

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.simulation.world.instance import Instance
    from tests.simulation.world.world import World

T = TypeVar("T")

_USUAL_S = (0.001, 0.003, 0.02)
_LATE_S = (0.3, 1.0, 2.5, 6.0, 9.0)
"""Some of these are past every deadline: what timed out may take effect behind what came after."""


class StoreLink:
    """An instance's connection to MongoDB.

    A request may be lost, late, or its answer may; what has set out arrives though its sender dies.
    """

    def __init__(self, world: World, instance: Instance) -> None:
        """Connect."""
        self._world = world
        self._instance = instance
        self.away_until_s = 0.0
        """The server does not hear this instance until then, by the world's time."""
        self.late = 0
        """Calls on their way to the server for longer than usual."""
        world.links.append(self)

    @property
    def away(self) -> bool:
        """Whether the server does not hear this instance now."""
        return self._world.time.now_s < self.away_until_s

    async def call(self, what: str, effect: Callable[[], T], deadline_s: float) -> T:
        """Ask the server for ``effect``; raises ``StoreUnavailableError`` at the deadline."""
        world, weather, answer = self._world, self._world.weather, Answer[T]()
        time = world.time
        late = StoreUnavailableError(f"no answer to: {what}")
        if self.away and world.chance(0.5):
            world.note(self._instance, Happening.CALL_REFUSED, what)
            raise StoreUnavailableError(f"no server for: {what}")
        time.call_after(deadline_s, lambda: answer.fail(late))
        if self.away or world.chance(weather.call_lost):
            world.note(self._instance, Happening.CALL_LOST, what)
            return await answer

        delay_s = self._delay_s(what)
        late_calls = int(delay_s >= min(_LATE_S))
        self.late += late_calls

        def arrive() -> None:
            self.late -= late_calls
            value = effect()
            if self.away or world.chance(weather.answer_lost):
                world.note(self._instance, Happening.ANSWER_LOST, what)
            else:
                time.call_after(self._delay_s(what), lambda: answer.give(value))

        time.call_after(delay_s, arrive)
        return await answer

    def _delay_s(self, what: str) -> float:
        world = self._world
        if world.chance(world.weather.call_late):
            world.note(self._instance, Happening.CALL_LATE, what)
            return world.random.choice(_LATE_S)
        return world.random.choice(_USUAL_S)
