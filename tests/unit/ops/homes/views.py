"""Instances and partitions as a test wants them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actors.rules.partitions import PARTITIONS, HomesView, Instance, InstanceID, Partition
from actors.rules.positions import Place
from store.homes.browsing import StoredHomes

if TYPE_CHECKING:
    from collections.abc import Mapping

LEASE_S = 3.0


def instance(name: str, beat: int = 1, **described: Any) -> Instance:
    """Return an instance that reads, and was started at 100 s."""
    made = Instance(
        InstanceID(name),
        f"host-{name}",
        beat,
        leaving=False,
        reading=True,
        schema=2,
        address=None,
        version="1",
        started_at_s=100,
    )
    return made._replace(**described)


def partitions(
    homes: Mapping[int, str | None], place: Place | None = None
) -> tuple[Partition, ...]:
    """Return all partitions; those not in ``homes`` are at home at ``a``."""
    position = place or Place(10, 10, "log")
    return tuple(
        Partition(
            number,
            None if (home := homes.get(number, "a")) is None else InstanceID(home),
            1,
            position,
        )
        for number in range(PARTITIONS)
    )


def stored(view: HomesView, **more: object) -> StoredHomes:
    """Return what is stored when all is well."""
    made = StoredHomes(None, {}, view, (), 0)
    return made._replace(**more)  # type: ignore[arg-type]  # fields of it
