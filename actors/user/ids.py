"""SharedIds: one object for an id that many users have."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from actors.rules.alarms import AlarmID

SHARED_IDS_MAX = 50_000
"""Where agents name their alarms alike, far fewer; where each has names of its own, no use."""


class SharedIds:
    """Ids of alarms, each once: 57 bytes an alarm that is in memory. On the dispatcher's thread.

    ``sys.intern`` would keep each for ever on some versions of Python.
    """

    __slots__ = ("_ids",)

    def __init__(self) -> None:
        """Know none yet."""
        self._ids: dict[AlarmID, AlarmID] = {}

    def share(self, alarm_id: AlarmID) -> AlarmID:
        """Return an equal id, the same for all if it is among the first so many."""
        ids = self._ids
        if len(ids) < SHARED_IDS_MAX:
            return ids.setdefault(alarm_id, alarm_id)
        return ids.get(alarm_id, alarm_id)
