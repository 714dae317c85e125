"""The stage of one scenario: servers, proxies, instances, and what is noted of them."""

from __future__ import annotations

import shutil
import signal
import statistics
import time
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from actors.ports import CheckpointUpdate
from actors.rules.alarms import Alarm, AlarmID, Severity
from chaos.load.field import Field
from tests.deployment import Deployment
from tests.oracle import Oracle
from tests.servers import prepare_mongodb, prepare_nats

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from actors.rules.alarms import UserID
    from tests.proxy import FaultProxy
    from tests.servers import Server
    from tests.service import ServiceProcess

PROBE_TIMEOUT_S = 60.0
SETTLE_TIMEOUT_S = 180.0
_TOLD = Alarm(Severity.WARNING, 1, Severity.WARNING, 1, news=False, heard_at_s=0)


class Stage:
    """Everything is blocking, and called on the main thread."""

    def __init__(
        self,
        folder: Path,
        settings: dict[str, object],
        *,
        proxied: bool,
        quick: bool,
        rate: float,
        progress: Callable[[str], None],
    ) -> None:
        """Prepare the servers; ``settings`` are the service's."""
        self.random = Random(folder.name)
        self.quick = quick
        nats_url, mongodb_uri = self._prepare_servers(folder)
        self.oracle = Oracle()
        self.deployment = Deployment(nats_url, mongodb_uri, folder)
        self.field = Field(nats_url, mongodb_uri, self.deployment.names, self.oracle, self.random)
        self.instances: list[ServiceProcess] = []
        self.nats_proxy: FaultProxy
        self.mongodb_proxy: FaultProxy
        self.faults = 0
        self.caught_up_s = 0.0
        self.answered_s: list[float] = []
        self.whole_at_s: list[float] = []
        """When the servers of a cluster answered again, by the monotonic clock."""
        self.peak_bytes = 0
        self.problems: list[str] = []
        self._progress = progress
        self._settings = settings
        self._rate = rate
        self._proxied = proxied
        self._folder = folder

    @contextmanager
    def running(self, instances: int) -> Iterator[None]:
        """Start servers, instances and load for the time of a ``with`` block."""
        try:
            self._start_servers()
            self.field.open()
            if self._proxied:
                self._open_proxies()
            for _ in range(instances):
                self.instances.append(self.deployment.start(**self._settings))
            self.resume()
            yield
        finally:
            self.field.close()
            self.deployment.end()
            self._end_servers()

    def times(self, count: int, *, least: int = 1) -> range:
        """Return how often to repeat a fault: a tenth of ``count`` when it must be quick."""
        return range(max(least, count // 10) if self.quick else count)

    def load_for(self, least_s: float, most_s: float = 0.0) -> None:
        """Let the load go on for some time, drawn from the scenario's seed."""
        seconds = self.random.uniform(least_s, max(least_s, most_s))
        give_up_at_s = time.monotonic() + seconds
        while (left_s := give_up_at_s - time.monotonic()) > 0:
            self.report()
            time.sleep(min(left_s, 0.5))

    def report(self) -> None:
        """Show how far it is."""
        self.field.check()
        answered = f", last answer {self.answered_s[-1]:.1f} s" if self.answered_s else ""
        self._progress(
            f"fault {self.faults}, {self.field.messages:,} messages, "
            f"{self.field.reader.count:,} digests{answered}"
        )

    def fault(self) -> None:
        """Count a fault that is about to happen."""
        self.faults += 1
        self.report()

    def cured(self) -> None:
        """Measure how long it takes, from now, until the service answers."""
        self.answered_s.append(self.field.probe(PROBE_TIMEOUT_S))
        self.report()

    def cured_behind_a_backlog(self) -> None:
        """Measure the same where a new request stands behind all those that wait.

        It answers again with the first digest of anyone; the probe shows when it has caught up.
        """
        began_s = time.monotonic()
        self.answered_s.append(self.field.wait_for_digest(PROBE_TIMEOUT_S))
        self.field.probe(PROBE_TIMEOUT_S)
        self.caught_up_s = time.monotonic() - began_s

    def quieten(self) -> None:
        """Publish no more, and wait until everything is done."""
        self.field.end_load()
        self.field.settle(SETTLE_TIMEOUT_S)
        self.field.read_all(SETTLE_TIMEOUT_S)

    def resume(self) -> None:
        """Publish again."""
        self.field.begin_load(self._rate)

    def kill(self, instance: int) -> None:
        """Kill an instance of the service."""
        self.fault()
        self._note_memory(self.instances[instance])
        self.instances[instance].kill()

    def restart(self, instance: int) -> None:
        """Start an instance again, as a supervisor would; it is not waited for."""
        self.instances[instance] = self.deployment.launch(**self._settings)

    def bring_back(self, instance: int) -> None:
        """Start an instance again and wait until it takes messages, beside the other."""
        self.restart(instance)
        self.instances[instance].wait_for("service.ready")

    @contextmanager
    def paused(self, *instances: int) -> Iterator[None]:
        """Have instances of the service stand still."""
        self.fault()
        for instance in instances:
            self.instances[instance].signal(signal.SIGSTOP)
        try:
            yield
        finally:
            for instance in instances:
                self.instances[instance].signal(signal.SIGCONT)

    def terminate(self, instance: int) -> None:
        """Ask an instance to end, and wait until it has; what it held must be finished."""
        service = self.instances[instance]
        self._note_memory(service)
        status = service.terminate()
        if status != 0:
            self.problems.append(f"instance {instance} ended with status {status}")

    def lose_tail(self, seconds: float) -> None:
        """Have NATS lose what its input stream took during the last ``seconds``, and go on.

        As after a power cut of a server that syncs now and then; all else keeps what it has.
        """
        self.fault()
        stream = self._folder / "nats" / "jetstream" / "$G" / "streams"
        stream /= self.deployment.names.input_stream
        copy = self._folder / "stream-before"
        self.nats.child.stop()
        shutil.copytree(stream, copy)
        self.nats.child.start()
        self.cured()
        self.load_for(seconds)
        self.nats.child.kill()
        shutil.rmtree(stream)
        shutil.move(copy, stream)
        self.nats.child.start()

    def store_users(self, users: Iterable[UserID], alarms: int) -> None:
        """Have these stored with so many active alarms each, which they were told of."""
        known = {AlarmID(f"alarm-{number}"): _TOLD for number in range(alarms)}
        with self.deployment.store() as store:
            for user in users:
                store.save([CheckpointUpdate(user, 0, known, None)])

    def answering_s(self) -> tuple[float, float]:
        """Return median and worst of the times until the service answered again."""
        answered = self.answered_s or [0.0]
        return statistics.median(answered), max(answered)

    def _prepare_servers(self, folder: Path) -> tuple[str, str]:
        """Prepare one of each, the scenario's own; return where they will listen."""
        self.nats: Server = prepare_nats(folder / "nats")
        self.mongodb: Server = prepare_mongodb(folder / "mongodb")
        return self.nats.url, self.mongodb.url

    def _start_servers(self) -> None:
        self.nats.child.start()
        self.mongodb.child.start()

    def _end_servers(self) -> None:
        # A paused process does not end by being asked to.
        self.nats.child.kill()
        self.mongodb.child.kill()

    def _open_proxies(self) -> None:
        self.nats_proxy, nats_port = self.field.proxy(_port(self.nats))
        self.mongodb_proxy, mongodb_port = self.field.proxy(_port(self.mongodb))
        self._settings = {
            **self._settings,
            "NATS_URL": f"nats://127.0.0.1:{nats_port}",
            "MONGODB_URI": f"mongodb://127.0.0.1:{mongodb_port}",
        }

    def _note_memory(self, service: ServiceProcess) -> None:
        status = Path(f"/proc/{service.pid}/status")
        if not status.exists():
            return
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                self.peak_bytes = max(self.peak_bytes, int(line.split()[1]) * 1024)


def _port(server: Server) -> int:
    return int(server.url.rpartition(":")[2])
