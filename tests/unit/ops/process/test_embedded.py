"""Servers of its own: which program is run, on which port, and whose the data are."""

from __future__ import annotations

import socket
import stat
from typing import TYPE_CHECKING

import pytest

from actors.errors import SettingsError
from ops.process.embedded import (
    LOOPBACK,
    EmbeddedServers,
    JoinedServers,
    ServerURLs,
    find_mongod,
    find_nats_server,
    free_port,
    mongodb_server,
    nats_server,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def test_a_preferred_port_is_taken_unless_somebody_listens_there() -> None:
    """Then it is any that nothing uses."""
    with socket.socket() as other:
        other.bind((LOOPBACK, 0))
        other.listen()
        taken = other.getsockname()[1]
        assert free_port(taken) not in {taken, 0}
    assert free_port(taken) == taken


@pytest.mark.parametrize(
    ("find", "program", "name"),
    [
        (find_nats_server, "nats-server", "NATS_SERVER_BINARY"),
        (find_mongod, "mongod", "MONGOD_BINARY"),
    ],
)
def test_the_named_program_comes_first_then_that_on_the_path(
    find: Callable[[str | None], str],
    program: str,
    name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One that is named and not there is an error, and not passed over."""
    named, on_path = tmp_path / "named", tmp_path / program
    for file in (named, on_path):
        file.touch()
        file.chmod(stat.S_IRWXU)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find(str(named)) == str(named)
    assert find(None) == str(on_path)
    with pytest.raises(SettingsError, match=f"^{name}: there is no file /absent"):
        find("/absent")


def test_servers_listen_on_loopback_only_and_keep_their_data_apart(tmp_path: Path) -> None:
    """Nobody else is to reach servers without passwords."""
    configuration = tmp_path / "nats.conf"
    nats = nats_server("n", tmp_path / "nats", 1, configuration)._command
    mongod = mongodb_server("m", tmp_path / "mongodb", 2, "--auth")._command
    assert nats[nats.index("-a") + 1] == LOOPBACK
    assert nats[-2:] == ["-c", str(configuration)]
    assert f"--bind_ip={LOOPBACK}" in mongod
    assert mongod[-1] == "--auth"
    assert str(tmp_path / "nats") in nats
    assert f"--dbpath={tmp_path / 'mongodb'}" in mongod


def test_a_data_directory_is_one_process_at_a_time(tmp_path: Path) -> None:
    """Two servers on the same files would destroy them; the mend is said."""
    first, second = EmbeddedServers(tmp_path), EmbeddedServers(tmp_path)
    first._lock_data_dir()
    with pytest.raises(SettingsError, match=r"^--data-dir: .*in use.*JOIN=1.*choose another"):
        second._lock_data_dir()
    second.stop()
    first.stop()
    third = EmbeddedServers(tmp_path)
    third._lock_data_dir()
    third.stop()


def test_a_data_directory_that_cannot_be_made_is_a_wrong_setting(tmp_path: Path) -> None:
    """Not a failure that a restart cures."""
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match=r"^--data-dir: .*cannot be used"):
        EmbeddedServers(tmp_path / "file")._lock_data_dir()


def test_none_is_dead_where_none_was_started(tmp_path: Path) -> None:
    """As without ``--embedded``."""
    servers = EmbeddedServers(tmp_path)
    assert servers.dead() is None
    servers.stop()


def test_servers_can_be_joined_while_their_process_runs(tmp_path: Path) -> None:
    """It says where they listen once all are started; afterwards nothing is left to join."""
    first, joined = EmbeddedServers(tmp_path), JoinedServers(tmp_path)
    with pytest.raises(SettingsError, match=r"^--embedded-join: .*`make run`"):
        joined.urls()
    first._lock_data_dir()
    assert joined.dead() is None
    with pytest.raises(SettingsError, match=r"^--embedded-join: "):
        joined.urls(timeout_s=0.0)
    first._urls = ServerURLs("nats://127.0.0.1:2")
    first.announce()
    assert joined.urls() == ServerURLs("nats://127.0.0.1:2", None)
    first.stop()
    assert joined.dead() == f"the service with the servers on {tmp_path}"
    with pytest.raises(SettingsError, match=r"^--embedded-join: "):
        joined.urls()


def test_what_a_killed_process_said_of_its_servers_is_forgotten(tmp_path: Path) -> None:
    """Its servers died with it; who joins the next one waits for that one's."""
    killed = EmbeddedServers(tmp_path)
    killed._lock_data_dir()
    killed._urls = ServerURLs("nats://127.0.0.1:2")
    killed.announce()
    assert killed._lock is not None
    killed._lock.close()  # as its end does
    second = EmbeddedServers(tmp_path)
    second._lock_data_dir()
    with pytest.raises(SettingsError, match=r"^--embedded-join: "):
        JoinedServers(tmp_path).urls(timeout_s=0.0)
    second.stop()
