"""LogSource: what reading needs of a log. A port; the server's adapter and the twin stand behind.

Nothing blocks and nothing is awaited: answers come by callbacks, on the thread of the bus, never
before the call that asks for them has returned. So one state machine, ``LogReader``, runs on the
event loop against a server and step by step in the simulation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

from actors.rules.positions import Place
from actors.runtime.tuples import new_tuple
from bus.wire.contexts import context_in
from bus.wire.message import Message

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence


class LogMessage(NamedTuple):
    """A message as it stands in the log."""

    subject: str
    body: bytes
    headers: bytes
    """As on the wire (``NATS/1.0 …``), empty when there are none; only own messages' are read."""
    sequence: int
    """Its number in the log."""
    timestamp_ns: int
    """When it was put into the log, in nanoseconds since 1970."""


def message_of(message: LogMessage | Message) -> Message:
    """Return a message of either kind in the long form."""
    if isinstance(message, Message):
        return message
    subject, body, headers, sequence, timestamp_ns = message
    return Message(subject, body, "", Place(sequence, timestamp_ns), context_in(headers))


class LogMessages:
    """One message of the log or more, in its order, by the column: most are skipped at a glance."""

    __slots__ = ("bodies", "headers", "sequences", "subjects", "timestamps_ns")

    def __init__(
        self,
        subjects: Sequence[str],
        bodies: Sequence[bytes],
        headers: Sequence[bytes],
        sequences: Sequence[int],
        timestamps_ns: Sequence[int],
    ) -> None:
        """Keep the columns, which are as long as each other: see ``LogMessage``."""
        self.subjects = subjects
        self.bodies = bodies
        self.headers = headers
        self.sequences = sequences
        self.timestamps_ns = timestamps_ns
        """May be read from elsewhere at each look; to iterate over all is cheaper."""

    @classmethod
    def of(cls, messages: Iterable[LogMessage]) -> LogMessages:
        """Return one of these messages."""
        subjects, bodies, headers, sequences, timestamps_ns = zip(*messages, strict=True)
        return cls(subjects, bodies, headers, sequences, timestamps_ns)

    def __len__(self) -> int:
        """Return how many messages it has."""
        return len(self.bodies)

    def __getitem__(self, index: int) -> LogMessage:
        """Return a message."""
        subject, body, headers = self.subjects[index], self.bodies[index], self.headers[index]
        fields = (subject, body, headers, self.sequences[index], self.timestamps_ns[index])
        return new_tuple(LogMessage, fields)

    def __iter__(self) -> Iterator[LogMessage]:
        """Yield the messages."""
        return (self[at] for at in range(len(self)))

    def each(self, indexes: Sequence[int], before: Place) -> Iterator[tuple[LogMessage, Place]]:
        """Yield the messages at these, each with the place of the message before it.

        ``before`` is that of the message before the stretch.
        """
        subjects, bodies, headers = self.subjects, self.bodies, self.headers
        sequences, timestamps_ns = self.sequences, self.timestamps_ns
        log = before.log
        if len(indexes) == len(self):
            times = list(timestamps_ns)
            columns = zip(subjects, bodies, headers, sequences, times, strict=True)
            places = [new_tuple(Place, (*at, log)) for at in zip(sequences, times, strict=True)]
            messages = [new_tuple(LogMessage, one) for one in columns]
            yield from zip(messages, [before, *places[:-1]], strict=True)
            return
        for at in indexes:
            if at:
                before = new_tuple(Place, (sequences[at - 1], timestamps_ns[at - 1], log))
            yield self[at], before


class LogState(NamedTuple):
    """How a log stands."""

    created: str
    """What tells it from another of the same name, as the server prints it: ``Place.log``."""
    first: int
    """The lowest sequence that it may have; all below were discarded. ``last + 1`` when empty."""
    last: int
    """The highest sequence that it has handed out; 0 before any."""


@dataclass(frozen=True, slots=True)
class LogFailure:
    """Why a question to the log has no answer now; asking again later may help."""

    reason: str
    unreadable: bool = False
    """Whether what it holds must not be read as it is, until somebody mends it."""


class Reading(Protocol):
    """One reading of the log that is under way, from its beginning until it ends."""

    def ask(self, messages: int, size_bytes: int) -> None:
        """Say how much there is room for now, with what was asked for and has not come yet.

        Not a sum: each call replaces what earlier ones said. Nothing comes before the first. A
        single message may be larger than there is room for.
        """

    def end(self) -> None:
        """Read no more. No callback of this reading is called from here on."""


class ReadingCallbacks(Protocol):
    """What a reading calls, in this order: ``opened`` once, then ``took``, at last ``troubled``."""

    def opened(self) -> None:
        """The reading is bound to the log as it is now: one made anew would end it.

        What the log is asked from here on is true of what this reading will bring.
        """

    def took(self, messages: LogMessages, waiting: int) -> None:
        """Messages in the log's order, every one that it has behind those before.

        A sequence that is left out is in the log no more. ``waiting`` are behind them in the log.
        """

    def troubled(self, reason: str) -> None:
        """The reading is over: something may be missing from here on. Called once at the most."""


class LogSource(Protocol):
    """A log of messages, read in order as often as one likes. Runs on the thread of the bus."""

    def state(self, answer: Callable[[LogState | LogFailure], None]) -> None:
        """Ask how the log stands; ``answer`` is called once, within a few seconds."""

    def timestamp(self, sequence: int, answer: Callable[[int | LogFailure | None], None]) -> None:
        """Ask when the message at ``sequence`` was put into the log; ``answer`` is called once.

        In nanoseconds since 1970; None when the log has no such message.
        """

    def begin(self, after: int, callbacks: ReadingCallbacks) -> Reading:
        """Begin to read behind the message at ``after``, which need not be in the log; 0 for all.

        Several readings may be under way.
        """

    def call_later(self, delay_s: float, action: Callable[[], None]) -> None:
        """Do ``action`` after ``delay_s``: what failed is tried again after a while."""
