"""Several processes with a home actor each, one store, and the faults between them."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import TYPE_CHECKING, Any, Protocol

from actors.runtime.simulated import ManualClock, SimulatedDispatcher
from store.homes.memory import InMemoryHomeStore
from tests.unit.actors.homes.process import Process

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import TypeAlias

    from actors.rules.partitions import HomesView, InstanceID, Partition

    Effect: TypeAlias = Callable[[], Coroutine[Any, Any, Any]]

DEADLINE_S = 0.8
"""After which a call that got no answer raises."""


def at_once(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Return what a coroutine returns that waits for nothing."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("a twin has to answer at once")


class Answer(Protocol):
    """How a call's answer finds its way back."""

    def __call__(self, value: Any, *, lost: bool, delay_s: float) -> None:
        """Have it arrive, or an error, after ``delay_s``."""


class Street:
    """Draws what happens from its seed; the same seed gives the same history."""

    def __init__(self, seed: int = 0, homes: InMemoryHomeStore | None = None) -> None:
        """Nobody is up."""
        self.random = Random(seed)
        self.clock = ManualClock()
        self.dispatcher = SimulatedDispatcher(Random(seed), self.clock)
        self.homes = homes or InMemoryHomeStore()
        self.processes: list[Process] = []
        self.escalated: list[str] = []
        self.faults = 0.0
        """The share of calls, nudges and hand-overs that go wrong."""
        self.store_is_away = False
        self.emptying_takes_s: float | None = None
        """Drawn where it is None."""
        self.published_twice = self.epochs_jumped = 0
        self.changes: list[Partition] = []
        """Partitions as they stood behind each change of their home or epoch."""

    def start(self, name: str | None = None, **described: Any) -> Process:
        """Start another process."""
        process = Process(self, name or f"i{len(self.processes)}", **described)
        self.processes.append(process)
        return process

    def up(self) -> list[Process]:
        """Return the processes that are neither dead nor gone."""
        return [process for process in self.processes if process.alive]

    def run(self, duration_s: float) -> None:
        """Go on for so long."""
        self.dispatcher.advance(duration_s)
        for process in self.up():
            if self.faults and not process.is_paused:
                process.log.move()
        assert not self.escalated, self.escalated
        assert not self.published_twice, "two published at a time"
        assert not self.epochs_jumped, "an epoch did not rise by one"

    def check_publishing(self) -> None:
        """Raise unless each partition is published by one at the most.

        Called whenever somebody may publish more than before.
        """
        publishing = Counter[int]()
        for process in self.up():
            publishing.update(process.publishes())
        twice = [number for number, count in publishing.items() if count > 1]
        if twice:
            self.published_twice += 1

    def view(self) -> HomesView:
        """Return what is stored."""
        view: HomesView = at_once(self.homes.look())
        return view

    def homes_of(self) -> list[InstanceID | None]:
        """Return whose each partition is."""
        return [partition.home for partition in self.view().partitions]

    def shares(self) -> list[int]:
        """Return how many partitions each process works on, in order."""
        return sorted(len(process.has()) for process in self.up())

    def check_homes(self) -> None:
        """Raise unless each partition has a home that is up, stays, and works on it."""
        staying = [process for process in self.up() if not process.leaving]
        working = {process.instance_id: process.has() for process in staying}
        for number, home in enumerate(self.homes_of()):
            assert home in working, f"{number} has no live home: {home}"
            assert number in working[home], f"{number} is at home at {home}, who knows nothing"

    def check_positions(self) -> None:
        """Raise if a position is stored that its home has not reached."""
        for process in self.up():
            for number, place in process.log.read.items():
                stored = self.view().partitions[number].position
                assert stored <= place, f"the position of {number} is {stored}, read is {place}"

    def emptying_s(self) -> float:
        """Return how long users of a partition take to leave."""
        if self.emptying_takes_s is not None:
            return self.emptying_takes_s
        return 5.0 if self._goes_wrong() else self.random.uniform(0.0, 0.2)

    def nudge_s(self) -> float | None:
        """Return how long a nudge takes; None for one that is lost."""
        return None if self._goes_wrong() else self.random.uniform(0.0, 0.01)

    def carry(self, effect: Effect, answer: Answer) -> None:
        """Carry a call to the store and its answer back, or not."""
        there_s, back_s = self.random.uniform(0.0, 0.02), self.random.uniform(0.0, 0.02)
        if self.store_is_away:
            answer(None, lost=True, delay_s=DEADLINE_S)
            return
        if not self._goes_wrong():
            self.dispatcher.call_after(
                there_s, lambda: answer(self._do(effect), lost=False, delay_s=back_s)
            )
            return
        match self.random.choice(("never", "late", "late", "late", "answer lost", "slow")):
            case "never":
                answer(None, lost=True, delay_s=DEADLINE_S)
            case "late":
                answer(None, lost=True, delay_s=DEADLINE_S)
                self.dispatcher.call_after(
                    DEADLINE_S + self.random.uniform(0.0, 2.0), lambda: self._late(effect)
                )
            case "answer lost":
                self.dispatcher.call_after(there_s, lambda: _drop(self._do(effect)))
                answer(None, lost=True, delay_s=DEADLINE_S)
            case _:
                there_s, back_s = self.random.uniform(0.0, 0.4), self.random.uniform(0.0, 0.4)
                self.dispatcher.call_after(
                    there_s, lambda: answer(self._do(effect), lost=False, delay_s=back_s)
                )

    def _late(self, effect: Effect) -> None:
        if self.faults:
            self._do(effect)

    def _do(self, effect: Effect) -> Any:
        """Have a call take effect, and check what came of it."""
        before = self.view().partitions
        value = at_once(effect())
        for old, new in zip(before, self.view().partitions, strict=True):
            if old[1:3] != new[1:3]:
                self.changes.append(new)
                self.epochs_jumped += new.epoch != old.epoch + 1
        return value

    def _goes_wrong(self) -> bool:
        return self.random.random() < self.faults


def _drop(answer: object) -> None:
    del answer


def street_of(count: int) -> tuple[Street, list[Process]]:
    """Return so many processes that have shared the partitions out, started one by one."""
    street = Street()
    for _ in range(count):
        street.start()
        street.run(3.0)
    street.check_homes()
    return street, street.processes
