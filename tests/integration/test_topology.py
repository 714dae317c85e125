"""Streams on a real server: what is created, what is used as it is, and what is refused."""

from __future__ import annotations

import logging
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import nats
import pytest
from nats.errors import TimeoutError as NatsTimeoutError
from nats.js.api import AckPolicy, ConsumerConfig, RetentionPolicy, StreamSource

from bus.errors import BusSetupError
from bus.settings import BusSettings, StreamSettings
from bus.streams.api import JetStreamAPI
from bus.streams.topology import Topology, ensure_topology
from bus.subjects import Subjects
from tests.broker import Names

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from nats.aio.client import Client
    from nats.js import JetStreamContext

    from tests.deployment import Deployment


class Stage:
    """A test's names on the session's server."""

    def __init__(self, client: Client) -> None:
        """Begin."""
        self.names = names = Names()
        self.client = client
        self.js: JetStreamContext = client.jetstream()
        self.settings = BusSettings(
            queue_group=names.consumer,
            subjects=Subjects(names.events, names.requests, names.digests, names.dead_letters),
            streams=StreamSettings(
                names.input_stream, names.digest_stream, names.dead_letter_stream
            ),
        )

    async def add_input(self, **options: Any) -> None:
        """Create the input stream as an operator does."""
        subjects = options.pop("subjects", [self.names.events, self.names.requests])
        await self.js.add_stream(name=self.names.input_stream, subjects=subjects, **options)

    async def ensure(self, **differs: Any) -> Topology:
        """Do what the service does at its start."""
        streams = replace(self.settings.streams, **differs)
        return await ensure_topology(self.client, replace(self.settings, streams=streams))

    async def refusal(self, **differs: Any) -> str:
        """Return why it refuses."""
        with pytest.raises(BusSetupError) as refused:
            await self.ensure(**differs)
        return str(refused.value)


@asynccontextmanager
async def staged(nats_url: str) -> AsyncIterator[Stage]:
    """Connect."""
    client = await nats.connect(nats_url)
    try:
        yield Stage(client)
    finally:
        await client.close()


async def test_what_the_service_creates_keeps_the_promises(nats_url: str) -> None:
    """Nothing unread is discarded, repeats of a digest are dropped; the second start finds it."""
    async with staged(nats_url) as stage:
        topology = await stage.ensure(duplicate_window_s=60)
        api = JetStreamAPI(stage.client)
        made = (await api.stream(stage.names.input_stream)).settings
        digests = (await api.stream(stage.names.digest_stream)).settings
        again = await stage.ensure(duplicate_window_s=60)
        consumers = await stage.js.consumers_info(stage.names.input_stream)
    assert (topology.stream, topology.made) == (stage.names.input_stream, True)
    assert again == replace(topology, made=False)
    assert sorted(made["subjects"]) == sorted(stage.settings.subjects.inputs)
    assert (made["retention"], made["storage"], made["discard"]) == ("limits", "file", "new")
    limits = ("max_age", "max_msgs", "max_bytes", "max_msgs_per_subject", "max_consumers")
    assert [made[limit] for limit in limits] == [0, -1, -1, -1, -1]
    assert not made["deny_purge"], "we purge it"
    assert made["duplicate_window"] == digests["duplicate_window"] == 60 * 10**9
    assert consumers == [], "each instance makes its own when it reads"


async def test_a_stream_whose_creation_was_not_answered_is_known_to_be_ours(nats_url: str) -> None:
    """It would be taken for an operator's, and fill the disk."""
    async with staged(nats_url) as stage:
        request, lost = stage.client.request, False

        async def loses(subject: str, *rest: object, **options: object) -> object:
            nonlocal lost
            answer = await request(subject, *rest, **options)  # type: ignore[arg-type]
            if subject.endswith(f"STREAM.CREATE.{stage.names.input_stream}") and not lost:
                lost = True
                raise NatsTimeoutError
            return answer

        stage.client.request = loses  # type: ignore[method-assign, assignment]
        topology = await stage.ensure()
        assert lost
        assert topology.made


async def test_its_creation_tells_it_from_another_of_its_name(nats_url: str) -> None:
    """As the server prints it, to the nanosecond: a stream may be made anew at once."""
    async with staged(nats_url) as stage:
        first = await stage.ensure()
        await stage.js.delete_stream(stage.names.input_stream)
        second = await stage.ensure()
    assert second.made
    assert first.stream_created != second.stream_created
    assert first.stream_created.startswith("20")
    assert "T" in first.stream_created


@pytest.mark.parametrize(
    ("options", "mend"),
    [
        ({"max_msgs": 1000}, "unread messages vanish"),
        ({"max_bytes": 1_000_000}, "unread messages vanish"),
        ({"max_age": 3600}, "unread messages vanish"),
        ({"max_msgs_per_subject": 100, "discard": "new"}, "unread messages vanish"),
        ({"storage": "memory"}, "memory does not survive"),
        ({"max_consumers": 1}, "max_consumers to -1"),
    ],
    ids=["max_msgs", "max_bytes", "max_age", "per subject", "memory", "consumers"],
)
async def test_a_stream_that_may_lose_messages_is_used_and_warned_about(
    nats_url: str, caplog: pytest.LogCaptureFixture, options: dict[str, Any], mend: str
) -> None:
    """It is the operator's; what it would cost stands in the log, and how to mend it."""
    async with staged(nats_url) as stage:
        await stage.add_input(**options)
        api = JetStreamAPI(stage.client)
        before = await api.stream(stage.names.input_stream)
        topology = await stage.ensure()
        after = await api.stream(stage.names.input_stream)
    (warning,) = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert warning.__dict__["stream"] == stage.names.input_stream
    assert mend in warning.__dict__["mend"]
    assert topology == Topology(stage.names.input_stream, before.created)
    assert after.settings == before.settings


@pytest.mark.parametrize(
    "options", [{}, {"max_msgs": 9, "discard": "new"}, {"no_ack": True}], ids=str
)
async def test_a_sound_stream_is_not_warned_about(
    nats_url: str, caplog: pytest.LogCaptureFixture, options: dict[str, Any]
) -> None:
    """A warning that is always there is read by nobody; producers may do without answers."""
    async with staged(nats_url) as stage:
        await stage.add_input(**options)
        await stage.ensure()
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_a_work_queue_names_the_migration(nats_url: str) -> None:
    """So the earlier version made it, and so it cannot be read twice."""
    async with staged(nats_url) as stage:
        await stage.add_input(retention=RetentionPolicy.WORK_QUEUE)
        refusal = await stage.refusal()
    assert refusal.startswith(f"INPUT_STREAM: stream {stage.names.input_stream} is a work queue")
    assert "python main.py migrate" in refusal


async def test_interest_retention_is_refused(nats_url: str) -> None:
    """It keeps nothing that nobody consumes."""
    async with staged(nats_url) as stage:
        await stage.add_input(retention=RetentionPolicy.INTEREST)
        refusal = await stage.refusal()
    assert refusal.startswith("INPUT_STREAM: ")
    assert "--retention limits" in refusal
    assert "migrate" not in refusal


async def test_the_earlier_versions_consumer_names_the_migration(nats_url: str) -> None:
    """To begin at the first message would answer what it has answered."""
    async with staged(nats_url) as stage:
        await stage.add_input()
        durable = ConsumerConfig(durable_name=stage.names.consumer, ack_policy=AckPolicy.EXPLICIT)
        await stage.js.add_consumer(stage.names.input_stream, durable)
        refusal = await stage.refusal()
        await stage.js.delete_consumer(stage.names.input_stream, stage.names.consumer)
        others = ConsumerConfig(durable_name="others", ack_policy=AckPolicy.EXPLICIT)
        await stage.js.add_consumer(stage.names.input_stream, others)
        assert not (await stage.ensure()).made, "somebody else's is no concern of ours"
    assert refusal.startswith(f"QUEUE_GROUP: consumer {stage.names.consumer}")
    assert "python main.py migrate" in refusal


@pytest.mark.needs_nats_2_10
async def test_a_stream_that_renames_our_subjects_is_refused(nats_url: str) -> None:
    """Its messages would be passed over, one and all."""
    async with staged(nats_url) as stage:
        inputs = stage.settings.subjects.inputs
        wanted = {
            "name": stage.names.input_stream,
            "subjects": inputs,
            "subject_transform": {"src": ">", "dest": "in.>"},
        }
        await JetStreamAPI(stage.client).create(wanted)
        refusal = await stage.refusal()
    assert refusal.startswith("INPUT_STREAM: ")
    assert "subject_transform" in refusal
    assert inputs[0] in refusal


async def test_input_subjects_in_two_streams_are_refused(nats_url: str) -> None:
    """The order of events and requests is that of one stream."""
    async with staged(nats_url) as stage:
        await stage.add_input(subjects=[stage.names.events])
        alone = await stage.refusal()
        await stage.js.add_stream(name=stage.names.suffix, subjects=[stage.names.requests])
        apart = await stage.refusal()
    assert alone.startswith("INPUT_STREAM: ")
    assert f"{stage.names.requests} in none; add the missing subject" in alone
    assert f"{stage.names.requests} in {stage.names.suffix}; take it from the one" in apart


async def test_a_name_that_is_taken_is_refused_by_its_setting(nats_url: str) -> None:
    """Also by a mirror, which captures nothing."""
    async with staged(nats_url) as stage:
        await stage.add_input(subjects=["Only.>"])
        taken = await stage.refusal()
        await stage.js.delete_stream(stage.names.input_stream)
        await stage.js.add_stream(name=stage.names.suffix, subjects=[stage.names.suffix])
        await stage.js.add_stream(
            name=stage.names.input_stream, mirror=StreamSource(name=stage.names.suffix)
        )
        mirror = await stage.refusal()
        await stage.js.delete_stream(stage.names.input_stream)
        await stage.js.add_stream(name=stage.names.digest_stream, subjects=["Other.Only.>"])
        digests = await stage.refusal()
        await stage.js.delete_stream(stage.names.digest_stream)
        await stage.ensure()
    assert taken.startswith(f"INPUT_STREAM: stream {stage.names.input_stream} is there")
    assert mirror.startswith(f"INPUT_STREAM: stream {stage.names.input_stream} is a mirror of ")
    assert digests.startswith(f"DIGEST_STREAM: stream {stage.names.digest_stream} is there")


async def test_replicas_that_a_single_server_cannot_have_are_refused_by_their_setting(
    nats_url: str,
) -> None:
    """The server's own words are in it."""
    async with staged(nats_url) as stage:
        refusal = await stage.refusal(replicas=3)
    assert refusal.startswith("STREAM_REPLICAS: ")
    assert "replicas > 1" in refusal


async def test_a_digest_stream_that_acknowledges_nothing_is_refused(nats_url: str) -> None:
    """Nobody would know that a digest was stored."""
    async with staged(nats_url) as stage:
        await stage.js.add_stream(
            name=stage.names.digest_stream, subjects=[stage.names.digests], no_ack=True
        )
        refusal = await stage.refusal()
    assert refusal.startswith(f"DIGEST_STREAM: stream {stage.names.digest_stream}")


async def test_what_else_a_stream_captures_is_left_alone(nats_url: str) -> None:
    """Reading passes it over; a wildcard of an operator's is as good as our two subjects."""
    async with staged(nats_url) as stage:
        subjects = [*stage.settings.subjects.inputs, f"Other-{stage.names.suffix}"]
        await stage.add_input(subjects=subjects)
        assert (await stage.ensure()).stream == stage.names.input_stream


async def test_a_refusal_ends_the_service_with_status_2(deployment: Deployment) -> None:
    """One line that names setting and mend: a restart does not cure it."""
    async with deployment.broker() as broker:
        await broker.create_input_stream(retention=RetentionPolicy.WORK_QUEUE)
    service = deployment.launch()
    assert service.wait() == 2
    line = service.output().splitlines()[-1]
    assert line.startswith("main.py: INPUT_STREAM:")
    assert "python main.py migrate" in line


async def test_a_setting_that_is_gone_is_warned_about(deployment: Deployment) -> None:
    """It named a time that nothing waits for any more; the service starts all the same."""
    service = deployment.start(ACK_WAIT=60)
    (warning,) = service.events("setting.gone")
    assert (warning["level"], warning["setting"]) == ("warning", "ACK_WAIT")
    assert warning["instead"].startswith("LEASE")
