"""Real servers for the tests that want them, and a watch on what a test leaves behind."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ops.embedded import find_mongod, find_nats_server, free_port, mongodb_server, nats_server
from tests.servers import Server

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def nats(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A NATS server with JetStream; tests keep apart by subjects and streams of their own."""
    port = free_port()
    child = nats_server(find_nats_server(), tmp_path_factory.mktemp("nats"), port)
    child.start()
    yield Server(child, f"nats://127.0.0.1:{port}")
    child.stop()


@pytest.fixture(scope="session")
def mongodb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A MongoDB server; tests keep apart by databases of their own."""
    port = free_port()
    child = mongodb_server(find_mongod(), tmp_path_factory.mktemp("mongodb"), port)
    child.start()
    yield Server(child, f"mongodb://127.0.0.1:{port}")
    child.stop()


@pytest.fixture(scope="session")
def nats_url(nats: Server) -> str:
    """Where the NATS server listens."""
    return nats.url


@pytest.fixture(scope="session")
def mongodb_uri(mongodb: Server) -> str:
    """Where the MongoDB server listens."""
    return mongodb.url


@pytest.fixture(autouse=True)
def _leaves_nothing_behind() -> Iterator[None]:
    """Fail a test that leaves a thread or a child process."""
    threads, children = set(threading.enumerate()), _children()
    yield
    for thread in set(threading.enumerate()) - threads:
        thread.join(5)
        assert not thread.is_alive(), f"left the thread {thread.name}"
    left = {pid: name for pid, name in _children().items() if pid not in children}
    # A server that the session's fixtures started meanwhile stays for the next test.
    servers = {pid: name for pid, name in left.items() if name in ("nats-server", "mongod")}
    assert left == servers, f"left the processes {left}"


def _children() -> dict[int, str]:
    listed = Path(f"/proc/self/task/{os.getpid()}/children")
    pids = [int(pid) for pid in listed.read_text().split()] if listed.exists() else []
    return {pid: Path(f"/proc/{pid}/comm").read_text().strip() for pid in pids}
