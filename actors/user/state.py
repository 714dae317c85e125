"""What a user actor knows of its user: as it was saved, and what has changed since.

No actor and no port: the actor's handling of a message reads and changes this, and saves it.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from actors.messages.inputs import AlarmStatusChanged
from actors.ports import NOTHING_BEYOND, Checkpoint, CheckpointUpdate
from actors.rules.alarms import forgettable
from actors.rules.capacity import ALARMS_SURELY_FIT, USER_MAX_BYTES, stored_bytes
from actors.rules.digest import NEVER_TOLD
from actors.runtime.tuples import new_tuple
from actors.user.selection import ALARMS_IN_A_SLICE

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from actors.messages.inputs import Delivery
    from actors.rules.alarms import Alarm, AlarmID, Retention, UserID
    from actors.user.ids import SharedIds

CHANGES_IN_A_SAVE = 5_000
"""Of a user, but for what must go together: some milliseconds."""
_FRESH_SHARE = 4
"""A quarter of all alarms."""


class UserState:
    """The alarm map, the cursor, and which of both is not in a save yet."""

    __slots__ = (
        "_beyond",
        "_forget_at_s",
        "_stored_bytes",
        "alarms",
        "changed",
        "cursor",
        "fresh",
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
        self.fresh: dict[AlarmID, None] | None = None
        """Of a user with many alarms: those that have changed since the last digest that told
        all there was. None where all have to be looked at."""
        self._beyond = NOTHING_BEYOND
        self._stored_bytes: int | None = None
        self._forget_at_s = 0

    def load(self, checkpoint: Checkpoint, ids: SharedIds) -> None:
        """Take the place of what was known."""
        share = ids.share
        self.alarms = {share(alarm_id): alarm for alarm_id, alarm in checkpoint.alarms.items()}
        self._load_rest(checkpoint)

    def load_sliced(
        self, checkpoint: Checkpoint, ids: SharedIds, then: Callable[[], None]
    ) -> Iterator[None]:
        """Do so with many alarms, and call ``then``; until then read nothing of it."""
        alarms: dict[AlarmID, Alarm] = {}
        left = iter(checkpoint.alarms.items())
        while some := [(ids.share(one), alarm) for one, alarm in islice(left, ALARMS_IN_A_SLICE)]:
            alarms.update(some)
            yield
        self.alarms = alarms
        self._load_rest(checkpoint)
        then()

    def _load_rest(self, checkpoint: Checkpoint) -> None:
        self.version = checkpoint.version
        self.cursor = checkpoint.cursor
        self.changed = {}
        self.told = False
        self.fresh = None
        self._beyond = checkpoint.beyond
        self._stored_bytes = None

    def perhaps_due(self) -> Collection[AlarmID]:
        """Return alarms among which all are that are due."""
        return self.alarms if self.fresh is None else self.fresh

    def told_all(self) -> None:
        """Note that nothing is due any more; with many alarms, what changes is noted from here."""
        self.fresh = {} if len(self.alarms) > ALARMS_IN_A_SLICE else None

    def noted(self) -> None:
        """Note no more what has changed, once that are so many that it spares little."""
        if self.fresh is not None and len(self.fresh) * _FRESH_SHARE > len(self.alarms):
            self.fresh = None

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
        """Drop what was cleared long ago; ``now_s`` is in seconds since 1970.

        Call it right before ``take_changes``: one that comes again must not be taken for one that
        was not forgotten. Of very many a part, the others with the next saves.
        """
        if not self.version or now_s < self._forget_at_s:
            return  # what was never saved is not old
        self._stored_bytes = None
        old = forgettable(self.alarms, now_s, retention)
        if len(old) <= CHANGES_IN_A_SAVE:
            self._forget_at_s = now_s + retention.resolution_s
        for alarm_id in old[:CHANGES_IN_A_SAVE]:
            del self.alarms[alarm_id]
            self.changed[alarm_id] = None
        if self._beyond:
            kept = self.alarms
            self._beyond = {one: more for one, more in self._beyond.items() if one in kept}

    def take_changes(
        self, user_id: UserID, settled: Callable[[], Iterable[Delivery]] = tuple
    ) -> CheckpointUpdate:
        """Return the save of what has changed, and regard it as being in a save.

        Of very much a part, which has all that the deliveries ``settled`` by it have changed.
        """
        alarms, taken = self.alarms, self.changed
        self.changed = {}
        if len(taken) > CHANGES_IN_A_SAVE:
            taken, self.changed = self._some_of(taken, settled())
        changed = {alarm_id: alarms.get(alarm_id) for alarm_id in taken}
        cursor = self.cursor if self.told else None
        beyond = NOTHING_BEYOND
        if self._beyond:
            beyond = {one: self._beyond[one] for one in changed if one in self._beyond}
        self.told = False
        return new_tuple(CheckpointUpdate, (user_id, self.version, changed, cursor, beyond))

    def _some_of(
        self, changed: dict[AlarmID, None], settled: Iterable[Delivery]
    ) -> tuple[dict[AlarmID, None], dict[AlarmID, None]]:
        """Divide what has changed into what is saved now and what is saved later."""
        must = {
            delivery.body.alarm_id
            for delivery in settled
            if isinstance(delivery.body, AlarmStatusChanged)
        }
        must.update(changed.keys() - self.alarms.keys())  # what was forgotten a moment ago
        if self.told:  # with the digests go the marks that they were told
            must.update(item.alarm_id for digest in self.cursor.outbox for item in digest.items)
        now: dict[AlarmID, None] = {}
        later: dict[AlarmID, None] = {}
        room = CHANGES_IN_A_SAVE - len(must & changed.keys())
        for alarm_id in changed:
            if alarm_id in must:
                now[alarm_id] = None
            elif room > 0:
                room -= 1
                now[alarm_id] = None
            else:
                later[alarm_id] = None
        return now, later
