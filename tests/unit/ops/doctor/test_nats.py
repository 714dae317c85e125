"""What is said of a NATS server, by what it says of itself and of us."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import pytest

from bus.settings import BusSettings
from ops.doctor import nats as nats_module
from ops.doctor.findings import Level
from ops.doctor.jetstream import Sync
from ops.doctor.nats import _clock, _on_permissions, on_what_is_wrong, read_sync

if TYPE_CHECKING:
    from collections.abc import Mapping

SETTINGS = BusSettings()
INBOX = f"{SETTINGS.inbox_prefix}.>"


def user(time: str | None = None, permissions: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return what the server says of us, asked at 100 s and answered at 102 s."""
    return {
        "server": {"time": time},
        "data": {"permissions": permissions},
        "asked_s": 100.0,
        "answered_s": 102.0,
    }


@pytest.mark.parametrize(
    ("time", "level"),
    [
        ("1970-01-01T00:01:41.000000001Z", Level.OK),
        ("1970-01-01T00:01:43Z", Level.OK),
        ("1970-01-01T00:01:43.5Z", Level.NOTE),
        ("1970-01-01T00:01:30.123456789Z", Level.NOTE),
        (None, Level.NOTE),
    ],
)
def test_a_clock_that_is_off_by_more_than_can_be_known_is_noted(
    time: str | None, level: Level
) -> None:
    """It was read at some moment between question and answer."""
    (finding,) = _clock(user(time))
    assert finding.level is level


def test_a_server_that_says_nothing_of_us_is_noted() -> None:
    """One before 2.10 does not."""
    assert [finding.level for finding in _clock(None)] == [Level.NOTE]
    assert [finding.level for finding in _on_permissions(None, SETTINGS, "INPUT")] == [Level.NOTE]


def test_what_an_instance_complains_of_is_said() -> None:
    """But not that it comes, goes or waits its turn."""
    wrong = {"b": {"reading": "no messages are read", "phase": "starting"}, "a": {"beats": "late"}}
    (finding,) = on_what_is_wrong(wrong)
    assert (finding.level, finding.about) == (Level.RISK, "instance b")
    assert finding.says == "is not ready: reading: no messages are read"


def test_what_we_may_not_do_is_named_with_the_mend() -> None:
    """Each by what it is for."""
    allowed = user(permissions={"publish": {"allow": [">"]}})
    (finding,) = _on_permissions(allowed, SETTINGS, "INPUT")
    assert finding.level is Level.OK
    denied = user(permissions={"subscribe": {"allow": ["x"]}, "publish": {"deny": ["AlarmDigest"]}})
    found = list(_on_permissions(denied, SETTINGS, "INPUT"))
    assert {(one.level, one.says, one.mend) for one in found} == {
        (Level.RISK, "no permission to hear answers", f"allow this user to subscribe {INBOX}"),
        (
            Level.RISK,
            "no permission to publish digests",
            "allow this user to publish AlarmDigest",
        ),
        (
            Level.RISK,
            "no permission to hear of changes at once",
            "allow this user to subscribe alarm-digester.nudge",
        ),
    }


@pytest.mark.parametrize(
    ("config", "sync"),
    [
        ({"sync_always": True, "sync_interval": 1}, Sync.ALWAYS),
        ({"sync_interval": 120}, Sync.LATER),
        ({}, Sync.UNKNOWN),
    ],
)
def test_the_monitoring_port_says_when_the_disk_is_written(
    config: dict[str, Any], sync: Sync, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Old servers do not tell."""
    asked: list[str] = []

    def answer(url: str, timeout: float) -> io.BytesIO:
        del timeout
        asked.append(url)
        return io.BytesIO(json.dumps({"jetstream": {"config": config}}).encode())

    monkeypatch.setattr(nats_module, "urlopen", answer)
    assert read_sync("http://127.0.0.1:8222/") is sync
    assert asked == ["http://127.0.0.1:8222/varz"]


@pytest.mark.parametrize("url", ["file:///etc/passwd", "127.0.0.1:8222", ""])
def test_nothing_but_http_is_asked(url: str) -> None:
    """An operator's slip must not read files."""
    with pytest.raises(ValueError, match="not an http"):
        read_sync(url)
