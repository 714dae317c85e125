"""A reader over the twin of a log, stepped by the test, and what it hands on."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple

import orjson

from actors.rules.alarms import UserID
from actors.rules.ends import NO_ENDS, Ends
from actors.rules.partitions import PARTITIONS, InstanceID, Partition, partition_of
from actors.rules.positions import BEGIN, Place
from bus.inbound.intake import Intake
from bus.inbound.log_reader import LogReader
from bus.memory.log import InMemoryLog, InMemoryLogSource
from bus.subjects import Subjects
from bus.tally import BusTally
from tests.unit.bus.letters import RecordingLetters

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from actors.messages.router import RouteDeliveries
    from actors.ports import DeliveryToken

SUBJECTS = Subjects()
ME = InstanceID("me")

USERS = [next(f"u{n}" for n in range(9999) if partition_of(UserID(f"u{n}")) == p) for p in range(4)]
"""A user of each of the first four partitions, by partition."""


class Taken(NamedTuple):
    """A message that the reader handed on."""

    token: DeliveryToken
    number: int
    name: str
    """What tells the message from every other."""


def event(number: int, name: str) -> bytes:
    """Return an event of the user of a partition."""
    return orjson.dumps(
        {
            "UserID": USERS[number],
            "AlarmID": name,
            "Status": "WARNING",
            "ChangedAt": "1970-01-01T00:00:00Z",
        }
    )


class LogDesk:
    """One process at a log, all of its answers under way until ``step`` or ``run``."""

    def __init__(self, log: InMemoryLog | None = None, max_in_flight: int = 1000) -> None:
        """Read nothing yet."""
        self.log = log or InMemoryLog()
        self.posts: deque[Callable[[], None]] = deque()
        self.timers: deque[Callable[[], None]] = deque()
        self.taken: list[Taken] = []
        self.fell: list[Mapping[int, Place]] = []
        self.letters = RecordingLetters()
        self.foreign: list[str] = []
        self.tally = BusTally()
        self.source = InMemoryLogSource(self.log, self.posts.append, self._call_later, batch_max=5)
        self.intake = Intake(
            SUBJECTS,
            1000,
            max_in_flight,
            self._deliver,
            self.letters,
            lambda *_: self.reader.ask_for_more(),
            self.tally,
            lambda: 0.0,
            tell_foreign=self.foreign.append,
        )
        self.reader = LogReader(self.source, self.intake, self.tally, self.fell.append)

    def put(self, number: int, name: str) -> Place:
        """Put an event of the user of a partition into the log."""
        return self.log.append(SUBJECTS.alarm_status_changed, event(number, name))

    def gain(self, *numbers: int, position: Place = BEGIN, ends: Ends = NO_ENDS) -> None:
        """Be the home of partitions from here on."""
        self.reader.gain([Partition(number, ME, 1, position, ends) for number in numbers])

    def refuse(self, refused: str) -> None:
        """Have the log refuse a kind of question; "" for none."""
        self.source.fault = lambda asked: "refused" if asked == refused else None

    def step(self) -> bool:
        """Have the next thing arrive; False when nothing is under way."""
        if not self.posts:
            return False
        self.posts.popleft()()
        return True

    def run(self, timers: int = 0) -> None:
        """Have everything arrive, and so many rounds of timers go off."""
        for _ in range(timers + 1):
            while self.step():
                pass
            if timers:
                due, self.timers = self.timers, deque()
                for action in due:
                    action()
        while self.step():
            pass

    def names(self, *numbers: int) -> list[str]:
        """Return what was taken of partitions, in order; of all by default."""
        wanted = numbers or range(PARTITIONS)
        return [one.name for one in self.taken if one.number in wanted]

    def settle(self, *names: str) -> None:
        """Settle messages; all by default."""
        self.intake.settle([one.token for one in self.taken if not names or one.name in names])

    def _deliver(self, deliveries: RouteDeliveries) -> None:
        for delivery in deliveries.items:
            body = delivery.body
            name = getattr(body, "alarm_id", "request")
            self.taken.append(Taken(delivery.token, partition_of(body.user_id), name))

    def _call_later(self, delay_s: float, action: Callable[[], None]) -> None:
        del delay_s
        self.timers.append(action)
