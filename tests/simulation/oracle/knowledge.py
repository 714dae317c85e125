"""What a digest must and may contain, as one knows who sees the whole log.

A digest for a request must take account of every event of its user that stands before the request
in the log, and of every one that a position has passed. It may take account of any that was ever
put in: what stands behind the request, and what the log has lost since.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.rules.alarms import Severity
from tests.oracle import Oracle
from tests.simulation.course.traffic import Event

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from actors.rules.alarms import AlarmID, UserID
    from actors.rules.digest import Digest, DigestItem
    from tests.oracle import Key
    from tests.simulation.oracle.ledger import Entry, Ledger


class Knowledge:
    """What was told, and what is known from the log."""

    def __init__(self, ledger: Ledger) -> None:
        """Know what the ledger knows."""
        self._ledger = ledger
        self.told: dict[tuple[UserID, AlarmID], Key] = {}
        """How each alarm stood in the last digest that a checkpoint held."""
        self.given_up: set[int] = set()
        """Numbers of entries that are to be dead letters: no digest need know them."""
        self._forgotten_at: dict[tuple[UserID, AlarmID], int] = {}

    def tell(self, digest: Digest) -> None:
        """Note that a checkpoint holds this digest."""
        for alarm_id, severity, at_ns in digest.items:
            self.told[digest.user_id, alarm_id] = (at_ns, severity)

    def forget(self, user_id: UserID, alarm_id: AlarmID) -> None:
        """Forget an alarm: what was put in until now need not be known any more."""
        self._forgotten_at[user_id, alarm_id] = len(self._ledger.entries)
        self.told.pop((user_id, alarm_id), None)

    def was_forgotten(self, user_id: UserID, alarm_id: AlarmID) -> bool:
        """Whether anybody ever forgot the alarm, as they may."""
        return (user_id, alarm_id) in self._forgotten_at

    def possible(self, user_id: UserID) -> Oracle:
        """Return all that was ever put in of a user, with what was told."""
        return self._oracle(self._ledger.of_user(user_id), forgotten=True)

    def must(self, request: Entry, user_id: UserID) -> Oracle:
        """Return what a digest for this request must take account of, with what was told."""
        return self._oracle(
            (
                entry
                for entry in self._ledger.of_user(user_id)
                if entry.binding and (entry.settled or entry.stood_before(request))
            ),
            forgotten=False,
        )

    def item_complaints(self, request: Entry, digest: Digest) -> Iterator[str]:
        """Tell what is wrong with what a digest for this request contains."""
        items = digest.items
        must, possible = self.must(request, digest.user_id), self.possible(digest.user_id)
        if list(items) != sorted(items, key=lambda item: (item.changed_at_ns, item.alarm_id)):
            yield f"a digest is out of order: {items}"
        if len({item.alarm_id for item in items}) != len(items):
            yield f"an alarm is twice in a digest: {items}"
        for item in items:
            yield from _item_complaints(digest.user_id, item, must, possible)

    def missing(self, request: Entry, user_id: UserID) -> Iterator[str]:
        """Tell what the request's digests, told by now, should have contained and did not."""
        must = self.must(request, user_id)
        if not must.events:
            return
        possible = self.possible(user_id)
        for name, events in must.events.items():
            latest = max(events)
            cleared = any(
                key > latest and key[1] is Severity.CLEARED for key in possible.events[name]
            )
            if latest[1] is not Severity.CLEARED and not cleared and must.is_news(*name):
                yield f"{name[0]}/{name[1]} {latest[1].name} is news and missing in a digest"

    def _oracle(self, entries: Iterable[Entry], *, forgotten: bool) -> Oracle:
        oracle = Oracle()
        oracle.told = self.told
        for entry in entries:
            if isinstance(entry.meaning, Event):
                user_id, alarm_id, (at_ns, severity) = entry.meaning
                known = forgotten or (
                    entry.number > self._forgotten_at.get((user_id, alarm_id), 0)
                    and entry.number not in self.given_up
                )
                if known:
                    oracle.receive(user_id, alarm_id, severity, at_ns)
        return oracle


def _item_complaints(
    user_id: UserID, item: DigestItem, must: Oracle, possible: Oracle
) -> Iterator[str]:
    key = (item.changed_at_ns, item.severity)
    name = f"{user_id}/{item.alarm_id} {item.severity.name}"
    came = possible.events.get((user_id, item.alarm_id), [])
    known = must.events.get((user_id, item.alarm_id), [key])
    if item.severity is Severity.CLEARED:
        yield f"{name} is in a digest"
    if key not in came:
        yield f"{name} is in a digest and was never put in"
    if key < max(known):
        yield f"{name} is in a digest and older than what stands in the log before its request"
    told = must.told.get((user_id, item.alarm_id))
    told_severity = Severity.CLEARED if told is None else told[1]
    if not any(
        event <= key and (told is None or event > told) and event[1] is not told_severity
        for event in came
    ):
        yield f"{name} is told again without news"
