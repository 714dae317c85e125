"""Servers that tests run against: the session's, and a test's own."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from ops.process.child import ChildProcess
from ops.process.embedded import (
    find_mongod,
    find_nats_server,
    mongodb_server,
    nats_server,
)
from tests.ports import claim_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Server(NamedTuple):
    """A server that a test can reach, and may kill if it is the test's own."""

    child: ChildProcess
    url: str


@cache
def nats_server_version() -> tuple[int, ...]:
    """Return the version of the NATS server under test."""
    command = [find_nats_server(), "--version"]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found = re.search(r"v(\d+)\.(\d+)\.(\d+)", said)
    assert found is not None, said
    return tuple(int(number) for number in found.groups())


@cache
def mongod_version() -> str:
    """Return the version of the MongoDB server under test."""
    command = [find_mongod(), "--version"]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return said.partition("db version v")[2].split()[0]


def prepare_nats(folder: Path, configuration: str = "") -> Server:
    """Prepare a NATS server with JetStream; its port stays over restarts. Not started."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "nats.conf"
    file.write_text(configuration)
    port = claim_port()
    child = nats_server(find_nats_server(), folder, port, file)
    return Server(child, f"nats://127.0.0.1:{port}")


def prepare_nats_without_jetstream(folder: Path) -> Server:
    """Prepare a NATS server that has JetStream off. Not started."""
    return _prepare_listening(folder)


def prepare_nats_tls_first(folder: Path, configuration: str) -> Server:
    """Prepare a NATS server with JetStream that greets nobody in clear text. Not started."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "nats.conf"
    file.write_text(configuration)
    return _prepare_listening(folder, "-js", "-sd", str(folder), "-c", str(file))


def _prepare_listening(folder: Path, *options: str) -> Server:
    port = claim_port()

    def listens() -> bool:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                return True
        except OSError:
            return False

    command = [find_nats_server(), "-a", "127.0.0.1", "-p", str(port), *options]
    child = ChildProcess("nats-server", command, folder / "nats-server.log", port, listens)
    return Server(child, f"nats://127.0.0.1:{port}")


def prepare_mongodb(folder: Path, *options: str) -> Server:
    """Prepare a MongoDB server; its port stays over restarts. Not started."""
    port = claim_port()
    child = mongodb_server(find_mongod(), folder, port, *options)
    return Server(child, f"mongodb://127.0.0.1:{port}")


@contextmanager
def running(server: Server) -> Iterator[Server]:
    """Start a server, and stop it in the end whatever the test did to it meanwhile."""
    server.child.start()
    try:
        yield server
    finally:
        server.child.kill()


@contextmanager
def paused(server: Server) -> Iterator[None]:
    """Have a server stand still: connected, and answering nothing."""
    server.child.signal(signal.SIGSTOP)
    try:
        yield
    finally:
        server.child.signal(signal.SIGCONT)
