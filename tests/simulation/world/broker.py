"""The broker: the log of what is put in, and the streams of what is published."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.rules.positions import Place
from bus.memory.log import InMemoryLog
from ops.homes.rewinding import Log, RewindRefusedError, rewinding
from tests.simulation.course.traffic import (
    SUBJECTS,
    Request,
    describe,
    kind_of,
    partition_by_contract,
)
from tests.simulation.oracle.answers import traceparent_of
from tests.simulation.oracle.ledger import Entry
from tests.simulation.trace import Happening
from tests.simulation.world.calls import result_of
from tests.simulation.world.time import WALL_S

if TYPE_CHECKING:
    from bus.outbound.message import OutgoingMessage
    from tests.simulation.course.traffic import Input
    from tests.simulation.world.world import World


class Broker:
    """One for all instances; what happens to it is told to the ledger."""

    def __init__(self, world: World) -> None:
        """Begin with empty streams."""
        self._world = world
        self.log = InMemoryLog()
        world.ledger.log = self.log.created
        self._published: set[str] = set()
        self._put: set[Input] = set()
        self.travelling = 0
        """Publications on their way."""

    def put(self, message: Input) -> Entry:
        """Put a message into the log."""
        world = self._world
        number = len(world.ledger.entries) + 1
        headers = b""
        if isinstance(message.meaning, Request):
            headers = f"NATS/1.0\r\ntraceparent: {traceparent_of(number)}\r\n\r\n".encode()
        place = self.log.append(message.subject, message.body, world.time.now_ns, headers)
        return self.note(message, number, place)

    def note(self, message: Input, number: int, place: Place) -> Entry:
        """Note what was put in, in whichever way."""
        world = self._world
        entry = Entry(
            number,
            place.log,
            place.sequence,
            place.timestamp_ns,
            message.meaning,
            message.body,
            partition_by_contract(message.meaning, world.plan.partitions),
            int(WALL_S + world.time.now_s),
        )
        world.ledger.add(entry)
        world.note("log", kind_of(message.meaning), entry, describe(message.meaning))
        if message in self._put:
            world.note("log", Happening.REPEATED, entry)
        self._put.add(message)
        return entry

    def lose_tail(self, after: int) -> None:
        """Lose what is behind a sequence, as a power cut does; all readings end."""
        world = self._world
        world.note("log", Happening.TAIL_LOST, f"#{after}")
        self.log.lose_tail(self.log.last - after)
        for entry in world.ledger.lose_tail(after):
            world.watch.lost(entry)

    def renew(self) -> None:
        """Be deleted, with all that is in it, and made anew."""
        world = self._world
        world.note("log", Happening.RENEWED)
        self.log.recreate()
        for entry in world.ledger.renew(self.log.created):
            world.watch.lost(entry)

    def discard(self, below: int) -> None:
        """Discard what is below a sequence, read or not, as a limit does."""
        world = self._world
        world.note("log", Happening.DISCARDED, f"#{below}")
        self.log.discard(below - 1)
        for entry in world.ledger.discard(below):
            world.watch.lost(entry)

    def rewind(self) -> None:
        """Set positions back within the log, as somebody does by a command."""
        world = self._world
        places = [
            Place(entry.sequence, entry.timestamp_ns, entry.log)
            for entry in world.ledger.standing()
        ]
        place = world.random.choice([Place(0, 0, self.log.created), *places])
        partitions = world.watch.homes.view().partitions
        put_at = {one.sequence: one.timestamp_ns for one in places}
        try:
            planned = rewinding(partitions, place, Log(*self.log.state()), put_at)
        except RewindRefusedError:
            return
        world.note("command", Happening.REWOUND, f"#{place.sequence}")
        back = planned.partitions
        world.watch.homes.rewinding(lambda: result_of(world.homes.rewind(back, place)))

    def publish(self, published: OutgoingMessage) -> None:
        """Keep a publication, unless its ``Nats-Msg-Id`` was seen before."""
        world, name = self._world, published.headers["Nats-Msg-Id"]
        if name in self._published:
            world.note("stream", Happening.PUBLICATION_REPEATED, name)
            if world.plan.fair:
                world.watch.fail(f"{name} was published again, though nothing went wrong")
            return
        self._published.add(name)
        dead = published.subject == SUBJECTS.dead_letter
        world.note("stream", Happening.DEAD_LETTER if dead else Happening.DIGEST, name)
        world.watch.published(published)
