"""Wrong settings end the process with status 2 and one line; secrets stay secret."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING

import pytest

from tests.deployment import Deployment
from tests.servers import prepare_nats, running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SECRET = "hunter2-do-not-tell"

AUTHORIZATION = f'authorization {{ user: alice, password: "{SECRET}" }}\n'


@pytest.fixture
def guarded(tmp_path: Path, mongodb_uri: str) -> Iterator[Deployment]:
    """A deployment on a NATS server that lets in only those who know the password."""
    with running(prepare_nats(tmp_path / "nats", AUTHORIZATION)) as server:
        deployment = Deployment(server.url, mongodb_uri, tmp_path)
        yield deployment
        deployment.end()


def complaints(output: str) -> list[str]:
    """Return the lines that are not the log's, failing for any that is neither."""
    return [line for line in output.splitlines() if not line.startswith('{"event"')]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("NATS_URL", "127.0.0.1:4222"),
        ("NATS_URL", ","),
        ("NATS_URL", f"http://alice:{SECRET}@127.0.0.1:4222"),
        ("MONGODB_URI", f"http://alice:{SECRET}@127.0.0.1"),
        ("MONGODB_URI", f"mongodb://alice:{SECRET}@@127.0.0.1:1:2"),
        ("MONGODB_DATABASE", "a/b"),
        ("DELIVERY", "pigeon"),
        ("QUEUE_GROUP", "a.b"),
        ("ALARM_DIGEST_SUBJECT", "AlarmDigest.*"),
        ("INPUT_STREAM", "no name"),
        ("MAX_IN_FLIGHT", "0"),
        ("MAX_IN_FLIGHT", "many"),
        ("MAX_LIVE_USERS", "0"),
        ("CHECKPOINT_INTERVAL", "0"),
        ("IDLE_TIMEOUT", "-1"),
        ("SHUTDOWN_TIMEOUT", "0"),
        ("CLEARED_RETENTION", "-1"),
        ("EMPTY_DIGESTS", "sometimes"),
        ("INPUT_HISTORY", "-1"),
        ("LEASE", "inf"),
        ("LEASE", "nan"),
        ("SHUTDOWN_TIMEOUT", "1e12"),
        ("DUPLICATE_WINDOW", "inf"),
        ("DUPLICATE_WINDOW", "2"),
        ("DIGEST_MAX_AGE", "1000000000000"),
        ("LOG_LEVEL", "chatty"),
        ("LOG_FORMAT", "xml"),
        ("NATS_CREDENTIALS", "/no/such/file.creds"),
        ("NATS_NKEY_SEED", "/no/such/file.nk"),
        ("NATS_TLS_CA", "/no/such/file.pem"),
        ("NATS_TLS_CERT", "/no/such/file.pem"),
        ("NATS_PASSWORD", SECRET),
    ],
)
def test_a_wrong_setting_ends_with_one_line_that_names_it(
    deployment: Deployment, name: str, value: str
) -> None:
    """Exit status 2: a restart does not cure it."""
    service = deployment.launch(**{name: value})
    assert service.wait() == 2
    (line,) = service.output().splitlines()
    assert line.startswith("main.py: ")
    # Half of a pair is reported under the pair's first name.
    assert name in line or name.lower().replace("_", "-") in line
    assert SECRET not in line


@pytest.mark.parametrize(
    ("arguments", "named"),
    [(["--no-such-flag"], "--no-such-flag"), (["dance"], "dance"), (["--max-in-flight"], "max")],
)
def test_a_wrong_command_line_ends_with_one_line(
    deployment: Deployment, arguments: list[str], named: str
) -> None:
    """Like a wrong setting."""
    service = deployment.launch(*arguments)
    assert service.wait() == 2
    (line,) = service.output().splitlines()
    assert named in line


def test_a_flag_is_above_the_environment(deployment: Deployment) -> None:
    """The variable's value would work, the flag's does not, and the flag's is used."""
    service = deployment.launch("--max-in-flight", "0", MAX_IN_FLIGHT=5)
    assert service.wait() == 2
    assert "MAX_IN_FLIGHT" in service.output()


def test_help_lists_settings_and_defaults_but_no_secret(deployment: Deployment) -> None:
    """Also when secrets are in the environment."""
    uri = f"mongodb://alice:{SECRET}@127.0.0.1"
    service = deployment.launch("--help", NATS_TOKEN=SECRET, MONGODB_URI=uri)
    assert service.wait() == 0
    for expected in ("NATS_URL", "--checkpoint-interval", "default: 50000", "alarm-digester"):
        assert expected in service.output()
    assert SECRET not in service.output()


@pytest.mark.parametrize(
    "settings",
    [
        {"NATS_USER": "alice", "NATS_PASSWORD": f"{SECRET}-not"},
        {"NATS_TOKEN": f"{SECRET}-not"},
        {},
    ],
    ids=["wrong password", "token instead", "none"],
)
def test_credentials_that_nats_refuses_end_with_one_line_and_no_secret(
    guarded: Deployment, settings: dict[str, str]
) -> None:
    """Waiting would not cure it."""
    service = guarded.launch(LOG_LEVEL="debug", **settings)
    assert service.wait() == 2, service.output()
    (line,) = complaints(service.output())
    assert line.startswith("main.py: NATS_URL: ")
    assert SECRET not in service.output()


def test_the_right_password_lets_in_and_is_not_logged(guarded: Deployment) -> None:
    """By setting, or in the URL; the whole log at its most talkative does not hold it."""
    in_url = guarded.nats_url.replace("nats://", f"nats://alice:{SECRET}@")
    for settings in ({"NATS_USER": "alice", "NATS_PASSWORD": SECRET}, {"NATS_URL": in_url}):
        service = guarded.start(LOG_LEVEL="debug", **settings)
        assert service.terminate() == 0
        assert complaints(service.output()) == []
        assert SECRET not in service.output()


def test_credentials_that_mongodb_refuses_end_with_one_line_and_no_secret(
    deployment: Deployment,
) -> None:
    """Likewise."""
    uri = deployment.mongodb_uri.replace("mongodb://", f"mongodb://alice:{SECRET}@")
    service = deployment.launch(LOG_LEVEL="debug", MONGODB_URI=uri)
    assert service.wait() == 2, service.output()
    (line,) = complaints(service.output())
    assert line.startswith("main.py: MONGODB_URI: ")
    assert SECRET not in service.output()


def test_a_misspelt_variable_is_warned_about(deployment: Deployment) -> None:
    """It would be ignored without a word otherwise."""
    service = deployment.start(CHECKPOINT_INTERVALL=3)
    (warning,) = service.events("setting.unknown")
    assert (warning["variable"], warning["meant"]) == (
        "CHECKPOINT_INTERVALL",
        "CHECKPOINT_INTERVAL",
    )


def test_logs_are_json_lines_or_text_as_set(deployment: Deployment) -> None:
    """JSON where nobody looks, text where asked for."""
    service = deployment.start(LOG_FORMAT="auto")
    assert service.terminate() == 0
    assert all("event" in json.loads(line) for line in service.output().splitlines())
    service = deployment.launch(LOG_FORMAT="text")
    service.wait_for_output("service.ready")
    service.signal(signal.SIGINT)
    assert service.wait() == 0
    assert complaints(service.output()) == service.output().splitlines()
