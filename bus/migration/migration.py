"""From the earlier version's input to a log: what is unread, in order, once.

That version took messages from a work queue through a durable consumer. A work queue cannot become
a log, and two streams cannot capture the same subjects; so what is unread is copied into a new
stream under other subjects, which that stream turns back into theirs, while producers still fill
the old one. Then the subjects change hands: taken from the old stream, the rest copied, given to
the new one. For that moment nobody captures them.

How far it has come is written in the streams alone, so that it can be killed anywhere, and goes on
when it is run again.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from nats.js.errors import APIError

from actors.rules.partitions import PARTITIONS
from bus.errors import MigrationRefusedError
from bus.migration.durable import at_work, earlier_consumer, forget_consumer
from bus.migration.finding import find_streams
from bus.migration.moving import Moving, place_at
from bus.streams.api import JetStreamAPI, insist
from bus.streams.marks import MOVING_DESCRIPTION, marks_of
from bus.streams.topology import INPUT_DESCRIPTION, input_stream_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from nats.aio.client import Client

    from actors.rules.partitions import HomesView, Partition
    from actors.rules.positions import Place
    from bus.settings import BusSettings
    from bus.streams.api import StreamFacts

logger = logging.getLogger("bus.migration")

_FEW = 200
"""What is copied while nobody captures the subjects: some milliseconds' worth."""
_PASSES_MAX = 20
QUIET_FOR_S = 1.0


class MigrationStore(Protocol):
    """What a migration needs of ``HomeStore``. Each method raises ``StoreUnavailableError``."""

    async def look(self) -> HomesView:
        """See ``HomeStore``."""

    async def rewind(self, partitions: Sequence[Partition], position: Place) -> int:
        """Set partitions that are still as given to a position; return how many were."""

    async def note_stream(self, name: str, created: str) -> None:
        """Remember a stream that the service made, and when that was."""


@dataclass(frozen=True, slots=True)
class Migrated:
    """What a migration has done."""

    stream: str | None
    """What is read from now on; None where there is nothing yet."""
    moved: int = 0
    """Messages copied by this run."""
    left: str | None = None
    """The stream that was left, if there was one."""
    foreign: int = 0
    """Messages of other subjects, for which that stream was kept."""
    uncaptured_s: float | None = None
    """How long nobody captured the input subjects; None where this run did not change hands."""
    position: Place | None = None
    """Where reading begins, taken over from the durable consumer; None where there was none."""


class Migration:
    """Brings the input of the earlier version here. Runs on the connection's event loop.

    Raises ``MigrationRefusedError`` where it must not go on, ``StoreUnavailableError`` and
    ``nats.errors.Error``; whatever it raises, running it again goes on.
    """

    def __init__(
        self,
        client: Client,
        settings: BusSettings,
        store: MigrationStore,
        progress: Callable[[int, int], None] = lambda _moved, _of: None,
        quiet_for_s: float = QUIET_FOR_S,
    ) -> None:
        """Prepare; ``progress`` is told how many messages were copied, of how many.

        ``quiet_for_s`` is how long the durable consumer must show no sign of life.
        """
        self._quiet_for_s = quiet_for_s
        self._api = JetStreamAPI(client)
        self._settings = settings
        self._store = store
        self._progress = progress
        self._marks = marks_of(settings.subjects)
        self._moved = self._total = 0

    async def run(self, into: str | None = None, *, producers_stopped: bool = False) -> Migrated:
        """Do what is left to be done; all instances must be stopped.

        ``into`` names the new stream. A server before 2.10 cannot fill it under other subjects:
        there it is filled while it captures them, so that producers must be stopped as well.
        """
        found = await find_streams(self._api, self._settings)
        if found.log is not None:
            return await self._take_over(found.log)
        old, new = found.old, found.new
        if old is None and new is None:
            return Migrated(None)
        if old is not None:
            await self._refuse_at_work(old)
        if new is None:
            assert old is not None
            return await self._begin(
                old, into or f"{old.name}_LOG", producers_stopped=producers_stopped
            )
        await self._store.note_stream(new.name, new.created)
        if new.settings.get("description") == MOVING_DESCRIPTION:
            filled_aside = bool(new.settings.get("subject_transform"))
            return await self._go_on(old, new, filled_aside=filled_aside)
        assert old is not None
        return await self._finish(old, new, None)

    async def wanted(self) -> bool:
        """Whether there is anything to do; instances may run while this is asked."""
        found = await find_streams(self._api, self._settings)
        if found.log is None:
            return found.old is not None or found.new is not None
        durable = self._settings.queue_group
        return await earlier_consumer(self._api, found.log.name, durable) is not None

    async def _refuse_at_work(self, old: StreamFacts) -> None:
        why = await at_work(self._api, old.name, self._settings.queue_group, self._quiet_for_s)
        if why is not None:
            raise MigrationRefusedError(f"{why}; stop all instances of the service first")

    async def _begin(self, old: StreamFacts, into: str, *, producers_stopped: bool) -> Migrated:
        captured, inputs = set(old.subjects), set(self._settings.subjects.inputs)
        closed = old.subjects == [self._marks.left]
        if not closed and captured != inputs:
            more = ", ".join(sorted(captured - inputs))
            raise MigrationRefusedError(
                f"stream {old.name} captures more than the two input subjects ({more}); move that "
                "into a stream of its own, then run this again"
            )
        version = self._api.client.connected_server_version
        filled_aside = (version.major, version.minor) >= (2, 10)
        if not filled_aside and not producers_stopped:
            raise MigrationRefusedError(
                f"nats-server {version.major}.{version.minor} cannot keep the order while "
                "producers publish; stop them and give --producers-stopped, or bring NATS to 2.10"
            )
        if not filled_aside and not closed:
            await self._close(old)
        new = await self._make(old, into, filled_aside=filled_aside)
        await self._store.note_stream(new.name, new.created)
        return await self._go_on(old, new, filled_aside=filled_aside)

    async def _make(self, old: StreamFacts, name: str, *, filled_aside: bool) -> StreamFacts:
        wanted: dict[str, Any] = {
            **input_stream_settings(self._settings),
            "name": name,
            "description": MOVING_DESCRIPTION,
            "num_replicas": old.settings.get("num_replicas") or 1,
        }
        if filled_aside:
            wanted["subjects"] = [self._marks.into(one) for one in wanted["subjects"]]
            wanted["subject_transform"] = {"src": f"{self._marks.prefix}.>", "dest": ">"}
        try:
            new = await self._api.create(wanted)
        except APIError as error:
            if error.code is None or error.code >= 500:
                raise
            raise MigrationRefusedError(
                f"the server refused to create stream {name}: {error.description}; --into NAME "
                "gives it another name"
            ) from error
        if filled_aside and not new.settings.get("subject_transform"):
            await self._api.delete(name)
            raise MigrationRefusedError(
                "the stream's leader runs nats-server before 2.10; bring all servers to it"
            )
        logger.info("stream.created", extra={"stream": name})
        return new

    async def _go_on(
        self, old: StreamFacts | None, new: StreamFacts, *, filled_aside: bool
    ) -> Migrated:
        """Copy what is there; then have the subjects change hands, unless they have."""
        if old is None:
            # Somebody has deleted it: what was not copied is gone, and all that is left is this.
            await self._open(new)
            return Migrated(new.name)
        self._total = int(old.state["messages"])
        moving = Moving(self._api, old.name, new.name, self._router(filled_aside=filled_aside))
        passes = _PASSES_MAX if filled_aside else 0
        while passes and await moving.move(self._count, alone=True) > _FEW:
            passes -= 1
        closed = old.subjects == [self._marks.left]
        began_s = time.monotonic()
        await _to_the_end(self._change_hands(old, new, moving, alone=filled_aside))
        changed_here = filled_aside and not closed
        uncaptured_s = time.monotonic() - began_s if changed_here else None
        return await self._finish(old, new, uncaptured_s)

    def _router(self, *, filled_aside: bool) -> Callable[[str], str | None]:
        inputs = self._settings.subjects.inputs
        routes = {one: self._marks.into(one) if filled_aside else one for one in inputs}
        return routes.get

    def _count(self, more: int) -> None:
        self._moved += more
        self._total = max(self._total, self._moved)
        self._progress(self._moved, self._total)

    async def _change_hands(
        self, old: StreamFacts, new: StreamFacts, moving: Moving, *, alone: bool
    ) -> None:
        if old.subjects != [self._marks.left]:
            await self._close(old)
        await moving.move(self._count, alone=alone)
        await self._open(new)

    async def _close(self, old: StreamFacts) -> None:
        """Take the input subjects from the old stream: from here on it does not grow."""

        async def edit() -> None:
            now = (await self._api.stream(old.name)).settings
            await self._api.edit({**now, "subjects": [self._marks.left]})

        await insist(edit)

    async def _open(self, new: StreamFacts) -> None:
        """Give the new stream the input subjects: from here on it is the log."""

        async def edit() -> None:
            now = (await self._api.stream(new.name)).settings
            now.pop("subject_transform", None)
            inputs = self._settings.subjects.inputs
            await self._api.edit({**now, "subjects": inputs, "description": INPUT_DESCRIPTION})

        await insist(edit)

    async def _finish(
        self, old: StreamFacts, new: StreamFacts, uncaptured_s: float | None
    ) -> Migrated:
        """Delete the old stream, unless it has what is not ours."""
        inputs = self._settings.subjects.inputs
        answer = await self._api.ask(f"STREAM.INFO.{old.name}", {"subjects_filter": ">"})
        held = answer["state"].get("subjects") or {}
        foreign = sum(count for subject, count in held.items() if subject not in inputs)
        if foreign:
            await forget_consumer(self._api, old.name, self._settings.queue_group)
        else:
            await self._api.delete(old.name)
        return Migrated(new.name, self._moved, old.name, foreign, uncaptured_s)

    async def _take_over(self, log: StreamFacts) -> Migrated:
        """Have reading begin where the durable consumer has come to, and remove that."""
        durable = self._settings.queue_group
        consumer = await earlier_consumer(self._api, log.name, durable)
        if consumer is None:
            return Migrated(log.name)
        await self._refuse_at_work(log)
        consumer = await earlier_consumer(self._api, log.name, durable) or consumer
        position = await place_at(self._api, log, int(consumer["ack_floor"]["stream_seq"]))
        view = await self._store.look()
        if await self._store.rewind(view.partitions, position) != PARTITIONS:
            raise MigrationRefusedError(
                "an instance is at work on the partitions; stop all, then run this again"
            )
        await forget_consumer(self._api, log.name, durable)
        return Migrated(log.name, position=position)


async def _to_the_end(steps: Coroutine[Any, Any, None]) -> None:
    """Finish what was begun before a cancellation, Ctrl-C say, is obeyed."""
    task = asyncio.create_task(steps)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await task
        raise
