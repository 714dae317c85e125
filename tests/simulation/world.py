"""The simulated world: a broker, a store, processes and time, all drawn from one seed."""

from __future__ import annotations

import heapq
import itertools
from collections import deque
from random import Random
from typing import TYPE_CHECKING

from actors.ports import NEVER_SAVED, Checkpoint, Unreadable
from actors.simulation import ManualClock
from store.memory import InMemoryCheckpointStore
from tests.simulation import rest
from tests.simulation.checks import InvariantViolationError, Watch
from tests.simulation.faults import StormyBroker
from tests.simulation.history import USERS, Trace, Weather, describe, draw_plan, request
from tests.simulation.process import MAX_IN_FLIGHT, Process
from tests.simulation.storm import Storm

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from actors.alarms import UserID
    from actors.simulation import SimulatedDispatcher
    from tests.simulation.faults import StormyBus
    from tests.simulation.history import Input

REST_WITHIN_S = 900.0
"""Once faults have stopped, everything must be settled within this time."""

_INTERLUDE_STEPS = 6
_TICKS = 4


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
        self.watch = Watch(
            self.plan.settings, self.clock, self.checkpoint, in_order=not self.plan.poison
        )
        self.broker = StormyBroker(self.plan.max_payload_bytes)
        self.broker.watch = self.watch
        self.broker.lose_ack = lambda: self.chance(self.weather.ack_lost)
        self.running: list[SimulatedDispatcher | StormyBus] = []
        """What is being stepped now, the innermost last."""
        self._processes: list[Process] = []
        self._process_numbers = itertools.count(1)
        self._timer_numbers = itertools.count()
        self._timers: list[tuple[float, int, Process | None, Callable[[], None]]] = []
        self._travelling = 0
        self.undelivered: deque[int] = deque()
        self._poison = self.plan.poison

    def run(self) -> None:
        """Let the history happen; raises ``InvariantViolationError``."""
        try:
            for phase in self.plan.phases:
                self.weather = self.plan.weather
                Storm(self, phase).rage()
                self._calm_down()
                self._complain(rest.complaints)
                self.clock.elapsed_s += 2.0 * self.plan.settings.cleared_retention_s
            for user_id in USERS:
                self.put(request(user_id))
            self._calm_down()
            self._complain(rest.complaints)
            self._complain(rest.untold)
            self._end()
        finally:
            for process in self.living():
                process.die()

    def chance(self, likelihood: float) -> bool:
        """Draw whether something happens."""
        return likelihood > 0 and self.random.random() < likelihood

    def note(self, who: object, what: str, *details: object) -> None:
        """Add to the trace."""
        self.trace.note(self.clock.elapsed_s, who, what, *details)

    def checkpoint(self, user_id: UserID) -> Checkpoint:
        """Return what is stored of a user."""
        found = self.store.load([user_id]).get(user_id, NEVER_SAVED)
        assert not isinstance(found, Unreadable)
        return found

    def poisoned(self) -> bool:
        """Draw whether what is asked for now crashes who asks."""
        if not self._poison or not self.chance(0.05):
            return False
        self._poison -= 1
        return True

    def call_after(self, delay_s: float, owner: Process | None, action: Callable[[], None]) -> None:
        """Do ``action`` when the clock has moved on, if its owner lives by then."""
        due_s = self.clock.elapsed_s + delay_s
        heapq.heappush(self._timers, (due_s, next(self._timer_numbers), owner, action))

    def travel(self, delay_s: float, arrive: Callable[[], None]) -> None:
        """Have something arrive at the broker later, whoever lives by then."""

        def action() -> None:
            self._travelling -= 1
            arrive()

        self._travelling += 1
        self.call_after(delay_s, None, action)

    def interlude(self) -> None:
        """Let others go on while somebody waits for the store; anybody may die meanwhile."""
        if self.chance(self.weather.interlude):
            for _ in range(self.random.randint(1, _INTERLUDE_STEPS)):
                self.step()
            if self.chance(0.3):
                self.fire()
        self.may_crash(*self.living())

    def may_crash(self, *processes: Process) -> None:
        """Kill a process, perhaps."""
        if processes and self.chance(self.weather.crash):
            self.kill(self.random.choice(processes))

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
        self.note("stream", f"#{sequence}", describe(message.meaning))

    def deliver(self, process: Process, sequences: list[int]) -> None:
        """Have a process take messages."""
        if not sequences:
            return
        for sequence in sequences:
            self.watch.delivered(sequence)
        self.note(process, "takes", *(f"#{sequence}" for sequence in sequences))
        process.take(sequences)

    def deliver_next(self, process: Process, most: int) -> None:
        """Have a process take what was never delivered, in order, as far as its window goes."""
        count = min(len(self.undelivered), most, MAX_IN_FLIGHT - process.in_flight)
        self.deliver(process, [self.undelivered.popleft() for _ in range(count)])

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
        self._processes.append(process)
        self.note(process, "starts")

    def kill(self, process: Process) -> None:
        """End a process at once; what is under way to the broker may arrive."""
        self.note(process, "is killed")
        process.die()

    def end_drained(self) -> None:
        """End the processes that were asked to stop and have nothing in flight."""
        for process in self.living():
            if not (process.pulling or process.paused or process.in_flight):
                self.note(process, "ends")
                process.stop()

    def raise_violation(self) -> None:
        """Raise the first broken promise, if there is one."""
        if self.watch.violation is not None:
            raise InvariantViolationError(self.watch.violation)

    def _complain(self, complaints: Callable[[World], Iterator[str]]) -> None:
        for complaint in complaints(self):
            self.watch.fail(complaint)
        self.raise_violation()

    def _calm_down(self) -> None:
        """End all faults, deliver everything, and wait until nothing is in flight."""
        self.weather = Weather()
        self.note("-", "the faults end")
        for process in self.living():
            process.paused = False
        rest_by_s = self.clock.elapsed_s + REST_WITHIN_S
        while self._unrest():
            if self.clock.elapsed_s > rest_by_s:
                self.watch.fail(f"no rest after {REST_WITHIN_S} s: {self._unrest()}")
            self.raise_violation()
            self._go_on()
        for _ in range(_TICKS * len(self.living())):
            self._go_on()

    def _go_on(self) -> None:
        """Let time pass until the next timer, then everybody do what can be done."""
        self.fire()
        if not self.any_pulling():
            self.start()
        if process := self.any_pulling():
            self.deliver_next(process, MAX_IN_FLIGHT)
            self.deliver(process, [seq for seq in self.broker.waiting if self._abandoned(seq)])
        while self.step():
            self.raise_violation()
        self.end_drained()

    def _unrest(self) -> str:
        """Tell what is still going on; empty when nothing is."""
        if self.broker.waiting:
            return f"waiting {list(self.broker.waiting)}"
        for process in self.living():
            if process.in_flight:
                return f"{process} has {process.in_flight} in flight"
        return "publications" if self._travelling else ""

    def _abandoned(self, sequence: int) -> bool:
        """Whether nobody holds a message that was delivered."""
        return sequence not in self.undelivered and not any(
            process.holds(sequence) for process in self.living()
        )

    def _end(self) -> None:
        """Let every user passivate, then stop all processes."""
        self.clock.elapsed_s += self.plan.settings.idle_timeout_s + 1.0
        for _ in range(_TICKS * len(self.living())):
            self._go_on()
        for process in self.living():
            if process.live_users():
                self.watch.fail(f"{process} keeps {process.live_users()} idle users in memory")
            process.pulling = False
        self.end_drained()
        if self.living():
            self.watch.fail(f"{self.living()} did not end")
        self.raise_violation()
