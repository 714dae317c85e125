"""``demo``, and waiting for a digest, against a live service."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING

import pytest

from tests.servers import prepare_nats, running

if TYPE_CHECKING:
    from pathlib import Path

    from tests.deployment import Deployment

SHORT = ("--users", "5", "--seconds", "1", "--rate", "100", "--digest-every", "5")


@pytest.mark.parametrize("delivery", ["jetstream", "core"])
def test_a_demonstration_ends_with_every_request_answered(
    deployment: Deployment, delivery: str
) -> None:
    """What it was told to send, and what came of it, for machines."""
    deployment.start(DELIVERY=delivery)
    ended = deployment.command("demo", *SHORT, "--seed", "1", "--json", DELIVERY=delivery)
    assert ended.status == 0, ended.stderr
    figures = ended.json
    assert (figures["events"], figures["requests"]) == (100, 20)
    assert (figures["digests"], figures["unanswered"], figures["refused"]) == (20, 0, 0)
    assert figures["alarms_told"] > 0
    listed = deployment.command("user", "list", "--json").json_lines
    assert {user["user_id"].partition("-")[0] for user in listed} == {"demo"}


def test_without_a_service_a_demonstration_says_that_nobody_listens(
    deployment: Deployment,
) -> None:
    """It does not go on sending into the void."""
    ended = deployment.command("demo", *SHORT, "--json")
    assert ended.status == 1
    assert ended.json["refused"] > 0
    assert "is the service running?" in ended.stderr


def test_an_interrupted_demonstration_says_what_it_has_sent(deployment: Deployment) -> None:
    """Ctrl-C is how one ends it."""
    deployment.start()
    watcher = deployment.launch("watch")
    watcher.wait_for_output("watching for digests")
    demo = deployment.launch("demo", "--users", "3", "--seconds", "60", "--rate", "20", "--json")
    watcher.wait_for_output("ActiveAlarms")
    demo.signal(signal.SIGINT)
    demo.wait()
    (figures,) = (json.loads(line) for line in demo.output().splitlines() if line[:1] == "{")
    assert 0 < figures["events"] < 1200


@pytest.mark.parametrize("option", ["--users", "--seconds", "--rate", "--digest-every"])
def test_a_demonstration_of_nothing_is_a_usage_error(deployment: Deployment, option: str) -> None:
    """Before anything is sent."""
    assert deployment.command("demo", option, "0").status == 2


@pytest.mark.parametrize("delivery", ["jetstream", "core"])
async def test_send_digest_can_wait_for_the_digest(deployment: Deployment, delivery: str) -> None:
    """And prints it alone on standard output."""
    deployment.start(DELIVERY=delivery)
    user = 'a.b"🔥\x1b'
    assert deployment.command("send", "alarm", user, "disk", "WARNING").status == 0
    ended = deployment.command("send", "digest", user, "--wait")
    assert (ended.status, ended.stderr) == (0, "")
    assert ended.json["UserID"] == user
    assert [alarm["AlarmID"] for alarm in ended.json["ActiveAlarms"]] == ["disk"]
    assert "\x1b" not in ended.text


async def test_all_parts_of_a_split_digest_are_waited_for(
    deployment: Deployment, tmp_path: Path
) -> None:
    """A line each, and no alarm is missing."""
    with running(prepare_nats(tmp_path / "nats", "max_payload: 2048\n")) as server:
        deployment.nats_url = server.url
        deployment.start()
        async with deployment.broker() as broker:
            for number in range(60):
                await broker.event("u", f"alarm-{number:02}")
        ended = deployment.command("send", "digest", "u", "--wait")
        parts = ended.json_lines
        assert len(parts) > 2
        told = [alarm["AlarmID"] for part in parts for alarm in part["ActiveAlarms"]]
        assert told == [f"alarm-{number:02}" for number in range(60)]
        deployment.end()


def test_a_digest_that_does_not_come_ends_with_status_1(deployment: Deployment) -> None:
    """Where empty ones are not published, none comes for a user with nothing to tell."""
    deployment.start(EMPTY_DIGESTS="skip")
    ended = deployment.command("send", "digest", "u", "--wait", "--timeout", "0.5")
    assert (ended.status, ended.text) == (1, "")
    assert "EMPTY_DIGESTS" in ended.stderr
