"""Invariants of the homes: each write to their store, compared before and after.

Nobody but the store's watcher sees these: an epoch that is ignored loses nothing in most
histories, a partition taken from somebody who lives is only slower.
"""

from __future__ import annotations

from collections import defaultdict
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.simulation.trace import Happening
from tests.simulation.world.calls import result_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from actors.rules.partitions import HomesView, InstanceID, Partition
    from store.homes.memory import InMemoryHomeStore
    from tests.simulation.oracle.ledger import Ledger
    from tests.simulation.oracle.note import Fail, Note
    from tests.simulation.oracle.settling import Settling
    from tests.simulation.world.instance import Instance
    from tests.simulation.world.time import Time

    Assumed = Mapping[int, tuple[InstanceID | None, int]]

_MOVES = {"claim": Happening.CLAIMED, "free": Happening.FREED, "lower": Happening.LOWERED}

_LOWERING = ("lower", "free")
"""Ways in which a home sets a position back once a broker has lost something."""

_STAYING = ("save positions", "note")
"""What a home writes without a new epoch."""

RATE_TOLERANCE = 0.9
"""An instance's clock may go so much too fast that a lease is this part of one."""


class HomesWatch:
    """Sees every write that takes effect."""

    def __init__(
        self,
        store: InMemoryHomeStore,
        time: Time,
        ledger: Ledger,
        settling: Settling,
        note: Note,
        fail: Fail,
        lease_s: float,
    ) -> None:
        """Know of no instance."""
        self._store = store
        self._time = time
        self._ledger = ledger
        self._settling = settling
        self._note = note
        self._fail = fail
        self._lease_s = lease_s
        self._beats: dict[InstanceID, list[tuple[float, float]]] = defaultdict(list)
        """When each was stored, and when it was sent."""
        self.last_move_at_s = 0.0
        """When a partition changed its home, or lost it."""
        self.moves = 0
        self._rewound: dict[tuple[int, InstanceID | None], float] = {}
        """When a command last took a partition from a home."""

    def view(self) -> HomesView:
        """Return what is stored."""
        return result_of(self._store.look())

    def complaint_of_sending(self, instance: Instance, number: int) -> str | None:
        """Tell why an instance must not publish anything of a partition now.

        Whom a command has taken it from knows once it has looked, and its actors, one after
        another, soon after that: a process may be slow, but within a lease.
        """
        home, me = self.view().partitions[number].home, instance.instance_id
        taken_at_s = self._rewound.get((number, me), float("-inf"))
        knows_at_s = taken_at_s + self._lease_s
        if home == me or instance.homes.looked_at_s < taken_at_s or self._time.now_s < knows_at_s:
            return None
        return f"{instance} publishes to a user of {number}, which is with {home}"

    @contextmanager
    def writing(self, instance: Instance, what: str, assumed: Assumed) -> Iterator[None]:
        """Compare what is stored before and after a write of an instance's.

        ``assumed`` is how that believes the partitions to be at home.
        """
        before = self.view().partitions
        yield
        after = self.view().partitions
        changed = [number for number in assumed if before[number] != after[number]]
        if what in _MOVES and changed:
            self._note(instance, _MOVES[what], *changed, times=len(changed))
        for number in changed:
            old, new, home_and_epoch = before[number], after[number], assumed[number]
            if (old.home, old.epoch) != home_and_epoch:
                self._fail(
                    f"{what} of {instance}, which believed in {home_and_epoch}, made {old} {new}"
                )
            self._changed(instance, what, old, new)
        self._note_positions(what, [(before[number], after[number]) for number in changed])

    def beaten(self, instance: Instance, sent_at_s: float) -> None:
        """Note that a sign of life is stored, and when it was sent."""
        self._beats[instance.instance_id].append((self._time.now_s, sent_at_s))

    def left(self, instance: Instance) -> None:
        """Note that an instance said that it is gone: what it claimed shortly before may land."""
        self._beats.pop(instance.instance_id, None)

    def claiming(self, instance: Instance, looked_at_s: float, wanted: Sequence[Partition]) -> None:
        """Check that nobody is robbed who gave a sign of life within a lease before that look.

        Whoever did so since may still lose a partition, and knows: it has lapsed.
        """
        for home in {one.home for one in wanted} - {None, instance.instance_id}:
            assert home is not None
            seen = [sent_s for stored_s, sent_s in self._beats[home] if stored_s < looked_at_s]
            silent_s = looked_at_s - max(seen, default=float("-inf"))
            if silent_s < self._lease_s * RATE_TOLERANCE:
                self._fail(f"{instance} robs {home}, silent for {silent_s:.2f} s")

    def rewinding(self, rewind: Callable[[], object]) -> None:
        """Have a command set positions back."""
        before = self.view().partitions
        rewind()
        for old, new in zip(before, self.view().partitions, strict=True):
            if old != new:
                self._rewound[new.number, old.home] = self._time.now_s
                self._check_epoch("rewind", old, new)
                self._moved(old, new)

    def _changed(self, instance: Instance, what: str, old: Partition, new: Partition) -> None:
        if what == "claim":
            if new.home != instance.instance_id or new.position != old.position:
                self._fail(f"{instance} claimed {old} and made it {new}")
        elif new.home != (None if what == "free" else old.home):
            self._fail(f"{what} of {instance} made {old} another's: {new}")
        self._check_epoch(what, old, new)
        self._check_position(what, old, new)
        self._moved(old, new)

    def _check_epoch(self, what: str, old: Partition, new: Partition) -> None:
        if new.epoch != old.epoch + (what not in _STAYING):
            self._fail(f"{what}: the epoch of {old} became {new.epoch}")

    def _check_position(self, what: str, old: Partition, new: Partition) -> None:
        if new.position == old.position:
            return
        falls = new.position.sequence < old.position.sequence
        if falls and not (what in _LOWERING and self._ledger.losses):
            self._fail(f"{what}: the position of {old} fell to {new.position}")
        for complaint in self._settling.passed(new.number, new.position):
            self._fail(complaint)

    def _note_positions(self, what: str, changes: Sequence[tuple[Partition, Partition]]) -> None:
        for happening, falls in ((Happening.POSITION, False), (Happening.POSITION_FELL, True)):
            moved = [
                f"{new.number}:#{new.position.sequence}"
                for old, new in changes
                if new.position != old.position
                and (new.position.sequence < old.position.sequence) is falls
            ]
            if moved:
                self._note(what, happening, *moved, times=len(moved))

    def _moved(self, old: Partition, new: Partition) -> None:
        if new.home == old.home:
            return
        self.last_move_at_s = self._time.now_s
        if new.home is not None:
            self.moves += 1
