"""What a process must and may know, and whether a digest fits in between.

Two oracles frame it: ``sure`` holds the events that a checkpoint covers, ``possible`` all that
were ever delivered to anybody. What a process knows lies between them, and which side of an event
it is on is not for the outside to see.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from actors.rules.alarms import Severity
from tests.oracle import Oracle

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from actors.rules.alarms import AlarmID, UserID
    from actors.rules.digest import Digest, DigestItem
    from tests.oracle import Key
    from tests.simulation.history import Event


@dataclass(slots=True)
class Knowledge:
    """The two oracles."""

    sure: Oracle = field(default_factory=Oracle)
    possible: Oracle = field(default_factory=Oracle)

    def tell(self, digest: Digest) -> None:
        """Note that a checkpoint holds this digest."""
        for alarm_id, severity, at_ns in digest.items:
            self.sure.tell(digest.user_id, alarm_id, severity, at_ns)
            self.possible.tell(digest.user_id, alarm_id, severity, at_ns)

    def forget(self, user_id: UserID, alarm_id: AlarmID, still_to_come: Iterable[Event]) -> None:
        """Forget an alarm; what is still to come will be applied to nothing."""
        for oracle in (self.sure, self.possible):
            oracle.events.pop((user_id, alarm_id), None)
            oracle.told.pop((user_id, alarm_id), None)
        for event in still_to_come:
            self.possible.receive(user_id, alarm_id, event.key[1], event.key[0])

    def complaints(
        self,
        user_id: UserID,
        items: tuple[DigestItem, ...],
        taken: Iterable[Event],
        *,
        part: bool = False,
    ) -> Iterator[str]:
        """Tell what is wrong with a digest whose process took ``taken`` before the request.

        Of one that is only a ``part``, others follow.
        """
        must = self._must(user_id, taken)
        if list(items) != sorted(items, key=lambda item: (item.changed_at_ns, item.alarm_id)):
            yield f"a digest is out of order: {items}"
        told = dict.fromkeys(alarm_id for alarm_id, _, _ in items)
        if len(told) != len(items):
            yield f"an alarm is twice in a digest: {items}"
        for alarm_id, severity, at_ns in items:
            yield from self._item_complaints(user_id, alarm_id, (at_ns, severity), must)
        for owner, alarm_id in () if part else must.events:
            if owner == user_id and alarm_id not in told and self._missed(user_id, alarm_id, must):
                yield f"{user_id}/{alarm_id} is news and missing in a digest"

    def _must(self, user_id: UserID, taken: Iterable[Event]) -> Oracle:
        known = Oracle()
        known.told = self.possible.told
        for name, events in self.sure.events.items():
            if name[0] == user_id:
                known.events[name].extend(events)
        for event in taken:
            if event.user_id == user_id:
                known.receive(user_id, event.alarm_id, event.key[1], event.key[0])
        return known

    def _missed(self, user_id: UserID, alarm_id: AlarmID, must: Oracle) -> bool:
        """Whether the alarm is due whatever else the process knew."""
        latest = must.current(user_id, alarm_id)
        possible = self.possible.events.get((user_id, alarm_id), [])
        cleared = any(key > latest and key[1] is Severity.CLEARED for key in possible)
        active = latest[1] is not Severity.CLEARED
        return active and not cleared and must.is_news(user_id, alarm_id)

    def _item_complaints(
        self, user_id: UserID, alarm_id: AlarmID, key: Key, must: Oracle
    ) -> Iterator[str]:
        name = f"{user_id}/{alarm_id} {key[1].name}"
        possible = self.possible.events.get((user_id, alarm_id), [])
        known = must.events.get((user_id, alarm_id), [key])
        if key[1] is Severity.CLEARED:
            yield f"{name} is in a digest"
        if key not in possible:
            yield f"{name} is in a digest and was never received"
        if key < max(known):
            yield f"{name} is in a digest and older than what is known"
        told = self.possible.told.get((user_id, alarm_id))
        told_severity = Severity.CLEARED if told is None else told[1]
        if not any(
            event <= key and (told is None or event > told) and event[1] is not told_severity
            for event in possible
        ):
            yield f"{name} is told again without news"
