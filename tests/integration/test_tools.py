"""The commands for trying the service by hand, against a live service."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING

import pytest

from tests.servers import prepare_nats_without_jetstream, running

if TYPE_CHECKING:
    from pathlib import Path

    from tests.deployment import Deployment


@pytest.mark.parametrize("delivery", ["jetstream", "core"])
def test_an_alarm_and_a_request_sent_by_hand_bring_a_digest_to_the_watcher(
    deployment: Deployment, delivery: str
) -> None:
    """``send alarm``, ``send digest``, ``watch``: what the README shows, as one session."""
    deployment.start(DELIVERY=delivery)
    watcher = deployment.launch("watch")
    watcher.wait_for_output("watching for digests")
    at = "2021-06-07T20:40:15.598765212Z"
    alarm = deployment.launch("send", "alarm", "2", "🔥 disk", "CRITICAL", "--changed-at", at)
    assert alarm.wait() == 0, alarm.output()
    assert "sent" in alarm.output()
    now = deployment.launch("send", "alarm", "2", "now", "WARNING")
    assert now.wait() == 0, now.output()
    request = deployment.launch("send", "digest", "2")
    assert request.wait() == 0, request.output()
    watcher.wait_for_output("ActiveAlarms")
    watcher.signal(signal.SIGINT)
    assert watcher.wait() == 0
    digest = json.loads(next(line for line in watcher.output().splitlines() if "Active" in line))
    first, second = digest["ActiveAlarms"]
    assert first == {"AlarmID": "🔥 disk", "Status": "CRITICAL", "LatestChangedAt": at}
    assert second["AlarmID"] == "now"
    assert second["LatestChangedAt"] > "2024"


def test_sending_without_a_service_says_so(deployment: Deployment, tmp_path: Path) -> None:
    """One line, and a status that is not 0."""
    with running(prepare_nats_without_jetstream(tmp_path)) as server:
        command = deployment.launch("send", "digest", "2", NATS_URL=server.url)
        assert command.wait() != 0
    assert "is the service running?" in command.output()
    assert len(command.output().splitlines()) == 1


def test_a_wrong_status_is_refused_before_anything_is_sent(deployment: Deployment) -> None:
    """With the three that there are."""
    command = deployment.launch("send", "alarm", "2", "disk", "FATAL")
    assert command.wait() == 2
    assert "CLEARED" in command.output()
    assert len(command.output().splitlines()) == 1
