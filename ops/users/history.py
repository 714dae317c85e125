"""A user's history: what the log has of it, and what became of each message by the rules. Pure.

The rules are applied from the log's beginning, as the service did it: what stood before it is not
known here. Memory is bounded by the alarms of the user and by what is to be shown.
"""

from __future__ import annotations

import dataclasses
from collections import deque
from dataclasses import dataclass
from enum import StrEnum
from sys import maxsize
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from actors.rules.alarms import Retention, apply_event
from actors.rules.digest import DIGEST_ALARMS_MAX, due_items, is_answered, mark_told
from actors.rules.positions import Place
from bus.errors import MessageRejectedError
from bus.wire.codec import decode_alarm_status_changed, decode_send_alarm_digest
from bus.wire.instants import format_instant

if TYPE_CHECKING:
    from actors.rules.alarms import Alarm, AlarmID, Severity, UserID
    from actors.rules.digest import Cursor
    from bus.subjects import Subjects

KEPT_MAX = 10_000
"""Entries; of more, the last ones are shown."""

_FOR_EVER = Retention(0)
_NS_PER_SECOND = 1_000_000_000


class Outcome(StrEnum):
    """What became of a message by the rules."""

    NEWER = "newer"
    """The alarm stands as this event says."""
    STALE = "stale"
    """A later event was known: the alarm stands as it stood."""
    DUPLICATE = "duplicate"
    """The same event was known."""
    DIGEST = "digest"
    """A request that was answered."""
    SKIPPED = "nothing to tell"
    """A request that was answered by nothing: EMPTY_DIGESTS is skip."""
    WAITING = "not answered yet"
    """A request behind the last one that the checkpoint has as answered."""
    REJECTED = "rejected"
    """A message that became a dead letter."""


class Seen(NamedTuple):
    """A message of the log."""

    subject: str
    body: bytes
    sequence: int
    timestamp_ns: int


@dataclass(slots=True)
class Entry:
    """A message of the user; the outcome of an event is known at once, who told it later."""

    sequence: int
    time: str
    alarm_id: str | None
    """None for a request."""
    status: str | None
    changed_at: str | None
    outcome: Outcome
    news: bool = False
    """Whether this event made the alarm news, which it was not."""
    told_by: int | None = None
    """Of an event: the number of the digest that carried it."""
    digest: int | None = None
    """Of a request: the number of the digest that answered it, the last of several."""
    alarms: int | None = None
    """Of a request: how many alarms it was told."""
    reason: str | None = None
    """Why it was rejected."""

    def to_fields(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        return dataclasses.asdict(self)


class History:
    """Takes the messages of the log in order, of all users, and keeps what is the user's."""

    def __init__(
        self,
        user_id: UserID,
        subjects: Subjects,
        max_body_bytes: int,
        cursor: Cursor,
        *,
        only: AlarmID | None = None,
        since_ns: int = 0,
        skip_empty: bool = False,
    ) -> None:
        """Begin with nothing known.

        ``cursor`` is the checkpoint's, which tells what is answered, and the numbers of digests.

        Shown is what was put into the log at ``since_ns`` or later, of the alarm ``only`` if one is
        given: then the requests that told it.
        """
        self._user_id = user_id
        self._subjects = subjects
        self._max_body_bytes = max_body_bytes
        self._cursor = cursor
        self._only = only
        self._since_ns = since_ns
        self._skip_empty = skip_empty
        # As orjson, and nearly everybody, writes it; what is escaped otherwise has a backslash.
        self._written = orjson.dumps(user_id)[1:-1]
        self._alarms: dict[AlarmID, Alarm] = {}
        self._current: dict[AlarmID, Entry] = {}
        """The entry that each alarm stands at."""
        self._entries: deque[Entry] = deque(maxlen=KEPT_MAX)
        self._digests = 0
        self._at_answered = 0
        """Digests up to the request that the checkpoint has as the last answered one."""
        self.left_out = 0
        """Entries that were more than are kept."""

    def take(self, seen: Seen) -> None:
        """Take the next message of the log."""
        if self._written not in seen.body and b"\\" not in seen.body:
            return
        if seen.subject == self._subjects.alarm_status_changed:
            self._take_event(seen)
        elif seen.subject == self._subjects.send_alarm_digest:
            self._take_request(seen)

    def entries(self) -> list[Entry]:
        """Return what is to be shown, with digests numbered as the service numbers them."""
        before = self._cursor.number - self._at_answered
        numbered = []
        for entry in self._entries:
            told_by = None if entry.told_by is None else entry.told_by + before
            digest = None if entry.digest is None else entry.digest + before
            numbered.append(dataclasses.replace(entry, told_by=told_by, digest=digest))
        return numbered

    def _take_event(self, seen: Seen) -> None:
        try:
            event = decode_alarm_status_changed(seen.body, maxsize)
        except MessageRejectedError:
            return  # nobody's
        if event.user_id != self._user_id:
            return
        alarm_id, severity, at_ns = event.alarm_id, event.severity, event.changed_at_ns
        entry = self._entry(seen, Outcome.NEWER, alarm_id, severity, at_ns)
        if self._reject(entry, seen):
            return
        before = self._alarms.get(alarm_id)
        heard_at_s = seen.timestamp_ns // _NS_PER_SECOND
        after = apply_event(before, severity, at_ns, heard_at_s, _FOR_EVER)
        self._alarms[alarm_id] = after
        entry.news = after.news and not (before is not None and before.news)
        if before is not None and (at_ns, severity) <= (before.changed_at_ns, before.severity):
            same = (at_ns, severity) == (before.changed_at_ns, before.severity)
            entry.outcome = Outcome.DUPLICATE if same else Outcome.STALE
        else:
            self._current[alarm_id] = entry
        if self._only in (None, alarm_id):
            self._keep(entry, seen)

    def _take_request(self, seen: Seen) -> None:
        try:
            user_id = decode_send_alarm_digest(seen.body, maxsize)
        except MessageRejectedError:
            return
        if user_id != self._user_id:
            return
        entry = self._entry(seen, Outcome.DIGEST)
        if self._reject(entry, seen):
            return
        if is_answered(self._cursor, Place(seen.sequence, seen.timestamp_ns), None):
            told = self._tell(entry)
            self._at_answered = self._digests
        else:
            entry.outcome, told = Outcome.WAITING, False
        if self._only is None or told:
            self._keep(entry, seen)

    def _tell(self, entry: Entry) -> bool:
        """Answer a request by the rules; return whether the alarm of interest was told."""
        items = due_items(self._alarms)
        entry.alarms = len(items)
        if not items and self._skip_empty:
            entry.outcome = Outcome.SKIPPED
            return False
        for first in range(0, max(1, len(items)), DIGEST_ALARMS_MAX):
            self._digests += 1
            for item in items[first : first + DIGEST_ALARMS_MAX]:
                self._current[item.alarm_id].told_by = self._digests
        entry.digest = self._digests
        self._alarms.update(mark_told(self._alarms, items))
        return any(item.alarm_id == self._only for item in items)

    def _reject(self, entry: Entry, seen: Seen) -> bool:
        size = len(seen.body)
        if size <= self._max_body_bytes:
            return False
        entry.outcome = Outcome.REJECTED
        entry.reason = f"the body of {size} bytes exceeds {self._max_body_bytes} bytes"
        self._keep(entry, seen)
        return True

    def _entry(
        self,
        seen: Seen,
        outcome: Outcome,
        alarm_id: AlarmID | None = None,
        severity: Severity | None = None,
        changed_at_ns: int | None = None,
    ) -> Entry:
        return Entry(
            seen.sequence,
            format_instant(seen.timestamp_ns),
            alarm_id,
            None if severity is None else severity.name,
            None if changed_at_ns is None else format_instant(changed_at_ns),
            outcome,
        )

    def _keep(self, entry: Entry, seen: Seen) -> None:
        if seen.timestamp_ns < self._since_ns:
            return
        self.left_out += len(self._entries) == KEPT_MAX
        self._entries.append(entry)
