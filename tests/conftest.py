"""Real servers for the tests that want them, and a watch on what a test leaves behind."""

from __future__ import annotations

import inspect
import signal
import threading
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import uvloop
from hypothesis import settings

from tests.deployment import Deployment
from tests.forking import fork_server
from tests.servers import Server, nats_server_version, prepare_mongodb, prepare_nats, running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


# How long an example takes says how busy the machine is.
settings.register_profile("beside others", deadline=None)
settings.load_profile("beside others")


def pytest_configure() -> None:
    """Let Ctrl-C reach the programs that tests start, though a shell in the background ignores it.

    What a process ignores, its children ignore as well; a handler of Python's is not inherited.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a test that is a coroutine function on an event loop of its own."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    wanted = inspect.signature(pyfuncitem.obj).parameters
    uvloop.run(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in wanted}))
    return True


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what the NATS server at hand is too old for."""
    version = nats_server_version() if item.get_closest_marker("needs_nats_2_10") else ()
    if version and version < (2, 10):
        pytest.skip(f"nats-server is {'.'.join(map(str, version))}, before 2.10")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin with what takes longest, so that no process is left to work on it alone in the end.

    By now pytest-xdist has named the groups behind the tests' ids. Where it has not, each test runs
    in any process: clusters beside browsers, whatever is costly several times.
    """
    items.sort(key=lambda item: item.get_closest_marker("long") is None)
    if config.getoption("loadgroup", default=False):
        for item in items:
            group = item.get_closest_marker("xdist_group")
            if group is not None and not item.nodeid.endswith(f"@{group.args[0]}"):
                raise pytest.UsageError("pytest-xdist groups nothing with this version of pytest")


@pytest.fixture(scope="session")
def nats(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A NATS server with JetStream; tests keep apart by subjects and streams of their own."""
    with running(prepare_nats(tmp_path_factory.mktemp("nats"))) as server:
        yield server


@pytest.fixture(scope="session")
def mongodb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A MongoDB server; tests keep apart by databases of their own."""
    with running(prepare_mongodb(tmp_path_factory.mktemp("mongodb"))) as server:
        yield server


@pytest.fixture(scope="session")
def nats_url(nats: Server) -> str:
    """Where the NATS server listens."""
    return nats.url


@pytest.fixture(scope="session")
def mongodb_uri(mongodb: Server) -> str:
    """Where the MongoDB server listens."""
    return mongodb.url


@pytest.fixture
def deployment(nats_url: str, mongodb_uri: str, tmp_path: Path) -> Iterator[Deployment]:
    """What a test starts on the session's servers; ended with the test."""
    started = Deployment(nats_url, mongodb_uri, tmp_path)
    yield started
    started.end()


@pytest.fixture(autouse=True)
def _leaves_nothing_behind() -> Iterator[None]:
    """Fail a test that leaves a thread or a child process.

    Servers that tests share are started before: pytest makes what lives longer first.
    """
    with leaving_nothing_behind():
        yield


@contextmanager
def leaving_nothing_behind(shared: Callable[[], set[int]] = set) -> Iterator[None]:
    """Fail a ``with`` block that leaves a thread, or a process that is not ``shared`` then."""
    threads, before = set(threading.enumerate()), children()
    yield
    for thread in set(threading.enumerate()) - threads:
        thread.join(5)
        assert not thread.is_alive(), f"left the thread {thread.name}"
    known = {*before, *shared()}
    left = {pid: name for pid, name in children().items() if pid not in known}
    assert left == {}, f"left the processes {left}"


def children() -> dict[int, str]:
    """Return the names of the processes that tests have started here, by their ids."""
    parents: set[int | str] = {"self"}
    if fork_server.cache_info().currsize:
        parents.add(fork_server().pid)
    found: dict[int, str] = {}
    for listed in chain.from_iterable(Path(f"/proc/{p}/task").glob("*/children") for p in parents):
        # One that another thread waits for may be gone before it is looked at.
        with suppress(FileNotFoundError, ProcessLookupError):
            for pid in map(int, listed.read_text().split()):
                if pid not in parents:
                    found[pid] = Path(f"/proc/{pid}/comm").read_text().strip()
    return found
