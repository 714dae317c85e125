"""The reader under random losses, gains and drops, against a brute-force oracle.

The oracle knows every message that was ever put into the log, and what was settled by anybody. It
holds the reader to: each partition in order and each message once between a gain or a fall and the
next; nothing left out above the position; no position above what is not settled.
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest

from actors.rules.partitions import InstanceID, Partition
from actors.rules.positions import BEGIN, Place
from tests.unit.bus.inbound.log_desk import LogDesk, Taken

if TYPE_CHECKING:
    from collections.abc import Mapping

ME = InstanceID("me")
PARTITIONS = 4
STEPS = 250


class Field:
    """A log, the stored positions, a reader, and what the oracle knows of them."""

    def __init__(self, seed: int) -> None:
        """Begin with an empty log and no partition at home."""
        self.random = Random(seed)
        self.desk = LogDesk(max_in_flight=self.random.choice([1, 3, 50]))
        self.desk.reader.start()
        self.stored: dict[int, Place] = dict.fromkeys(range(PARTITIONS), BEGIN)
        self.at_home: set[int] = set()
        self.stopped: set[int] = set()
        self.settled: set[str] = set()
        self.unsettled: list[Taken] = []
        self.sequence_of: dict[str, int] = {}
        """Of what is in the log, or was discarded from it; not of what a broker lost."""
        self.partition_of: dict[str, int] = {}
        self.discarded: set[str] = set()
        self.watched = 0
        self.falls_seen = 0
        self.last: dict[int, int] = {}
        """The sequence taken last of each partition since its gain, or the last fall."""
        self.expected: dict[int, set[str]] = {}

    def put(self) -> None:
        """Have a producer publish."""
        number = self.random.randrange(PARTITIONS)
        name = f"m{len(self.partition_of)}"
        self.partition_of[name] = number
        self.sequence_of[name] = self.desk.put(number, name).sequence

    def arrive(self) -> None:
        """Have a few things arrive."""
        for _ in range(self.random.randrange(1, 12)):
            self.desk.step()
            self.watch()

    def tick(self) -> None:
        """Have one timer go off."""
        if self.desk.timers:
            self.desk.timers.rotate(-self.random.randrange(len(self.desk.timers)))
            self.desk.timers.popleft()()

    def settle(self) -> None:
        """Settle some of what was taken, in any order."""
        self.random.shuffle(self.unsettled)
        some = self.random.randrange(len(self.unsettled) + 1)
        done, self.unsettled = self.unsettled[:some], self.unsettled[some:]
        self.settled |= {one.name for one in done}
        self.desk.intake.settle([one.token for one in done])

    def save(self) -> None:
        """Store the positions: only upwards but where they fell, as the store does it."""
        self.lower()
        for number, position in self.desk.reader.positions().items():
            if position.sequence >= self.stored[number].sequence:
                self.stored[number] = position

    def lower(self) -> None:
        """Store what fell."""
        for fell in self.desk.fell:
            for number, place in fell.items():
                if number in self.at_home:
                    self.stored[number] = place
        self.desk.fell.clear()

    def gain(self) -> None:
        """Be the home of some more."""
        self.lower()
        away = [number for number in range(PARTITIONS) if number not in self.at_home]
        gained = self.random.sample(away, self.random.randrange(len(away) + 1))
        self.at_home |= set(gained)
        for number in gained:
            self.last.pop(number, None)
        self.desk.reader.gain([Partition(number, ME, 1, self.stored[number]) for number in gained])

    def stop(self) -> None:
        """Stop reading one."""
        for number in self._some_at_home():
            self.stopped.add(number)
            self.desk.reader.stop([number])

    def drop(self) -> None:
        """Lose one, with its position saved or not."""
        if self.random.random() < 0.5:
            self.save()
        self.lower()
        for number in self._some_at_home():
            self.at_home.discard(number)
            self.stopped.discard(number)
            self.unsettled = [one for one in self.unsettled if one.number != number]
            self.desk.reader.drop([number])

    def rival(self) -> None:
        """Have another home settle all there is of what is not at home here."""
        log = self.desk.log
        for number in range(PARTITIONS):
            if number in self.at_home or not log.messages or self.random.random() < 0.5:
                continue
            self.settled |= {n for n in self.sequence_of if self.partition_of[n] == number}
            last = max(log.messages.values(), key=lambda message: message.sequence)
            self.stored[number] = Place(last.sequence, last.timestamp_ns, log.created)

    def lose_consumers(self) -> None:
        """Have the server lose them."""
        self.desk.log.end_readings("gone")

    def refuse(self) -> None:
        """Have the log answer nothing, or answer again."""
        refused = self.random.choice(["state", "timestamp", "begin", ""])
        self.desk.source.fault = lambda asked: "refused" if asked == refused else None

    def lose_tail(self) -> None:
        """Have a broker lose what it took last."""
        self.desk.log.lose_tail(self.random.randrange(1, 12))
        self._forget_above(self.desk.log.last)

    def recreate(self) -> None:
        """Have a person make the stream anew."""
        self.desk.log.recreate()
        self._forget_above(0)
        self.discarded.clear()

    def discard(self) -> None:
        """Have a limit discard what is oldest."""
        log = self.desk.log
        up_to = self.random.randint(log.first - 1, log.first + 5)
        log.discard(up_to)
        self.discarded |= {name for name, at in self.sequence_of.items() if at < log.first}

    def watch(self) -> None:
        """Look at what was taken since the last look."""
        assert len(self.desk.log.readings) <= 2
        if self.desk.tally.falls != self.falls_seen:
            self.falls_seen = self.desk.tally.falls
            self.last.clear()
        for one in self.desk.taken[self.watched :]:
            assert one.number in self.at_home - self.stopped, f"{one} is not read here"
            if one.name in self.sequence_of:
                at = self.sequence_of[one.name]
                assert at > self.last.get(one.number, 0), f"{one} is out of order, or again"
                self.last[one.number] = at
            self.unsettled.append(one)
        self.watched = len(self.desk.taken)

    def check_positions(self, positions: Mapping[int, Place]) -> None:
        """No position is above a message that nobody has settled."""
        for name, at in self.sequence_of.items():
            if name in self.settled or name in self.discarded:
                continue
            position = positions.get(self.partition_of[name], BEGIN)
            if position.log == self.desk.log.created:
                assert position.sequence < at, f"{name} at {at} is below {position}"

    def come_to_rest(self) -> None:
        """Be the home of all, with nothing in the way, until nothing moves."""
        self.desk.source.fault = lambda _: None
        self.lower()
        self.at_home -= self.stopped
        self.desk.reader.drop(self.stopped)
        self.unsettled = [one for one in self.unsettled if one.number not in self.stopped]
        self.stopped.clear()
        away = [number for number in range(PARTITIONS) if number not in self.at_home]
        self.at_home = set(range(PARTITIONS))
        for number in away:
            self.last.pop(number, None)
        self.desk.reader.gain([Partition(number, ME, 1, self.stored[number]) for number in away])
        for _ in range(20 + len(self.partition_of)):
            for _ in range(len(self.desk.timers)):
                self.tick()
            while self.desk.step():
                self.watch()
            self.settled |= {one.name for one in self.unsettled}
            self.desk.intake.settle([one.token for one in self.unsettled])
            self.unsettled.clear()

    def _some_at_home(self) -> list[int]:
        return [number for number in sorted(self.at_home) if self.random.random() < 0.3]

    def _forget_above(self, last: int) -> None:
        for name in [name for name, at in self.sequence_of.items() if at > last]:
            del self.sequence_of[name]


def _run(seed: int, faults: bool) -> Field:
    field = Field(seed)
    moves = [field.put] * 8 + [field.arrive] * 8 + [field.tick] * 3 + [field.settle] * 3
    moves += [field.save, field.gain, field.gain, field.drop, field.stop, field.lose_consumers]
    moves += [field.rival]
    if faults:
        moves += [field.lose_tail, field.discard, field.refuse]
        if field.random.random() < 0.5:
            moves.append(field.recreate)
    for _ in range(STEPS):
        field.random.choice(moves)()
        field.watch()
        if not faults:
            field.check_positions(field.stored)
            field.check_positions(field.desk.reader.positions())
    field.come_to_rest()
    return field


@pytest.mark.parametrize("seed", range(60))
def test_every_message_is_taken_in_order_and_no_position_passes_one(seed: int) -> None:
    """Under gains, drops and lost consumers: at every moment."""
    field = _run(seed, faults=False)
    assert set(field.sequence_of) <= field.settled
    assert field.desk.tally.falls == field.desk.tally.discarded == 0
    ends = {place.sequence for place in field.desk.reader.positions().values()}
    assert ends == {field.desk.log.last}
    assert len(field.desk.log.readings) == 1


@pytest.mark.parametrize("seed", range(120))
def test_what_is_in_the_log_is_read_whatever_the_broker_loses(seed: int) -> None:
    """Lost tails, streams made anew, discards and refusals: once they end, nothing is missing."""
    field = _run(seed, faults=True)
    missing = set(field.sequence_of) - field.settled - field.discarded
    assert not missing
    positions = field.desk.reader.positions()
    field.check_positions(positions)
    if field.desk.log.messages:
        assert {place.sequence for place in positions.values()} == {field.desk.log.last}
    field.save()
    assert field.stored == positions
    assert field.desk.intake.size == 0
    assert len(field.desk.log.readings) == 1
    assert field.desk.reader.able
