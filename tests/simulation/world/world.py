"""The simulated world: a broker, a store, processes and time, all drawn from one seed."""

from __future__ import annotations

import heapq
import itertools
from collections import deque
from random import Random
from typing import TYPE_CHECKING

from actors.ports import NEVER_SAVED, Checkpoint, Unreadable
from actors.runtime.simulated import ManualClock
from store.users.memory import InMemoryCheckpointStore
from tests.simulation import bounds, rest
from tests.simulation.calm import Calm
from tests.simulation.checks import InvariantViolationError, Watch
from tests.simulation.faults import StormyBroker
from tests.simulation.history import describe, kind_of, request
from tests.simulation.plan import draw_plan
from tests.simulation.process import MAX_IN_FLIGHT, Process
from tests.simulation.storm import Storm
from tests.simulation.trace import Happening, Trace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from actors.rules.alarms import UserID
    from actors.runtime.simulated import SimulatedDispatcher
    from tests.simulation.faults import StormyBus
    from tests.simulation.history import Input

_INTERLUDE_STEPS = 6


class World:
    """One history. The same seed gives the same, to the last entry of the trace."""

    def __init__(self, seed: int) -> None:
        """Draw the plan; nothing runs yet."""
        self.seed = seed
        self.random = Random(seed)
        self.plan = draw_plan(self.random)
        self.weather = self.plan.weather
        self.clock = ManualClock()
        self.trace = Trace()
        self.store = InMemoryCheckpointStore()
        self.watch = Watch(self.plan, self.clock, self.checkpoint, self.note, self.is_to_come)
        self.broker = StormyBroker(self)
        self.running: list[SimulatedDispatcher | StormyBus] = []
        """What is being stepped now, the innermost last."""
        self._processes: list[Process] = []
        self._process_numbers = itertools.count(1)
        self._timer_numbers = itertools.count()
        self._timers: list[tuple[float, int, Process | None, Callable[[], None]]] = []
        self.travelling = 0
        """Publications on their way to the broker."""
        self.undelivered: deque[int] = deque()
        self._put: set[Input] = set()
        self._last_taken = 0
        self._poison = self.plan.poison

    def run(self) -> None:
        """Let the history happen; raises ``InvariantViolationError``.

        A digest whose request does not come again, because it became a dead letter, or because
        core NATS brought it twice and one of the two was answered, may be owed to the end.
        """
        try:
            for phase in self.plan.phases:
                self.weather = self.plan.weather
                Storm(self, phase).rage()
                Calm(self).settle()
                self._complain(rest.complaints)
                if not (self.plan.core or self.plan.poison):
                    self._complain(rest.debts)
                self.clock.elapsed_s += 2.0 * self.plan.settings.cleared_retention_s
            for user_id in self.plan.users:
                self.put(request(user_id))
            Calm(self).settle()
            for complaints in (rest.complaints, rest.debts, rest.untold):
                self._complain(complaints)
            Calm(self).end()
        finally:
            for process in self.living():
                process.die()

    def chance(self, likelihood: float) -> bool:
        """Draw whether something happens."""
        return likelihood > 0 and self.random.random() < likelihood

    def note(self, who: object, what: Happening, *details: object, times: int = 1) -> None:
        """Add to the trace."""
        self.trace.note(self.clock.elapsed_s, who, what, *details, times=times)

    def checkpoint(self, user_id: UserID) -> Checkpoint:
        """Return what is stored of a user."""
        found = self.store.load([user_id]).get(user_id, NEVER_SAVED)
        assert not isinstance(found, Unreadable)
        return found

    def poisoned(self, who: object, what: str, at_least: float = 0.0) -> bool:
        """Draw whether what is asked for now is poison, in a history that has any."""
        likelihood = self.weather.poison and max(self.weather.poison, at_least)
        if not self._poison or not self.chance(likelihood):
            return False
        self._poison -= 1
        self.note(who, Happening.POISONED, what)
        return True

    def call_after(self, delay_s: float, owner: Process | None, action: Callable[[], None]) -> None:
        """Do ``action`` when the clock has moved on, if its owner lives by then."""
        due_s = self.clock.elapsed_s + delay_s
        heapq.heappush(self._timers, (due_s, next(self._timer_numbers), owner, action))

    def travel(self, delay_s: float, arrive: Callable[[], None]) -> None:
        """Have something arrive at the broker later, whoever lives by then."""

        def action() -> None:
            self.travelling -= 1
            arrive()

        self.travelling += 1
        self.call_after(delay_s, None, action)

    def interlude(self, process: Process) -> None:
        """Let others go on while somebody waits for the store; anybody may die meanwhile."""
        if self.chance(self.weather.interlude):
            self.note(process, Happening.SLOW_CALL)
            for _ in range(self.random.randint(1, _INTERLUDE_STEPS)):
                self.step()
            if self.chance(0.3):
                self.fire()
        self.may_crash(*self.living())

    def may_crash(self, *processes: Process) -> None:
        """Kill a process in the midst of a call, perhaps."""
        if processes and self.chance(self.weather.crash):
            process = self.random.choice(processes)
            self.note(process, Happening.KILLED_IN_A_CALL)
            process.die()

    def living(self) -> list[Process]:
        """Return the processes that live, the oldest first."""
        return [process for process in self._processes if process.alive]

    def any_pulling(self) -> Process | None:
        """Draw a process that takes messages."""
        pulling = [process for process in self.living() if process.pulling and not process.paused]
        return self.random.choice(pulling) if pulling else None

    def step(self) -> bool:
        """Step an actor, or a bus, drawn from all that can go on; False when none can."""
        ready = [
            item for process in self.living() if not process.paused for item in process.ready()
        ]
        if not ready:
            return False
        item = ready[0] if len(ready) == 1 else self.random.choice(ready)
        self.running.append(item)
        item.step()
        self.running.pop()
        return True

    def put(self, message: Input) -> None:
        """Put a message into the stream."""
        sequence = self.broker.put(message.subject, message.body)
        self.watch.meanings[sequence] = message.meaning
        self.undelivered.append(sequence)
        self.note("stream", kind_of(message.meaning), f"#{sequence}", describe(message.meaning))
        if message in self._put:
            self.note("stream", Happening.REPEATED, f"#{sequence}")
        self._put.add(message)

    def deliver(self, process: Process, sequences: list[int]) -> None:
        """Have a process take messages."""
        for sequence in sequences:
            if self.watch.was_delivered(sequence):
                self.note(process, Happening.REDELIVERED, f"#{sequence}")
            elif sequence < self._last_taken:
                self.note(process, Happening.OUT_OF_ORDER, f"#{sequence}")
            self._last_taken = max(self._last_taken, sequence)
            self.watch.delivered(sequence)
        if sequences:
            names = [f"#{sequence}" for sequence in sequences]
            self.note(process, Happening.TAKEN, *names, times=len(names))
            process.take(sequences)

    def deliver_next(self, process: Process, most: int) -> None:
        """Have a process take what was never delivered, in order, as far as its window goes."""
        count = min(len(self.undelivered), most, MAX_IN_FLIGHT - process.in_flight)
        self.deliver(process, [self.undelivered.popleft() for _ in range(count)])

    def is_to_come(self, sequence: int) -> bool:
        """Whether somebody may still apply a message that was delivered."""
        return sequence in self.broker.waiting or any(
            process.holds(sequence) for process in self.living()
        )

    def fire(self) -> None:
        """Move the clock to the next timer, and let it fire; late if the clock is past it."""
        if not self._timers:
            return
        due_s, _, owner, action = heapq.heappop(self._timers)
        self.clock.elapsed_s = max(self.clock.elapsed_s, due_s)
        if owner is None or owner.alive:
            action()

    def start(self) -> None:
        """Start a process."""
        process = Process(self, next(self._process_numbers))
        self._processes = [*self.living(), process]
        self.note(process, Happening.STARTED)

    def end_drained(self) -> None:
        """End the processes that were asked to stop and have nothing in flight."""
        for process in self.living():
            if not (process.pulling or process.paused or process.in_flight):
                self.note(process, Happening.ENDED)
                process.stop()

    def ticked(self, process: Process) -> None:
        """Check what a process keeps in memory when its router has ticked."""
        for complaint in bounds.complaints_after_tick(process, self.plan.settings):
            self.watch.fail(complaint)

    def raise_violation(self) -> None:
        """Raise the first broken promise, if there is one."""
        if self.watch.violation is not None:
            raise InvariantViolationError(self.watch.violation)

    def _complain(self, complaints: Callable[[World], Iterator[str]]) -> None:
        for complaint in complaints(self):
            self.watch.fail(complaint)
        self.raise_violation()
