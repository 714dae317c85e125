"""The whole core on a simulated dispatcher, between the twins of bus and store."""

from __future__ import annotations

import json
from random import Random
from typing import TYPE_CHECKING, Any

from actors.messages.router import CountLiveUsers
from actors.ports import Checkpoint
from actors.rules.alarms import AlarmID, Severity, UserID
from actors.rules.partitions import PARTITIONS, Partition
from actors.rules.positions import BEGIN
from actors.runtime.simulated import ManualClock, SimulatedDispatcher, run_to_the_end
from actors.settings import CoreSettings
from actors.system import Dispatchers, Ports, start_actors
from bus.memory.bus import InMemoryBroker, InMemoryBus
from bus.subjects import Subjects
from store.users.memory import PromptStore
from tests.doubles import FaultyStore, NumberedIds
from tests.load import Event

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actors.messages.router import RouteDeliveries
    from actors.rules.positions import Place

SUBJECTS = Subjects()
WARNING, CRITICAL, CLEARED = Severity.WARNING, Severity.CRITICAL, Severity.CLEARED


class World:
    """One process, and the broker and store that outlive it."""

    def __init__(self, before: World | None = None, seed: int = 0, **settings: Any) -> None:
        """Start the actors; ``before`` is a process whose broker and store to go on with."""
        self.broker: InMemoryBroker = InMemoryBroker() if before is None else before.broker
        self.store: FaultyStore = (
            FaultyStore() if before is None else FaultyStore(before.store.inner)
        )
        self.ids: NumberedIds = NumberedIds() if before is None else before.ids
        self.clock = ManualClock()
        self.dispatcher = SimulatedDispatcher(Random(seed), self.clock)
        self.escalated: list[str] = []
        self.bus = InMemoryBus(
            self.broker,
            SUBJECTS,
            self._deliver,
            self._fell,
            lambda action: self.dispatcher.call_after(0.0, action),
            self.dispatcher.call_after,
            self.clock.wall_s,
        )
        one = self.dispatcher
        dispatchers = Dispatchers(one, one, one, run_to_the_end)
        self.router = start_actors(
            dispatchers, self._ports(), CoreSettings(**settings), self.escalated.append
        ).router
        positions = {} if before is None else before.bus.log.positions()
        self.bus.log.gain(
            [
                Partition(number, None, 1, positions.get(number, BEGIN))
                for number in range(PARTITIONS)
            ]
        )

    def event(
        self, user: str, alarm: str = "a", severity: Severity = WARNING, at_ns: int = 5
    ) -> int:
        """Put an event into the stream; return its sequence."""
        event = Event(UserID(user), AlarmID(alarm), severity, at_ns)
        return self._put(SUBJECTS.alarm_status_changed, event.body())

    def request(self, user: str) -> int:
        """Put a request into the stream; return its sequence."""
        return self._put(SUBJECTS.send_alarm_digest, json.dumps({"UserID": user}).encode())

    def digests(self, user: str) -> list[list[str]]:
        """Return the alarms of each digest that the stream keeps of a user."""
        bodies = [json.loads(body) for body in self.broker.bodies(SUBJECTS.alarm_digest)]
        return [
            [f"{item['AlarmID']} {item['Status']}" for item in body["ActiveAlarms"]]
            for body in bodies
            if body["UserID"] == user
        ]

    def dead_letters(self) -> dict[str, str]:
        """Return the reason of each dead letter by its sequence."""
        return {
            item.headers["Dead-Letter-Sequence"]: item.headers["Dead-Letter-Reason"]
            for item in self.broker.published
            if item.subject == SUBJECTS.dead_letter
        }

    def unsettled(self) -> list[int]:
        """Return the sequences of the messages that would be read again."""
        return sorted(message.sequence for _, _, message in self.bus.intake._in_flight.values())

    def checkpoint(self, user: str) -> Checkpoint:
        """Return what is stored of a user."""
        found = self.store.inner.load([UserID(user)])[UserID(user)]
        assert isinstance(found, Checkpoint)
        return found

    def live(self) -> int:
        """Return how many user actors are in memory."""
        answer = self.router.ask(CountLiveUsers(), block=False)
        self.dispatcher.run_until_idle()
        count: int = answer.get(timeout=0)
        return count

    def run(self, duration_s: float = 0.0) -> None:
        """Run the actors to rest, then on for so long."""
        self.dispatcher.advance(duration_s)

    def _put(self, subject: str, body: bytes) -> int:
        return self.broker.put(subject, body).sequence

    def _fell(self, positions: Mapping[int, Place]) -> None:
        raise AssertionError(f"the log is the one it was, and yet fell to {positions}")

    def _deliver(self, deliveries: RouteDeliveries) -> None:
        self.router.tell(deliveries)

    def _ports(self) -> Ports:
        return Ports(PromptStore(self.store), self.bus, self.bus, self.clock, Random(0), self.ids)
