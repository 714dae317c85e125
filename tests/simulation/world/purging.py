"""Purging as an instance does it: what is old and what every position has passed is removed."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from bus.streams.purge import ROUND_MAX_S, purge_up_to
from tests.simulation.trace import Happening

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actors.rules.positions import Place
    from tests.simulation.world.instance import Instance
    from tests.simulation.world.world import World

HISTORY_S = 0.5
"""What is younger stays."""


class Purging:
    """One round: look at the positions, then at the stream, then purge, if that took not long."""

    def __init__(self, world: World) -> None:
        """Prepare."""
        self._world = world

    def begin(self) -> None:
        """Have whoever is at home for partition 0 look; the rest follows, later."""
        world = self._world
        partitions = world.watch.homes.view().partitions
        positions, began_s = [one.position for one in partitions], world.time.now_s
        for instance in world.living():
            if instance.instance_id == partitions[0].home and not instance.paused:
                purge = partial(self._purge, instance, positions, began_s)
                delay_s = world.random.choice((0.01, 0.5, 3.0, 20.0))
                world.time.call_after(delay_s, partial(instance.happen, purge))

    def _purge(self, instance: Instance, positions: Sequence[Place], began_s: float) -> None:
        world = self._world
        if world.time.now_s - began_s > ROUND_MAX_S:
            return
        state = world.broker.log.state()
        young = [
            entry.sequence
            for entry in world.ledger.standing()
            if entry.timestamp_ns > world.time.now_ns - int(HISTORY_S * 1e9)
        ]
        put_at = {entry.sequence: entry.timestamp_ns for entry in world.ledger.standing()}
        kept_from = min(young, default=state.last + 1)
        up_to = purge_up_to(positions, state.created, put_at, kept_from)
        if up_to is None or up_to <= state.first:
            return
        world.note(instance, Happening.PURGED, f"#{up_to}")
        for entry in world.ledger.standing():
            if entry.sequence < up_to and not entry.settled:
                world.watch.fail(f"{instance} purged {entry}, which is not settled")
        world.broker.discard(up_to)
