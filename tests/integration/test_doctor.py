"""``doctor`` against real servers: what it finds, what it says to do, and that it only looks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from nats.js.api import AckPolicy, ConsumerConfig, RetentionPolicy, StorageType

from bus.streams.marks import marks_of
from bus.subjects import Subjects
from tests.ports import claim_port
from tests.probes import ANY_PORT, monitoring
from tests.servers import prepare_nats, prepare_nats_without_jetstream, running

if TYPE_CHECKING:
    from pathlib import Path

    from tests.deployment import Deployment, Ended

SYNCED = """
http: "127.0.0.1:{port}"
jetstream {{ sync_interval: always }}
"""

GUARDED = """
authorization {{ users = [{{
  user: digester, password: secret,
  permissions: {{
    publish: {{ allow: [">"], deny: ["$JS.API.STREAM.PURGE.>", "{digests}"] }}
    subscribe: ">"
  }}
}}] }}
"""


def found(ended: Ended, *levels: str) -> list[dict[str, Any]]:
    """Return the findings of these levels."""
    return [finding for finding in ended.json["findings"] if finding["level"] in levels]


def says(ended: Ended, *levels: str) -> str:
    """Return in one text what the findings of these levels are about and say."""
    return "\n".join(f"{one['about']}: {one['says']}" for one in found(ended, *levels))


async def test_a_single_server_is_a_risk_until_its_sync_interval_is_seen(
    deployment: Deployment,
) -> None:
    """The one thing that may lose acknowledged data on what ``make run`` starts; with its mend."""
    service = deployment.start()
    async with deployment.broker() as broker:
        await broker.event("u", "a")
        await broker.settled()
    ended = deployment.command("doctor", "--json")
    assert f"process {service.pid}" in says(ended, "ok")
    assert (ended.status, ended.json["status"], ended.json["level"]) == (1, 1, "risk")
    (risk,) = found(ended, "risk")
    assert "sync_interval cannot be seen" in risk["says"]
    assert "sync_interval: always" in risk["mend"]
    assert "fenced; 1 users" in says(ended, "ok")
    assert "a single server" in says(ended, "note")


@pytest.mark.needs_nats_2_10
def test_a_sound_deployment_ends_with_status_0(deployment: Deployment, tmp_path: Path) -> None:
    """Seen through the monitoring port: messages are on disk before they are acknowledged."""
    port = claim_port()
    configuration = SYNCED.format(port=port)
    with running(prepare_nats(tmp_path / "nats", configuration)) as server:
        deployment.nats_url = server.url
        deployment.start()
        ended = deployment.command("doctor", "--json", "--nats-monitor", f"http://127.0.0.1:{port}")
        assert (ended.status, says(ended, "risk", "away")) == (0, "")
        assert "sync_interval: always" in says(ended, "ok")
        deployment.end()


async def test_before_the_first_start_it_creates_nothing(deployment: Deployment) -> None:
    """It says what the service will create; a missing stream is no risk."""
    ended = deployment.command("doctor", "--json")
    assert ended.status == 0
    assert says(ended, "note").count("is not there") == 4
    async with deployment.broker() as broker:
        names = {info.config.name for info in await broker.js.streams_info()}
    assert not names & {deployment.names.input_stream, deployment.names.digest_stream}
    again = deployment.command("doctor", "--json")
    assert says(again, "note").count("is not there") == 4, "nor in MongoDB"


async def test_settings_that_break_a_promise_are_risks_with_a_mend(
    deployment: Deployment,
) -> None:
    """The same ones that the service warns about."""
    names = deployment.names
    async with deployment.broker() as broker:
        await broker.create_input_stream(storage=StorageType.MEMORY, max_msgs=1000)
        await broker.js.add_consumer(
            names.input_stream,
            ConsumerConfig(durable_name=names.consumer, ack_policy=AckPolicy.EXPLICIT),
        )
        await broker.js.add_stream(name=names.digest_stream, subjects=[names.digests], no_ack=True)
    ended = deployment.command("doctor", "--json")
    assert ended.status == 1
    risks = says(ended, "risk")
    assert f"stream {names.input_stream}: unread messages vanish" in risks
    assert f"stream {names.input_stream}: it is kept in memory" in risks
    assert f"consumer {names.consumer}: is left of the earlier version" in risks
    assert f"stream {names.digest_stream}: acknowledges no publication" in risks
    assert all(finding["mend"] for finding in found(ended, "risk"))


async def test_input_subjects_in_two_streams_are_a_risk(deployment: Deployment) -> None:
    """The service does not start then."""
    names = deployment.names
    async with deployment.broker() as broker:
        await broker.js.add_stream(name=names.input_stream, subjects=[names.events])
    ended = deployment.command("doctor", "--json")
    assert ended.status == 1
    assert f"{names.requests} in none" in says(ended, "risk")


async def test_what_the_earlier_version_left_is_a_risk_with_its_mend(
    deployment: Deployment,
) -> None:
    """Its work queue, and a migration that was cut off: the service starts on neither."""
    names = deployment.names
    async with deployment.broker() as broker:
        await broker.create_input_stream(retention=RetentionPolicy.WORK_QUEUE)
        (queue,) = found(deployment.command("doctor", "--json"), "risk")[:1]
        left = marks_of(Subjects(names.events, names.requests)).left
        await broker.js.delete_stream(names.input_stream)
        await broker.js.add_stream(name=names.input_stream, subjects=[left])
        (cut_off,) = found(deployment.command("doctor", "--json"), "risk")[:1]
    assert "is a work queue" in queue["says"]
    assert "python main.py migrate" in queue["mend"]
    assert cut_off["says"] == "a migration has not finished"
    assert "python main.py migrate" in cut_off["mend"]


async def test_dead_letters_are_noted(deployment: Deployment) -> None:
    """With the command that lists them."""
    deployment.start()
    async with deployment.broker() as broker:
        await broker.put(broker.names.events, b"nonsense")
        await broker.settled()
    ended = deployment.command("doctor", "--json")
    (note,) = [one for one in found(ended, "note") if "dead letters" in one["says"]]
    assert "holds 1 dead letters" in note["says"]
    assert "main.py dead-letters list" in note["mend"]


@pytest.mark.needs_nats_2_10
def test_permissions_that_are_missing_are_risks(deployment: Deployment, tmp_path: Path) -> None:
    """A denied purge or digest is otherwise seen by its consequences only."""
    configuration = GUARDED.format(digests=deployment.names.digests)
    with running(prepare_nats(tmp_path / "nats", configuration)) as server:
        deployment.nats_url = server.url
        ended = deployment.command("doctor", "--json", NATS_USER="digester", NATS_PASSWORD="secret")
        risks = says(ended, "risk")
        assert "no permission to remove what is settled and old" in risks
        assert "no permission to publish digests" in risks
        assert "no permission to ask for messages" not in risks
        wrong = deployment.command("doctor", "--json", NATS_USER="digester", NATS_PASSWORD="guess")
    assert wrong.status == 2
    assert "refused our credentials" in says(wrong, "away")


def test_servers_that_are_away_end_with_status_2(deployment: Deployment) -> None:
    """Each is looked at although the other is away; no password is shown."""
    uri = "mongodb://alice:hunter2@127.0.0.1:1/?serverSelectionTimeoutMS=300"
    ended = deployment.command("doctor", "--json", MONGODB_URI=uri)
    assert ended.status == 2
    assert [one["about"] for one in found(ended, "away")] == ["mongodb"]
    assert "connected" in says(ended, "ok")
    assert "hunter2" not in ended.text + ended.stderr
    ended = deployment.command("doctor", "--json", NATS_URL="nats://127.0.0.1:1")
    assert ended.status == 2
    assert [one["about"] for one in found(ended, "away")] == ["nats"]
    assert "mongodb: connected" in says(ended, "ok")


def test_without_jetstream_messages_are_at_risk(deployment: Deployment, tmp_path: Path) -> None:
    """Core NATS delivers at most once."""
    with running(prepare_nats_without_jetstream(tmp_path)) as server:
        ended = deployment.command("doctor", "--json", NATS_URL=server.url)
    assert ended.status == 1
    assert "jetstream: the server has JetStream disabled: nobody answers" in says(ended, "risk")


def test_people_read_findings_and_mends_as_a_table(deployment: Deployment) -> None:
    """On standard output, both."""
    deployment.start()
    ended = deployment.command("doctor")
    assert ended.status == 1
    lines = ended.text.splitlines()
    assert lines[0].split() == ["LEVEL", "ABOUT", "FINDING"]
    (at,) = [number for number, line in enumerate(lines) if line.startswith("RISK")]
    assert "mend: three replicas" in lines[at + 1]


def test_a_wrong_setting_ends_with_status_2(deployment: Deployment) -> None:
    """Like everywhere."""
    assert deployment.command("doctor", DELIVERY="pigeon").status == 2
    assert deployment.command("doctor", MONGODB_URI="mongodb://a@@b:1:2").status == 2


async def test_a_clock_that_is_ahead_is_seen_wherever_one_looks(deployment: Deployment) -> None:
    """By ``why``, by doctor and by a metric; the rule stays: what comes now changes nothing."""
    service = deployment.start(HTTP_ADDRESS=ANY_PORT)
    async with deployment.broker() as broker, monitoring(service) as seen:
        await broker.event("u", "disk", "WARNING", "2036-01-01T00:00:00Z")
        await broker.event("u", "disk", "CLEARED", "2026-01-01T00:00:00Z")
        await broker.event("u", "cpu", "CRITICAL", "2021-06-07T20:40:15Z")
        await broker.request("u")
        digest = await broker.next_digest()
        assert [alarm["AlarmID"] for alarm in digest["ActiveAlarms"]] == ["cpu", "disk"]
        await broker.settled()
        assert (await seen.metrics())["alarm_digest_events_ahead_total"] == 1
    for source in ((), ("--stored",)):
        disk, cpu = (
            deployment.command("why", "u", alarm, "--json", *source).json["alarm"]["explanation"]
            for alarm in ("disk", "cpu")
        )
        assert "It stands until 2036-01-01T00:00:00Z, when the clock of its agent" in disk
        assert "clock" not in cpu
    said = says(deployment.command("doctor", "--json"), "note")
    assert "alarms: 1, of 1 users, are from the future; one of user u stands until 2036" in said
    ended = deployment.command("doctor", "--json", FUTURE_TOLERANCE=20 * 365.25 * 86_400)
    assert "alarms: none is more than 20.0 years in the future" in says(ended, "ok")
