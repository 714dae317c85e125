"""Work in slices: others have their turn between two of them."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from actors.runtime.simulated import ManualClock, SimulatedDispatcher
from actors.runtime.sliced import GoOn, SlicedActor

if TYPE_CHECKING:
    from collections.abc import Iterator


class Counter(SlicedActor):
    """Counts in slices, and notes what it is told meanwhile."""

    noted: list[str]

    def on_receive(self, message: object) -> None:
        """Go on, begin to count, or note."""
        if isinstance(message, GoOn):
            self.go_on()
        elif isinstance(message, int):
            self.begin_slices(self._count(message))
        elif message == "drop":
            self.drop_slices()
        else:
            self.noted.append(str(message))

    def _count(self, most: int) -> Iterator[None]:
        for number in range(most):
            self.noted.append(f"slice {number}")
            yield


def _told(*messages: object) -> list[str]:
    dispatcher = SimulatedDispatcher(Random(1), ManualClock())
    actor = Counter(dispatcher)
    noted = actor.noted = []
    ref = actor.begin()
    dispatcher.step()
    for message in messages:
        ref.tell(message)
    dispatcher.run_until_idle()
    ref.stop(block=False)
    dispatcher.run_until_idle()
    return noted


def test_what_came_meanwhile_is_handled_between_two_slices() -> None:
    """One message, one slice, in turn."""
    assert _told(2, "a", "b") == ["a", "b", "slice 0", "slice 1"]


def test_what_is_dropped_or_replaced_goes_on_no_more() -> None:
    """A slice that is still to come finds nothing in hand."""
    assert _told(5, "drop", "a") == ["a"]
    assert _told(5, 1) == ["slice 0"]
