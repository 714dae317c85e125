"""The store of users as an instance sees it, through a link that fails."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.ports import Checkpoint, Postponed, SaveOutcome, Unreadable, Unsavable
from tests.simulation.trace import Happening
from tests.simulation.world.poison import POISON

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from actors.ports import CheckpointUpdate
    from actors.rules.alarms import UserID
    from tests.simulation.world.instance import Instance
    from tests.simulation.world.link import StoreLink
    from tests.simulation.world.world import World

_DEADLINE_S = 5.0


class StormyUsers:
    """A ``CheckpointStore``: one instance's way to the world's."""

    def __init__(self, world: World, instance: Instance, link: StoreLink) -> None:
        """Connect to the world's store."""
        self._world = world
        self._instance = instance
        self._link = link

    async def load(
        self, user_ids: Sequence[UserID]
    ) -> Mapping[UserID, Checkpoint | Unreadable | Postponed]:
        """See ``CheckpointStore``."""
        what = f"load {' '.join(user_ids)}"
        return await self._link.call(what, lambda: self._load(user_ids), _DEADLINE_S)

    async def save(self, updates: Sequence[CheckpointUpdate]) -> Sequence[SaveOutcome | Unsavable]:
        """See ``CheckpointStore``."""
        what = f"save {' '.join(update.user_id for update in updates)}"
        return await self._link.call(
            what, lambda: [self._save(update) for update in updates], _DEADLINE_S
        )

    def _load(
        self, user_ids: Sequence[UserID]
    ) -> Mapping[UserID, Checkpoint | Unreadable | Postponed]:
        world, instance = self._world, self._instance
        loaded: dict[UserID, Checkpoint | Unreadable | Postponed] = dict(world.users.load(user_ids))
        alarms = 0
        for user_id in user_ids:
            if alarms >= world.plan.slice_max:
                loaded[user_id] = Postponed.POSTPONED
                continue
            found = loaded.get(user_id)
            alarms += len(found.alarms) if isinstance(found, Checkpoint) else 0
            version = f"v{getattr(found, 'version', 0)}"
            world.note(instance, Happening.LOADED, user_id, version)
            if found is not None and world.poisoned(instance, "checkpoint"):
                world.note(instance, Happening.UNREADABLE, user_id)
                loaded[user_id] = Unreadable(f"{POISON} in the checkpoint")
        return loaded

    def _save(self, update: CheckpointUpdate) -> SaveOutcome | Unsavable:
        world, instance, user_id = self._world, self._instance, update.user_id
        outbox = () if update.cursor is None else update.cursor.outbox
        # A large digest is what a store is likeliest to refuse.
        likely = 0.9 if any(len(digest.items) > 1 for digest in outbox) else 0.0
        if world.poisoned(instance, "update", at_least=likely):
            world.note(instance, Happening.SAVE_REFUSED, user_id)
            return Unsavable(f"{POISON} in the update")
        before = world.checkpoint(user_id)
        [outcome] = world.users.save([update])
        saved = outcome is SaveOutcome.SAVED
        what = Happening.SAVED if saved else Happening.CONFLICTED
        world.note(instance, what, user_id, f"v{update.base_version + 1}")
        if saved:
            world.watch.saved(instance, update, before, world.checkpoint(user_id))
        return outcome
