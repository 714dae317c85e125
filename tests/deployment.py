"""One test's deployment: its names on the servers, the processes it starts, its view of both."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from contextlib import contextmanager
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from pymongo import MongoClient

from actors.ports import Checkpoint
from store.settings import StoreSettings
from store.users.blocking import StandaloneStore
from store.users.mongo import COLLECTION
from tests.broker import Names, connected
from tests.forking import fork_server
from tests.patience import PATIENCE_S
from tests.service import ROOT, ServiceProcess, environment

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from pymongo.collection import Collection

    from actors.rules.alarms import UserID
    from tests.broker import Broker
    from tests.forking import Forked


class Ended(NamedTuple):
    """A command that has ended."""

    status: int
    stdout: bytes
    stderr: str

    @property
    def text(self) -> str:
        """What it printed, as text."""
        return self.stdout.decode()

    @property
    def json(self) -> Any:
        """What it printed, as one document of JSON."""
        return json.loads(self.stdout)

    @property
    def json_lines(self) -> list[Any]:
        """What it printed, a document a line."""
        return [json.loads(line) for line in self.stdout.splitlines()]


class Deployment:
    """Starts services that share subjects, streams and a database of their own."""

    def __init__(self, nats_url: str, mongodb_uri: str, folder: Path) -> None:
        """Use these servers; logs go into ``folder``."""
        self.names = Names()
        self.nats_url = nats_url
        self.mongodb_uri = mongodb_uri
        self._folder = folder
        self._root = ROOT
        self.processes: list[ServiceProcess] = []
        """All that it started, those that have ended too."""

    def of(self, root: Path) -> Self:
        """Return the same deployment, as the source tree at ``root`` takes part in it."""
        other = copy.copy(self)
        other._root = root
        return other

    def launch(self, *arguments: str, **settings: object) -> ServiceProcess:
        """Start ``main.py`` with a log of its own; do not wait for it. None unsets a setting."""
        return self._launch(None, arguments, settings)

    def command(self, *arguments: str, **settings: object) -> Ended:
        """Run ``main.py`` to its end, with nothing to read; what became of it."""
        return self.answered("", *arguments, **settings)

    def answered(self, text: str, /, *arguments: str, **settings: object) -> Ended:
        """Run ``main.py`` to its end with ``text`` for an answer to what it asks."""
        with TemporaryFile() as given, TemporaryFile() as said, TemporaryFile() as complained:
            given.write(text.encode())
            given.seek(0)
            command = [str(self._root / "main.py"), *arguments]
            files = (given, said, complained)
            known = environment(self._given(settings))
            process: subprocess.Popen[bytes] | Forked
            if self._root == ROOT:
                process = fork_server().start(command, known, files)
            else:
                whole = [sys.executable, *command]
                process = subprocess.Popen(
                    whole, env=known, stdin=given, stdout=said, stderr=complained
                )
            try:
                status = process.wait(PATIENCE_S)
            finally:
                process.kill()
                process.wait()
            for file in files:
                file.seek(0)
            return Ended(status, said.read(), complained.read().decode())

    def start(self, **settings: object) -> ServiceProcess:
        """Start the service and wait until it takes messages."""
        service = self.launch(**settings)
        service.wait_for("service.ready")
        return service

    def start_module(self, module: str, /, **settings: object) -> ServiceProcess:
        """Start a service that a test has changed, likewise."""
        service = self._launch(module, (), settings)
        service.wait_for("service.ready")
        return service

    def launch_module(self, module: str, /, **settings: object) -> ServiceProcess:
        """Start a service that a test has changed; do not wait for it."""
        return self._launch(module, (), settings)

    def _launch(
        self, module: str | None, arguments: Iterable[str], settings: Mapping[str, object]
    ) -> ServiceProcess:
        log = self._folder / f"main-{len(self.processes)}.log"
        process = ServiceProcess(
            log,
            self._given(settings),
            *arguments,
            module=module,
            forked=self._root == ROOT,
            root=self._root,
        )
        self.processes.append(process)
        return process

    def broker(self) -> AbstractAsyncContextManager[Broker]:
        """Connect the test to the servers."""
        return connected(self.nats_url, self.names, self.mongodb_uri)

    @contextmanager
    def store(self) -> Iterator[StandaloneStore]:
        """Open the service's database."""
        # Without streaming a client has no thread that takes seconds to end.
        uri = f"{self.mongodb_uri}/?serverMonitoringMode=poll"
        store = StandaloneStore(StoreSettings(uri, self.names.database))
        try:
            yield store
        finally:
            store.close()

    @contextmanager
    def collection(self, name: str = COLLECTION) -> Iterator[Collection[dict[str, Any]]]:
        """Open a collection of the service's, by default the users', as anybody may."""
        client: MongoClient[dict[str, Any]] = MongoClient(
            self.mongodb_uri, serverMonitoringMode="poll"
        )
        try:
            yield client[self.names.database][name]
        finally:
            client.close()

    def checkpoints(self, user_ids: Iterable[UserID]) -> dict[UserID, Checkpoint]:
        """Return what is stored of these users; fails where it cannot be read."""
        with self.store() as store:
            found = store.load(list(user_ids))
        readable: dict[UserID, Checkpoint] = {}
        for user_id, checkpoint in found.items():
            assert isinstance(checkpoint, Checkpoint), checkpoint
            readable[user_id] = checkpoint
        return readable

    def _given(self, settings: Mapping[str, object]) -> dict[str, object]:
        merged = {**self.names.settings(self.nats_url, self.mongodb_uri), **settings}
        return {name: value for name, value in merged.items() if value is not None}

    def end(self) -> None:
        """Kill what still runs."""
        for process in self.processes:
            process.kill()
