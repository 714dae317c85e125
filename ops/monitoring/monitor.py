"""Monitor: all that watches the service and shows it, in the order it starts and stops."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bus.connection.tasks import LongTasks
from ops.homes.lag import Positions
from ops.monitoring.figures import own_figures
from ops.monitoring.health import Health, Phase
from ops.monitoring.heartbeat import Heartbeat
from ops.monitoring.metrics import Sources, registry_of
from ops.monitoring.pulse import INTERVAL_S, Pulse
from ops.monitoring.samples import Samples
from ops.process.garbage import GarbageSweeps
from ops.web.console.page import Console
from ops.web.exposition import metrics_routes
from ops.web.probes import probe_routes
from ops.web.server import WebServer
from store.users.observed import CHECK_AFTER_S

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors.rules.partitions import InstanceID
    from actors.runtime.pooled import Dispatcher, Scheduler
    from actors.tally import CoreTally, HomeTally
    from bus.bus import NatsBus
    from ops.process.systemd import SystemdNotifier
    from ops.web.settings import HttpSettings
    from store.users.observed import ObservedCheckpointStore

logger = logging.getLogger("ops.monitor")


class Monitor:
    """Runs on the event loop. Reads what the parts have counted; they do not know it."""

    def __init__(
        self,
        http: HttpSettings,
        heartbeat_file: str | None,
        systemd: SystemdNotifier,
        core: CoreTally,
        home: HomeTally,
        bus: NatsBus,
        store: ObservedCheckpointStore,
        max_in_flight: int,
        escalate: Callable[[str], None],
    ) -> None:
        """Prepare; nothing runs yet. ``escalate`` is called when it cannot go on."""
        self._bus = bus
        self._systemd = systemd
        self._pulse = Pulse()

        def on_log() -> bool:
            return bus.log is not None

        self._health = Health(
            self._pulse, bus.status, lambda: bus.tally.settled, store.tally, home, on_log
        )
        positions = Positions(lambda: bus.log)
        sources = Sources(
            core,
            bus.tally,
            bus.status,
            store.tally,
            self._pulse,
            self._health,
            max_in_flight,
            home,
            positions,
            on_log,
        )
        self._sources, self._samples = sources, Samples(sources)
        samples = self._samples
        self.console = Console(http, sources, samples)
        routes = [
            *probe_routes(self._health),
            *metrics_routes(registry_of(sources)),
            *self.console.routes(),
        ]
        self._server = WebServer(http, routes)
        self._store = store
        self._tasks = LongTasks(escalate)
        self._closing = False
        self._pulse.listeners.append(self._health.look_for_progress)
        self._pulse.listeners.append(positions.look)
        self._pulse.listeners.append(core.turns.look)
        self._pulse.listeners.append(systemd.alive)
        self._pulse.listeners.append(samples.take)
        self._pulse.listeners.append(GarbageSweeps(lambda: bus.tally.taken).look)
        if heartbeat_file is not None:
            self._pulse.listeners.append(Heartbeat(Path(heartbeat_file)).beat)

    def own_figures(self, me: InstanceID) -> dict[str, Any]:
        """Return what this instance says of itself among others. On any thread."""
        return own_figures(me, self._sources, self._samples)

    async def open(self) -> None:
        """Answer probes from the very start; raises ``SettingsError`` for a bad address."""
        await self._server.start()

    @property
    def address(self) -> str | None:
        """Where probes, metrics and the console are served; None where they are not."""
        return self._server.address

    def watch(self, dispatcher: Dispatcher, scheduler: Scheduler) -> None:
        """Begin to watch the actors on ``dispatcher``, and the servers."""
        self._tasks.start("pulse", self._pulse.run(dispatcher, scheduler))
        self._tasks.start("look behind", self._look_behind())
        self._tasks.start("store watch", self._watch_store())

    def waits_for_store(self, why: str | None) -> None:
        """Say why the start waits for MongoDB; None once it does not."""
        self._health.store_trouble = why

    def serving(self) -> None:
        """Messages are being taken."""
        self._health.phase = Phase.SERVING
        self._systemd.ready()
        if 0 < self._systemd.watchdog_s < 3 * INTERVAL_S:
            logger.warning(
                "watchdog.too_short",
                extra={"watchdog_s": self._systemd.watchdog_s, "fed_every_s": INTERVAL_S},
            )

    def stopping(self) -> None:
        """The orderly stop has begun."""
        self._health.phase = Phase.STOPPING
        self._systemd.stopping()

    async def close(self) -> None:
        """End, however far it came."""
        self._closing = True
        await self._tasks.close()
        await self._server.stop()

    # Neither goes on for ever: before Python 3.12 a cancellation is lost when the server's answer
    # comes at the same moment, and ``close`` would wait for a task that does not know.

    async def _look_behind(self) -> None:
        while not self._closing:
            await self._bus.look_behind()
            await asyncio.sleep(INTERVAL_S)

    async def _watch_store(self) -> None:
        while not self._closing:
            await asyncio.sleep(CHECK_AFTER_S / 2)
            await self._store.check_if_silent()
