"""A process with a home actor, between a store with faults and doubles of all the rest."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from actors.errors import StoreUnavailableError
from actors.homes.actor import HomeActor
from actors.homes.ports import HomePorts
from actors.messages.home import LeaveHomes, LookSoon, PartitionEmptied, PositionsFell
from actors.messages.publisher import AdmitPartitions, ForgetPartitions, MayPublish
from actors.messages.router import DropPartitions, EmptyPartitions
from actors.rules.holding import Freed
from actors.rules.partitions import Instance, InstanceID
from actors.rules.positions import BEGIN
from actors.runtime.pooled import PooledActor, tell_if_alive
from actors.tally import HomeTally

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator, Iterable, Mapping, Sequence

    from pykka import ActorRef

    from actors.ports import Notes
    from actors.rules.partitions import HomePosition, HomesView, InHand, Partition
    from actors.rules.positions import Place
    from tests.unit.actors.homes.street import Effect, Street

LEASE_S = 3.0


class Log:
    """A ``LogReading`` that says when it is told what makes no sense."""

    def __init__(self, gained: Callable[[], None]) -> None:
        """Read nothing; ``gained`` is called whenever that becomes more."""
        self.able = True
        self._gained = gained
        self.read: dict[int, Place] = {}
        self.in_flight: dict[int, int] = {}
        self.stopped: set[int] = set()

    def note_with(self, notes: Notes) -> None:
        """See ``LogReading``."""
        self.notes = notes

    def gain(self, partitions: Sequence[Partition]) -> None:
        """See ``LogReading``."""
        for partition in partitions:
            assert partition.number not in self.read, "gained twice"
            self.read[partition.number] = partition.position
        self._gained()

    def stop(self, numbers: Iterable[int]) -> None:
        """See ``LogReading``."""
        assert set(numbers) <= self.read.keys() - self.stopped
        self.stopped |= set(numbers)

    def drop(self, numbers: Iterable[int]) -> None:
        """See ``LogReading``."""
        for number in numbers:
            del self.read[number]
            self.stopped.discard(number)

    def positions(self) -> Mapping[int, Place]:
        """See ``LogReading``."""
        return dict(self.read)

    def unsettled(self, number: int) -> int:
        """See ``LogReading``."""
        assert number in self.read
        return self.in_flight.get(number, 0)

    def move(self) -> None:
        """Settle a message of each partition that is read."""
        for number in self.read.keys() - self.stopped:
            place = self.read[number]
            self.read[number] = place._replace(sequence=place.sequence + 1)


class Transit:
    """A call's way to the store and back; what awaits it gets the answer."""

    def __init__(self, effect: Effect) -> None:
        """Do ``effect`` at the store."""
        self.effect = effect

    def __await__(self) -> Generator[Transit, Any, Any]:
        """Leave it to the process when the answer comes, and which."""
        return (yield self)


class FarStore:
    """A ``HomeStore``: another one, far away."""

    def __init__(self, street: Street) -> None:
        """Call the street's store."""
        self._street = street

    async def beat(self, instance: Instance) -> None:
        """See ``HomeStore``."""
        await Transit(lambda: self._street.homes.beat(instance))

    async def look(self) -> HomesView:
        """See ``HomeStore``."""
        view: HomesView = await Transit(self._street.homes.look)
        return view

    async def claim(self, me: InstanceID, wanted: Sequence[Partition]) -> None:
        """See ``HomeStore``."""
        await Transit(lambda: self._street.homes.claim(me, wanted))

    async def save_positions(self, me: InstanceID, positions: Sequence[HomePosition]) -> int:
        """See ``HomeStore``."""
        matched: int = await Transit(lambda: self._street.homes.save_positions(me, positions))
        return matched

    async def note_in_hand(self, me: InstanceID, notes: Sequence[InHand]) -> int:
        """See ``HomeStore``."""
        matched: int = await Transit(lambda: self._street.homes.note_in_hand(me, notes))
        return matched

    async def lower(self, me: InstanceID, positions: Sequence[HomePosition]) -> None:
        """See ``HomeStore``."""
        await Transit(lambda: self._street.homes.lower(me, positions))

    async def free(self, me: InstanceID, positions: Sequence[HomePosition]) -> None:
        """See ``HomeStore``."""
        await Transit(lambda: self._street.homes.free(me, positions))

    async def forget(self, instances: Sequence[InstanceID]) -> None:
        """See ``HomeStore``."""
        await Transit(lambda: self._street.homes.forget(instances))


class Indoors(PooledActor):
    """Stands for router and publisher: empties partitions, keeps what it is told."""

    registered = False

    def __init__(self, process: Process) -> None:
        """Create it, unstarted."""
        super().__init__(process.street.dispatcher)
        self._process = process
        self.until_s = float("-inf")
        self.emptying: set[int] = set()
        self.admitted: set[int] = set()
        self.forgotten: list[int] = []
        self.dropped: list[int] = []

    def on_receive(self, message: object) -> None:
        """Do as told, and empty a partition some time later."""
        match message:
            case MayPublish(until_s):
                assert until_s > self.until_s
                self.until_s = until_s
                self._process.street.check_publishing()
            case AdmitPartitions(numbers):
                self.admitted |= numbers
            case ForgetPartitions(numbers):
                assert numbers <= self.admitted
                self.admitted -= numbers
                self.forgotten += numbers
            case DropPartitions(numbers):
                self.dropped += numbers
                self.emptying -= numbers
            case EmptyPartitions(numbers, reply_to):
                self.emptying |= numbers
                for number in sorted(numbers):
                    delay_s = self._process.street.emptying_s()
                    self._process.later(delay_s, partial(self._emptied, number, reply_to))
            case _:
                raise AssertionError(message)

    def _emptied(self, number: int, reply_to: ActorRef[Any]) -> None:
        if number in self.emptying:
            self.emptying.discard(number)
            tell_if_alive(reply_to, PartitionEmptied(number))


class Process:
    """An instance that can be paused and killed; its own doings wait while it is paused."""

    def __init__(self, street: Street, name: str, **described: Any) -> None:
        """Start it."""
        self.street = street
        self.instance_id = InstanceID(name)
        self.alive = True
        self.leaving = self.left = False
        self.unfinished = 0
        self.log, self.tally = Log(street.check_publishing), HomeTally()
        self._paused: list[Callable[[], None]] | None = None
        self.indoors = Indoors(self)
        self.indoors.begin()
        me = Instance(self.instance_id, name, 0, False, False, 1, None, "1", 0)  # noqa: FBT003 a row
        self.home = HomeActor(
            street.dispatcher,
            street.escalated.append,
            LEASE_S,
            me._replace(**described),
            HomePorts(FarStore(street), self._begin, self.log, self, street.clock, self),
            self.indoors.actor_ref,
            self.indoors.actor_ref,
            self.tally,
        )
        self.ref = self.home.begin()

    def tell(self, message: object) -> None:
        """Tell the home actor something as soon as the process runs."""
        self._do(lambda: tell_if_alive(self.ref, message))

    def leave(self, patience_s: float = 20.0) -> None:
        """Stop it in good order."""
        self.leaving = True
        self.tell(LeaveHomes(self._leave, patience_s))

    def kill(self) -> None:
        """End it at once."""
        self.alive = False

    def fall(self) -> None:
        """Have the log lose its tail, as far as this process reads it."""
        fallen = dict.fromkeys(self.log.read.keys() - self.log.stopped, BEGIN)
        self.log.read.update(fallen)
        if fallen:
            self.tell(PositionsFell(fallen))

    def pause(self) -> None:
        """Send it SIGSTOP."""
        if self._paused is None:
            self._paused = []

    def resume(self) -> None:
        """Send it SIGCONT."""
        paused, self._paused = self._paused or [], None
        for action in paused:
            self._do(action)

    @property
    def is_paused(self) -> bool:
        """Whether it was sent SIGSTOP."""
        return self._paused is not None

    def nudge(self) -> None:
        """See ``Nudging``."""
        for other in self.street.up():
            if other is not self and (delay_s := self.street.nudge_s()) is not None:
                other.later(delay_s, lambda other=other: other.tell(LookSoon()))  # type: ignore[misc]  # bound now

    def tell_after(self, delay_s: float, ref: ActorRef[Any], message: object) -> None:
        """See ``Scheduler``."""
        self.later(delay_s, lambda: tell_if_alive(ref, message))

    def later(self, delay_s: float, action: Callable[[], None]) -> None:
        """Do something then, or when the process runs again; nothing if it is dead."""
        self.street.dispatcher.call_after(delay_s, lambda: self._do(action))

    def publishes(self) -> frozenset[int]:
        """Return the partitions whose digests it would publish now."""
        if not self.alive or self.street.clock.monotonic_s() > self.indoors.until_s:
            return frozenset()
        return frozenset(self.log.read)

    def has(self) -> frozenset[int]:
        """Return the partitions that it works on."""
        mine = self.home._mine.items()
        numbers = frozenset(number for number, state in mine if not isinstance(state, Freed))
        assert numbers == self.log.read.keys()
        return numbers

    def _leave(self, unfinished: int) -> None:
        assert not self.left
        self.unfinished = unfinished
        self.left, self.alive = True, False

    def _do(self, action: Callable[[], None]) -> None:
        if self._paused is not None:
            self._paused.append(action)
        elif self.alive:
            action()

    def _begin(self, coroutine: Coroutine[Any, Any, None]) -> None:
        self._go_on(coroutine, lambda: coroutine.send(None))

    def _go_on(self, coroutine: Coroutine[Any, Any, None], step: Callable[[], Any]) -> None:
        try:
            transit = step()
        except StopIteration:
            return

        def answer(value: Any, *, lost: bool, delay_s: float) -> None:
            if lost:
                error = StoreUnavailableError("no answer")
                self.later(delay_s, lambda: self._go_on(coroutine, lambda: coroutine.throw(error)))
            else:
                self.later(delay_s, lambda: self._go_on(coroutine, lambda: coroutine.send(value)))

        self.street.carry(transit.effect, answer)
