"""What a user actor knows of its user: as it was saved, and what has changed since.

No actor and no port: the actor's handling of a message reads and changes this, and saves it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.ports import NOTHING_BEYOND, Checkpoint, CheckpointUpdate
from actors.rules.alarms import forgettable
from actors.rules.capacity import ALARMS_SURELY_FIT, USER_MAX_BYTES, stored_bytes
from actors.rules.digest import NEVER_TOLD
from actors.runtime.tuples import new_tuple

if TYPE_CHECKING:
    from actors.rules.alarms import Alarm, AlarmID, Retention, UserID
    from actors.user.ids import SharedIds


class UserState:
    """The alarm map, the cursor, and which of both is not in a save yet."""

    __slots__ = (
        "_beyond",
        "_forget_at_s",
        "_stored_bytes",
        "alarms",
        "changed",
        "cursor",
        "told",
        "version",
    )

    def __init__(self) -> None:
        """Begin with a user that was never saved."""
        self.version = 0
        """Saves so far."""
        self.alarms: dict[AlarmID, Alarm] = {}
        self.cursor = NEVER_TOLD
        self.changed: dict[AlarmID, None] = {}
        """Alarms that are not in a save as they stand."""
        self.told = False
        """The cursor is not in a save as it stands."""
        self._beyond = NOTHING_BEYOND
        self._stored_bytes: int | None = None
        self._forget_at_s = 0

    def load(self, checkpoint: Checkpoint, ids: SharedIds) -> None:
        """Take the place of what was known."""
        self.version = checkpoint.version
        share = ids.share
        self.alarms = {share(alarm_id): alarm for alarm_id, alarm in checkpoint.alarms.items()}
        self.cursor = checkpoint.cursor
        self.changed = {}
        self.told = False
        self._beyond = checkpoint.beyond
        self._stored_bytes = None

    def checkpoint(self) -> Checkpoint:
        """Return a copy, as it would be saved; milliseconds for 100,000 alarms."""
        return Checkpoint(self.version, dict(self.alarms), self.cursor, self._beyond)

    @property
    def dirty(self) -> bool:
        """Whether there is something to save."""
        return self.told or bool(self.changed)

    def has_room_for(self, alarm_id: AlarmID) -> bool:
        """Whether one more alarm fits into a checkpoint; it then counts as being there."""
        if len(self.alarms) < ALARMS_SURELY_FIT:
            return True
        if self._stored_bytes is None:
            self._stored_bytes = stored_bytes(self.alarms)
        with_it = self._stored_bytes + stored_bytes((alarm_id,))
        if with_it > USER_MAX_BYTES:
            return False
        self._stored_bytes = with_it
        return True

    def forget_cleared(self, now_s: int, retention: Retention) -> None:
        """Drop what was cleared long ago; ``now_s`` is in seconds since 1970."""
        if not self.version or now_s < self._forget_at_s:
            return  # what was never saved is not old
        self._forget_at_s = now_s + retention.resolution_s
        self._stored_bytes = None
        for alarm_id in forgettable(self.alarms, now_s, retention):
            del self.alarms[alarm_id]
            self.changed[alarm_id] = None
        if self._beyond:
            kept = self.alarms
            self._beyond = {one: more for one, more in self._beyond.items() if one in kept}

    def take_changes(self, user_id: UserID) -> CheckpointUpdate:
        """Return the save of what has changed, and regard it as being in a save."""
        alarms = self.alarms
        changed = {alarm_id: alarms.get(alarm_id) for alarm_id in self.changed}
        cursor = self.cursor if self.told else None
        beyond = NOTHING_BEYOND
        if self._beyond:
            beyond = {one: self._beyond[one] for one in changed if one in self._beyond}
        self.changed = {}
        self.told = False
        return new_tuple(CheckpointUpdate, (user_id, self.version, changed, cursor, beyond))
