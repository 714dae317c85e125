"""A brute-force oracle: keeps every event and recomputes what the contract says from scratch.

Nothing in it is incremental and nothing is shared with the code under test but its names.
"""

from __future__ import annotations

from collections import defaultdict

from actors.rules.alarms import AlarmID, Severity, UserID
from actors.rules.digest import DigestItem

Key = tuple[int, Severity]


class Oracle:
    """All that was ever received and told, per user and alarm."""

    def __init__(self) -> None:
        """Know nothing."""
        self.events: dict[tuple[UserID, AlarmID], list[Key]] = defaultdict(list)
        self.told: dict[tuple[UserID, AlarmID], Key] = {}

    def receive(
        self, user_id: UserID, alarm_id: AlarmID, severity: Severity, changed_at_ns: int
    ) -> None:
        """Note an event, for the first time or again."""
        self.events[user_id, alarm_id].append((changed_at_ns, severity))

    def tell(self, user_id: UserID, alarm_id: AlarmID, severity: Severity, at_ns: int) -> None:
        """Note that a digest carried the alarm as it stood."""
        self.told[user_id, alarm_id] = (at_ns, severity)

    def current(self, user_id: UserID, alarm_id: AlarmID) -> Key:
        """Return the event with the greatest key."""
        return max(self.events[user_id, alarm_id])

    def is_news(self, user_id: UserID, alarm_id: AlarmID) -> bool:
        """Whether some event is later than what was told, and of another status."""
        told = self.told.get((user_id, alarm_id))
        told_status = Severity.CLEARED if told is None else told[1]
        return any(
            (told is None or key > told) and key[1] is not told_status
            for key in self.events[user_id, alarm_id]
        )

    def due(self, user_id: UserID) -> list[DigestItem]:
        """Return what a digest must carry now: active and news, oldest first, ties by id."""
        items = []
        for owner, alarm_id in self.events:
            if owner != user_id:
                continue
            at_ns, severity = self.current(user_id, alarm_id)
            if severity is not Severity.CLEARED and self.is_news(user_id, alarm_id):
                items.append(DigestItem(alarm_id, severity, at_ns))
        return sorted(items, key=lambda item: (item.changed_at_ns, item.alarm_id))

    def users(self) -> set[UserID]:
        """Return everyone of whom something was received."""
        return {user_id for user_id, _ in self.events}
