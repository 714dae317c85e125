"""Producers on core NATS: they ask, and send again until they are answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.rules.positions import Place
from bus.wire.message import Message
from tests.simulation.course.traffic import Request
from tests.simulation.oracle.answers import traceparent_of
from tests.simulation.oracle.ledger import CORE
from tests.simulation.trace import Happening

if TYPE_CHECKING:
    from tests.simulation.course.traffic import Input
    from tests.simulation.oracle.ledger import Entry
    from tests.simulation.world.instance import Instance
    from tests.simulation.world.world import World


class Producers:
    """What is sent again is another message: nobody can tell it from the first."""

    def __init__(self, world: World) -> None:
        """Nothing was sent."""
        self._world = world
        self._unanswered: dict[int, Input] = {}
        """By the number of the first entry that was made of it."""
        self._first: dict[int, int] = {}
        """Of entries made of what was sent again: the number of the first."""

    @property
    def waiting(self) -> int:
        """How many messages nobody has answered."""
        return len(self._unanswered)

    def send(self, message: Input) -> None:
        """Send a message to whoever is there."""
        number = len(self._world.ledger.entries) + 1
        self._unanswered[number] = message
        self._send(message, number)

    def send_again(self) -> None:
        """Send what nobody has answered, once more."""
        for first, message in list(self._unanswered.items()):
            self._send(message, first)

    def _send(self, message: Input, first: int) -> None:
        world = self._world
        number = len(world.ledger.entries) + 1
        taking = [one for one in world.living() if not (one.stopping or one.bus.away)]
        instance = world.random.choice(taking) if taking else None
        log = f"{CORE} {instance or 'nobody'}"
        place = Place(number, world.time.now_ns + number, log)
        entry = world.broker.note(message, number, place)
        entry.standing = False
        self._first[number] = first
        if instance is None:
            return
        traceparent = traceparent_of(number) if isinstance(message.meaning, Request) else None
        taken = Message(message.subject, message.body, f"reply.{number}", place, traceparent)
        self._take(instance, entry, taken)

    def _take(self, instance: Instance, entry: Entry, message: Message) -> None:
        def take() -> None:
            entry.standing = True
            instance.bus.intake.take([message])

        instance.happen(take)

    def answered(self, message: Message, rejection: str | None) -> None:
        """Check an answer as it sets out; it may be lost."""
        world = self._world
        entry = world.ledger.at(message.place)
        assert entry is not None
        complaint = world.watch.settling.complaint(entry)
        if complaint is not None:
            world.watch.fail(f"the producer of {entry} is answered, and {complaint}")
        world.ledger.settle([entry])
        if world.chance(world.weather.reply_lost):
            world.note("producer", Happening.REPLY_LOST, entry)
            return
        world.note("producer", Happening.ANSWERED, entry, rejection or "+OK")
        self._unanswered.pop(self._first[entry.number], None)

    def died(self, instance: Instance) -> None:
        """Note that nobody will work on what an instance has taken."""
        for entry in self._world.ledger.entries:
            if entry.log == f"{CORE} {instance}" and not entry.settled:
                entry.standing = False
                entry.unread = True
                self._world.watch.lost(entry)
