"""The log as one sees it who stands outside: all that was ever in it, and what became of it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.simulation.course.traffic import Event, Request

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from actors.rules.alarms import UserID
    from actors.rules.digest import DigestID
    from actors.rules.positions import Place
    from tests.simulation.course.traffic import Meaning


CORE = "core"
"""Begins the names of what stands for logs on core NATS: one a process."""


@dataclass(slots=True, eq=False)
class Entry:
    """A message that was put into the log."""

    number: int
    """Counts all that were ever put in, from 1; no two have the same."""
    log: str
    """Tells the log from those of the same name before and after."""
    sequence: int
    timestamp_ns: int
    meaning: Meaning
    body: bytes
    partition: int
    put_at_s: int
    """In seconds since 1970."""
    standing: bool = True
    """It is in the log now."""
    lost_at: int | None = None
    """When a broker lost it, how many had been put in."""
    unread: bool = False
    """A limit discarded it before its partition's position was past it: nobody need know it."""
    settled: bool = False
    """A position has passed it, or a producer was answered."""
    digests: list[DigestID] = field(default_factory=list)
    """Of a request: those that answer it, in the order in which they were saved."""
    answered: bool = False
    """Of a request: its user's cursor has passed it."""

    def __str__(self) -> str:
        return f"#{self.sequence}" if self.lost_at is None else f"#{self.sequence}(lost)"

    @property
    def identity(self) -> str:
        """The same whenever it is read, and no other's."""
        if self.log.startswith(CORE):
            return f"{self.log}.{self.sequence}"
        return f"{self.sequence}.{self.timestamp_ns}"

    def stood_before(self, other: Entry) -> bool:
        """Whether who read up to ``other`` in its log, as it was then, has read this one."""
        return (
            self.log == other.log
            and self.number < other.number
            and (self.lost_at is None or self.lost_at >= other.number)
        )

    @property
    def binding(self) -> bool:
        """Whether what follows in the log must take account of it."""
        return (self.standing or self.settled) and not self.unread


class Ledger:
    """All that was ever put in."""

    def __init__(self, log: str) -> None:
        """Begin with an empty log of this creation."""
        self.log = log
        self.entries: list[Entry] = []
        self.losses = 0
        """How often a broker has lost its tail, or the stream was made anew."""
        self.gaps = 0
        """How much has left the log that was not settled."""
        self._at: dict[tuple[int, int], Entry] = {}
        self._by_identity: dict[str, Entry] = {}
        self._of_user: dict[UserID, list[Entry]] = defaultdict(list)
        self._unsettled: dict[int, list[Entry]] = defaultdict(list)

    def add(self, entry: Entry) -> None:
        """Note what was put in."""
        self.entries.append(entry)
        self._at[entry.sequence, entry.timestamp_ns] = entry
        self._by_identity[entry.identity] = entry
        self._unsettled[entry.partition].append(entry)
        if isinstance(entry.meaning, Event | Request):
            self._of_user[entry.meaning.user_id].append(entry)

    def lose_tail(self, after: int) -> list[Entry]:
        """Note that the broker has lost everything behind a sequence; return what that was."""
        return self._lose(after)

    def renew(self, log: str) -> list[Entry]:
        """Note that the stream was deleted and made anew; return what was in it."""
        lost = self._lose(0)
        self.log = log
        return lost

    def discard(self, below: int) -> list[Entry]:
        """Note that what is below a sequence is gone; return what of it nobody had settled."""
        unread = []
        for entry in self.standing():
            if entry.sequence >= below:
                break
            entry.standing = False
            if not entry.settled:
                entry.unread = True
                unread.append(entry)
                self.gaps += 1
        return unread

    def standing(self) -> Iterator[Entry]:
        """Return what is in the log now, in order."""
        return (entry for entry in self.entries if entry.standing)

    def at(self, place: Place) -> Entry | None:
        """Return what stands, or once stood, at a place."""
        entry = self._at.get((place.sequence, place.timestamp_ns))
        return entry if entry is not None and place.log in ("", entry.log) else None

    def identified(self, identity: str) -> Entry:
        """Return what has this identity."""
        return self._by_identity[identity]

    def of_user(self, user_id: UserID) -> list[Entry]:
        """Return a user's events and requests, in the order in which they were put in."""
        return self._of_user[user_id]

    def unsettled(self, partition: int) -> list[Entry]:
        """Return what no position has passed, of a partition; to be changed by ``settle`` only."""
        return self._unsettled[partition]

    def settle(self, entries: Iterable[Entry]) -> None:
        """Note that a position has passed these, or their producers were answered."""
        for entry in entries:
            entry.settled = not entry.unread
            self._unsettled[entry.partition].remove(entry)

    def events_before(self, request: Entry) -> list[Event]:
        """Return the events of the user that a digest for this request must take account of."""
        assert isinstance(request.meaning, Request)
        return [
            entry.meaning
            for entry in self._of_user[request.meaning.user_id]
            if isinstance(entry.meaning, Event) and entry.binding and entry.stood_before(request)
        ]

    def _lose(self, after: int) -> list[Entry]:
        self.losses += 1
        lost = [
            entry
            for entry in self.entries
            if entry.log == self.log and entry.lost_at is None and entry.sequence > after
        ]
        for entry in lost:
            entry.standing = False
            entry.lost_at = len(self.entries)
            self.gaps += not entry.settled
        return lost
