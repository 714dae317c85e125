"""From the earlier version's input to a log, on a real server: nothing lost, in order, once."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from contextlib import asynccontextmanager
from random import Random
from typing import TYPE_CHECKING

import nats
import pytest
from nats.errors import NoRespondersError
from nats.errors import TimeoutError as NatsTimeoutError

from actors.rules.partitions import HomesView
from actors.rules.positions import BEGIN
from bus.errors import BusSetupError, MigrationRefusedError
from bus.migration.migration import Migration
from bus.streams.topology import ensure_topology
from bus.wire.earlier import HEADER, earlier_id
from bus.wire.instants import parse_instant
from tests.earlier import Earlier
from tests.servers import nats_server_version
from tests.service import ROOT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bus.migration.moving import Stored


@asynccontextmanager
async def earlier(nats_url: str) -> AsyncIterator[Earlier]:
    """Connect."""
    client = await nats.connect(nats_url)
    try:
        yield Earlier(client)
    finally:
        await client.close()


def names_of(messages: list[Stored]) -> list[str]:
    """Return by what names an instance of the earlier version knew these."""
    return [earlier_id(one.sequence, one.timestamp_ns) for one in messages]


async def test_what_is_unread_is_moved_in_order_and_once(nats_url: str) -> None:
    """Also what was taken and not acknowledged; what was acknowledged is not."""
    async with earlier(nats_url) as layout:
        await layout.create()
        bodies = await layout.put(300)
        await layout.take(100, acknowledged=[*range(40), 50, 60])
        before = await layout.held(layout.names.input_stream)
        migrated = await layout.migrate()
        assert migrated.stream == f"{layout.names.input_stream}_LOG"
        moved = await layout.held(migrated.stream)
        left = [body for at, body in enumerate(bodies) if at >= 40 and at not in (50, 60)]
        assert [one.body for one in moved] == left
        assert [one.subject for one in moved] == [one.subject for one in before]
        assert [one.headers[HEADER] for one in moved] == names_of(before)
        assert migrated.moved == len(left)
        topology = await ensure_topology(layout.client, layout.settings)
        assert (topology.stream, topology.made) == (migrated.stream, False)
        assert await layout.store.streams_made() == {topology.stream: topology.stream_created}, (
            "purged by us"
        )
        streams = [info.config.name for info in await layout.js.streams_info()]
        assert layout.names.input_stream not in streams
        behind = await layout.put(1)
        assert (await layout.held(migrated.stream))[-1].body == behind[0]


async def test_what_stands_behind_a_long_gap_is_moved_too(nats_url: str) -> None:
    """One that nobody acknowledged, then hundreds that were: most of a work queue is holes."""
    async with earlier(nats_url) as layout:
        await layout.create()
        bodies = await layout.put(410)
        await layout.take(400, acknowledged=[*range(1, 200), *range(201, 400)])
        migrated = await layout.migrate()
        assert migrated.stream is not None
        left = [bodies[0], bodies[200], *bodies[400:]]
        assert [one.body for one in await layout.held(migrated.stream)] == left


async def test_a_second_run_changes_nothing(nats_url: str) -> None:
    """It says which stream is read."""
    async with earlier(nats_url) as layout:
        await layout.create()
        await layout.put(10)
        first = await layout.migrate()
        assert first.stream is not None
        before = await layout.api.stream(first.stream)
        again = await layout.migrate()
        after = await layout.api.stream(first.stream)
        assert (again.stream, again.moved, again.left) == (first.stream, 0, None)
        assert after.settings == before.settings
        assert after.state == before.state


async def test_without_anything_there_is_nothing_to_do(nats_url: str) -> None:
    """The service creates what it needs."""
    async with earlier(nats_url) as layout:
        assert (await layout.migrate()).stream is None


@pytest.mark.needs_nats_2_10
async def test_producers_may_go_on_meanwhile(nats_url: str) -> None:
    """What is acknowledged to them is kept, behind what was there before, in their order.

    While the subjects change hands nobody captures them: a producer that asks for acknowledgement
    is told, and publishes again.
    """
    async with earlier(nats_url) as layout:
        await layout.create()
        bodies = await layout.put(5000)
        stop = asyncio.Event()
        refused = 0

        async def produce() -> None:
            nonlocal refused
            while not stop.is_set():
                body = f"new {len(bodies)}".encode()
                try:
                    answer = await layout.client.request(layout.names.events, body, timeout=5)
                except NoRespondersError:
                    refused += 1
                    continue
                if "error" in json.loads(answer.data):
                    refused += 1
                else:
                    bodies.append(body)

        producer = asyncio.create_task(produce())
        migrated = await layout.migrate()
        stop.set()
        await producer
        assert migrated.stream is not None
        assert [one.body for one in await layout.held(migrated.stream)] == bodies
        assert len(bodies) > 5000
        assert migrated.uncaptured_s is not None
        assert migrated.uncaptured_s < 2


@pytest.mark.parametrize("seed", range(4))
async def test_killed_anywhere_and_run_again_it_loses_and_repeats_nothing(
    nats_url: str, seed: int
) -> None:
    """Kill -9 at moments drawn from a seed, again and again, until it has come through."""
    random = Random(seed)
    async with earlier(nats_url) as layout:
        await layout.create()
        bodies = await layout.put(3000)
        await layout.take(200, acknowledged=range(0, 200, 2))
        before = await layout.held(layout.names.input_stream)
        kills = 0
        while True:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tests.earlier", nats_url, layout.names.suffix),
                cwd=ROOT,
                stdout=asyncio.subprocess.PIPE,
            )
            assert process.stdout is not None
            assert await process.stdout.readline() == b"begins\n"
            try:
                await asyncio.wait_for(process.wait(), random.uniform(0.02, 0.2 + kills / 4))
            except TimeoutError:
                process.send_signal(signal.SIGKILL)
                await process.wait()
                kills += 1
            else:
                break
        assert process.returncode == 0
        assert kills, "it was too fast for the first kill: give it more messages"
        again = await layout.migrate()
        assert again.stream == f"{layout.names.input_stream}_LOG"
        moved = await layout.held(again.stream)
        expected = [body for at, body in enumerate(bodies) if at >= 200 or at % 2]
        assert [one.body for one in moved] == expected
        assert [one.headers[HEADER] for one in moved] == names_of(before)


@pytest.mark.parametrize("steps", range(32))
async def test_cut_off_between_any_two_requests_it_goes_on(nats_url: str, steps: int) -> None:
    """As above, at every step: the connection answers so many requests, then none."""
    async with earlier(nats_url) as layout:
        await layout.create()
        bodies = await layout.put(4)
        cut = await nats.connect(nats_url)
        allowed = steps
        request = cut.request

        async def fails_at_last(*args: object, **options: object) -> object:
            nonlocal allowed
            allowed -= 1
            if allowed < 0:
                raise OSError("cut off")
            return await request(*args, **options)  # type: ignore[arg-type]

        cut.request = fails_at_last  # type: ignore[method-assign, assignment]
        migration = Migration(cut, layout.settings, layout.store, quiet_for_s=0.01)
        try:
            await migration.run(producers_stopped=True)
        except OSError:
            log = await layout.api.stream_of(layout.names.events)
            whole = log is not None and log != layout.names.input_stream
            # On a log that is whole the service may start, though the old stream is still there.
            if not whole or len(await layout.held(log or "")) < len(bodies):
                with pytest.raises(BusSetupError, match="migrate"):
                    await ensure_topology(layout.client, layout.settings)
        await cut.close()
        migrated = await layout.migrate()
        assert migrated.stream == f"{layout.names.input_stream}_LOG"
        assert [one.body for one in await layout.held(migrated.stream)] == bodies
        await ensure_topology(layout.client, layout.settings)


@pytest.mark.parametrize("lost", ["message", "answer"])
async def test_what_is_lost_on_the_way_lets_nothing_overtake_it(nats_url: str, lost: str) -> None:
    """In the midst of many that are under way: those behind it are refused, and come again."""
    async with earlier(nats_url) as layout:
        await layout.create()
        bodies = await layout.put(150)
        lossy = await nats.connect(nats_url)
        request = lossy.request
        losses = {b"30", b"31", b"100", b"150"}

        async def loses(
            subject: str, body: bytes = b"", *rest: object, **options: object
        ) -> object:
            if body not in losses:
                return await request(subject, body, *rest, **options)  # type: ignore[arg-type]
            losses.discard(body)
            if lost == "answer":
                await request(subject, body, *rest, **options)  # type: ignore[arg-type]
            raise NatsTimeoutError

        lossy.request = loses  # type: ignore[method-assign, assignment]
        migration = Migration(lossy, layout.settings, layout.store, quiet_for_s=0.01)
        migrated = await migration.run(producers_stopped=True)
        await lossy.close()
        assert losses == set()
        assert migrated.stream is not None
        assert [one.body for one in await layout.held(migrated.stream)] == bodies


@pytest.mark.needs_nats_2_10
async def test_what_comes_between_two_looks_is_not_passed_over(nats_url: str) -> None:
    """One is looked for before it is there, the next one after: the first is no hole."""
    async with earlier(nats_url) as layout:
        await layout.create()
        bodies = await layout.put(90)
        looking = await nats.connect(nats_url)
        request, grown = looking.request, asyncio.Event()

        async def grows(
            subject: str, body: bytes = b"", *rest: object, **options: object
        ) -> object:
            asked = subject.endswith(f"MSG.GET.{layout.names.input_stream}")
            sequence = json.loads(body)["seq"] if asked else 0
            if sequence > 91 and not grown.is_set():
                await asyncio.wait_for(grown.wait(), 5)
            answer = await request(subject, body, *rest, **options)  # type: ignore[arg-type]
            if sequence == 91 and not grown.is_set():
                bodies.extend(await layout.put(2))
                grown.set()
            return answer

        looking.request = grows  # type: ignore[method-assign, assignment]
        migration = Migration(looking, layout.settings, layout.store, quiet_for_s=0.01)
        migrated = await migration.run()
        await looking.close()
        assert migrated.stream is not None
        assert [one.body for one in await layout.held(migrated.stream)] == bodies


async def test_headers_go_with_a_message_but_not_those_for_the_old_stream(nats_url: str) -> None:
    """An id that came twice, a window apart, is no repeat; a trace goes on."""
    async with earlier(nats_url) as layout:
        await layout.create(duplicate_window=0.1)
        trace = {"traceparent": "00-a", "X-Tenant": "ä"}
        own = {"Nats-Msg-Id": "same", "Nats-Expected-Stream": layout.names.input_stream}
        first = await layout.put(1, {**trace, **own})
        await asyncio.sleep(0.3)
        second = await layout.put(1, {**trace, **own})
        migrated = await layout.migrate()
        assert migrated.stream is not None
        moved = await layout.held(migrated.stream)
        assert [one.body for one in moved] == first + second
        for one in moved:
            assert {name: value for name, value in one.headers.items() if name != HEADER} == trace


async def test_running_instances_of_the_earlier_version_are_refused(nats_url: str) -> None:
    """They would take messages, and answer requests, that are being moved."""
    async with earlier(nats_url) as layout:
        await layout.create()
        await layout.put(10)
        await layout.take(10, acknowledged=[])
        instance = await nats.connect(nats_url)
        pull = await instance.jetstream().pull_subscribe_bind(
            consumer=layout.names.consumer, stream=layout.names.input_stream
        )
        asking = asyncio.create_task(pull.fetch(1, timeout=30))
        await asyncio.sleep(0.2)
        with pytest.raises(MigrationRefusedError, match="stop all instances"):
            await layout.migrate()
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        await instance.close()
        assert (await layout.migrate()).moved == 10


async def test_from_an_operators_own_log_the_consumers_place_is_taken_over(nats_url: str) -> None:
    """All partitions go on behind what was acknowledged without a gap; the consumer is gone."""
    async with earlier(nats_url) as layout:
        await layout.create(retention="limits")
        await layout.put(20)
        await layout.take(10, acknowledged=[0, 1, 2, 3, 4, 7])
        with pytest.raises(BusSetupError, match="migrate"):
            await ensure_topology(layout.client, layout.settings)
        name = layout.names.input_stream
        migrated = await layout.migrate()
        facts = await layout.api.stream(name)
        message = await layout.api.message(name, 5)
        assert message is not None
        assert (migrated.stream, migrated.moved) == (name, 0)
        assert migrated.position == (5, parse_instant(message["time"]), facts.created)
        assert {one.position for one in (await layout.store.look()).partitions} == {
            migrated.position
        }
        assert await layout.js.consumers_info(name) == []
        await ensure_topology(layout.client, layout.settings)
        assert await layout.store.streams_made() == {}, (
            "it stays the operator's, and is never purged"
        )
        assert (await layout.migrate()).position is None


async def test_the_place_is_that_of_a_message_that_is_still_there(nats_url: str) -> None:
    """A position on a message that is gone would be taken for one of another log."""
    async with earlier(nats_url) as layout:
        await layout.create(retention="limits")
        await layout.put(20)
        await layout.take(10, acknowledged=range(10))
        for sequence in (9, 10):
            await layout.js.delete_msg(layout.names.input_stream, sequence)
        migrated = await layout.migrate()
        assert migrated.position is not None
        assert migrated.position.sequence == 8
        assert migrated.position.timestamp_ns > 0


async def test_where_nothing_was_acknowledged_reading_begins_at_the_first(nats_url: str) -> None:
    """As where no position is known."""
    async with earlier(nats_url) as layout:
        await layout.create(retention="limits")
        await layout.put(3)
        assert (await layout.migrate()).position == BEGIN


async def test_a_home_that_changes_meanwhile_is_refused(nats_url: str) -> None:
    """An instance of this version is at work; the consumer stays, for another run."""
    async with earlier(nats_url) as layout:
        await layout.create(retention="limits")
        view = await layout.store.look()
        stale = tuple(one._replace(epoch=7) for one in view.partitions)

        async def look() -> HomesView:
            return HomesView((), stale)

        layout.store.look = look  # type: ignore[method-assign]
        with pytest.raises(MigrationRefusedError, match="at work"):
            await layout.migrate()
        assert await layout.js.consumer_info(layout.names.input_stream, layout.names.consumer)


async def test_interest_retention_is_named_with_its_mend(nats_url: str) -> None:
    """The server can make a log of it by itself."""
    async with earlier(nats_url) as layout:
        await layout.create(retention="interest")
        with pytest.raises(MigrationRefusedError, match="--retention limits"):
            await layout.migrate()


async def test_a_queue_of_more_than_ours_is_refused(nats_url: str) -> None:
    """What else it captures has other consumers, of which we know nothing."""
    async with earlier(nats_url) as layout:
        other = f"Other-{layout.names.suffix}"
        await layout.create(subjects=[*layout.settings.subjects.inputs, other])
        with pytest.raises(MigrationRefusedError, match=other):
            await layout.migrate()


async def test_a_name_that_is_taken_is_refused_before_anything_is_changed(nats_url: str) -> None:
    """The old stream still captures, and another name does."""
    if nats_server_version() < (2, 10):
        pytest.skip("there the old stream is closed first")
    async with earlier(nats_url) as layout:
        await layout.create()
        bodies = await layout.put(2)
        taken = f"{layout.names.input_stream}_LOG"
        await layout.js.add_stream(name=taken, subjects=[f"Taken-{layout.names.suffix}"])
        with pytest.raises(MigrationRefusedError, match="--into"):
            await layout.migrate()
        bodies += await layout.put(1)
        migrated = await layout.migrate(into=layout.names.suffix)
        assert migrated.stream == layout.names.suffix
        assert [one.body for one in await layout.held(layout.names.suffix)] == bodies


async def test_what_is_not_ours_keeps_the_old_stream(nats_url: str) -> None:
    """Of a time when it captured more; nothing is deleted that was not moved."""
    async with earlier(nats_url) as layout:
        other = f"Other-{layout.names.suffix}"
        await layout.create(subjects=[*layout.settings.subjects.inputs, other])
        await layout.client.request(other, b"theirs")
        bodies = await layout.put(5)
        await layout.js.update_stream(
            name=layout.names.input_stream,
            subjects=layout.settings.subjects.inputs,
            retention="workqueue",
        )
        migrated = await layout.migrate()
        assert migrated.stream is not None
        assert [one.body for one in await layout.held(migrated.stream)] == bodies
        assert migrated.foreign == 1
        assert b"theirs" in [one.body for one in await layout.held(layout.names.input_stream)]
