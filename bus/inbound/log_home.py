"""Home: a partition that is at home here, and how far it is read; what is wanted of a log. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from actors.rules.ends import is_doubtful
from actors.rules.partitions import PARTITIONS
from actors.rules.positions import Ledger, Place
from bus.wire.ownership import plain_partitions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actors.rules.partitions import Partition
    from bus.inbound.log_pass import LogPass
    from bus.inbound.log_source import LogMessages
    from bus.subjects import Subjects

NOT_READ = 1 << 63
"""As a bar in ``Wanted``: above every sequence."""


_ALWAYS_READ = 0
"""Below every sequence."""


class Wanted(NamedTuple):
    """What of the log is wanted, by partition: what is above its bar."""

    bars: list[int]
    ledgers: list[Ledger]

    @classmethod
    def nothing(cls, ledger: Ledger) -> Wanted:
        """Want nothing at all; ``ledger`` stands for those that are not wanted."""
        return cls([NOT_READ] * PARTITIONS, [ledger] * PARTITIONS)

    def candidates(self, messages: LogMessages, subjects: Subjects) -> Sequence[int]:
        """Return the indexes of what may be wanted, by all that is known without decoding.

        Others' messages, by far the most where instances are many, end here. Where all is wanted,
        as by an instance that is alone, all is decoded in any case.
        """
        sequences = messages.sequences
        if max(self.bars) < sequences[0]:
            return range(len(messages))
        bars = [*self.bars, _ALWAYS_READ]  # the last one is of ``UNKNOWN``
        numbers = plain_partitions(messages.subjects, messages.bodies, subjects)
        above = zip(numbers, sequences, strict=True)
        return [at for at, (number, sequence) in enumerate(above) if sequence > bars[number]]


class Home:
    """A partition that is at home here."""

    __slots__ = (
        "ends",
        "is_doubtful",
        "is_strange",
        "ledger",
        "number",
        "pass_",
        "reported",
        "through",
        "wanted",
    )

    def __init__(self, partition: Partition) -> None:
        """Stand at the partition's position, of which the log was not asked yet."""
        self.number = partition.number
        self.ends = partition.ends
        """Of its homes before this one."""
        self.is_doubtful = is_doubtful(partition)
        self.ledger = Ledger()
        self.through = partition.position
        """How far it was read by others, or by the pass that read for it before this one."""
        self.reported = partition.position
        """The highest position that may be stored."""
        self.is_strange = True
        """Whether its position was left by another home, and was not looked for in the log yet."""
        self.wanted = True
        """Whether it is to be read on."""
        self.pass_: LogPass | None = None

    def read(self) -> Place:
        """Return how far the partition is read."""
        log_pass = self.pass_
        if log_pass is None or log_pass.place.sequence <= self.through.sequence:
            return self.through
        return log_pass.place

    def leave(self) -> None:
        """Leave the pass that reads for it, if one does."""
        self.through = self.read()
        if self.pass_ is not None:
            self.pass_.remove(self)
            self.pass_ = None

    def position(self) -> Place:
        """Return up to where everything is settled; never below what was returned before."""
        position = self.ledger.position(self.read())
        # The place before a message may be below where its partition was gained.
        if position.sequence > self.reported.sequence:
            self.reported = position
        return self.reported

    def fall(self, created: str, good: Place | None, refused: frozenset[Place]) -> bool:
        """Stand at no place that the log ``created`` does not have; whether the position fell.

        ``good`` is the highest place read here that it has, None for all; ``refused`` are
        positions of others that it does not have: what they had settled of it is not known.
        """
        read = self.through
        if self.is_strange or (read not in refused and _is_within(read, created, good)):
            return False
        position = self.ledger.position(read)
        if position not in refused and _is_within(position, created, good):
            self.through = position
        elif good is not None and read not in refused and read.log == created:
            self.through = good
        else:
            self.through = Place(0, 0, created)
        self.ledger = Ledger()
        if self.reported not in refused and _is_within(self.reported, created, self.through):
            return False
        self.reported = self.through
        return True


def _is_within(place: Place, created: str, good: Place | None) -> bool:
    """Whether a place is of the log as it is, and not above ``good``, if that is known."""
    if not place.sequence or good is None:
        return True
    return place.log == created and place.sequence <= good.sequence
