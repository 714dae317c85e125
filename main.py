"""The alarm digest service: the composition root, where its parts are made and wired."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import sys
from random import Random
from typing import TYPE_CHECKING, Any

from pykka import ActorRegistry

from actors.errors import StoreUnavailableError
from actors.rules.digest import DigestID
from actors.runtime.loop import LoopDispatcher
from actors.system import Dispatchers, Ports, start_actors
from actors.tally import CoreTally
from bus.bus import NatsBus
from ops.cli.program import run_program
from ops.inquiries.micro import MicroService
from ops.monitoring.monitor import Monitor
from ops.monitoring.tracing import start_tracing
from ops.process.clock import SystemClock
from ops.process.systemd import SystemdNotifier
from ops.users.live import LiveUsers
from ops.web.console.data import open_console_data
from store.users.blocking import BlockingStore
from store.users.mongo import MongoCheckpointStore
from store.users.observed import ObservedCheckpointStore

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pykka import ActorRef

    from actors.messages import Deliveries
    from ops.process.stopping import StopRequest
    from ops.settings import Settings
    from ops.web.console.data import ConsoleData

logger = logging.getLogger("main")

_STORE_RETRY_S = 1.0


class Service:
    """The parts, wired. Runs on the event loop."""

    def __init__(self, settings: Settings, stop: StopRequest) -> None:
        """Prepare all parts; raises ``SettingsError``."""
        self._settings = settings
        self._stop = stop
        self._router: ActorRef[Any]
        self._store = MongoCheckpointStore(settings.store)
        self._spans = start_tracing(settings.tracing)
        self._bus = NatsBus(settings.bus, Random(), self._deliver, stop.escalate, self._spans)
        self._shared = LoopDispatcher(asyncio.get_running_loop())
        self._tally = CoreTally()
        self._observed_store = ObservedCheckpointStore(self._store)
        self._monitor = Monitor(
            settings.http,
            settings.heartbeat_file,
            SystemdNotifier(os.environ, os.getpid()),
            self._tally,
            self._bus,
            self._observed_store,
            settings.bus.max_in_flight,
        )
        self._micro: MicroService | None = None
        self._console_data: ConsoleData | None = None

    async def start(self) -> None:
        """Connect, start the actors, begin to take messages; waits for servers not up yet."""
        await self._monitor.open()
        await self._reach_store()
        await self._bus.open()
        shared, first = self._shared, self._shared.first
        self._router = start_actors(
            Dispatchers(
                shared,
                first,
                saving=shared,
                saving_urgently=first,
                loading=shared,
                scheduler=shared,
                begin=shared.begin,
            ),
            Ports(
                self._observed_store,
                self._bus.crossing,
                self._bus.crossing,
                SystemClock(),
                Random(),
                lambda: DigestID(secrets.token_hex(16)),
                self._tally,
            ),
            self._settings.core,
            self._stop.escalate,
        )
        await self._bus.start()
        self._monitor.watch(self._shared, self._shared)
        self._monitor.serving()
        live, group = LiveUsers(self._router), self._settings.bus.queue_group
        stored = BlockingStore(self._store, asyncio.get_running_loop())
        self._monitor.console.data = self._console_data = open_console_data(
            live, stored, self._settings.store, self._bus.client, self._settings.bus.subjects
        )
        if self._settings.micro.wanted:
            self._micro = MicroService(self._bus.client, group, live, stored)
            await self._micro.start()
        logger.info("service.ready")

    async def run(self) -> bool:
        """Start, serve until a stop is wanted, then stop in order; whether all was finished."""
        started = finished = False
        try:
            started = await self._stop.unless_wanted(self.start())
            if started:
                await self._stop.wait()
                finished = await self._finish()
        finally:
            await self._close()
        return finished or not started

    async def _finish(self) -> bool:
        """Take no more messages, see every one that was taken settled; whether in time."""
        if self._stop.failure is not None:
            return False
        self._monitor.stopping()
        await self._bus.stop_pulling()
        try:
            await asyncio.wait_for(self._bus.drained(), self._settings.shutdown_timeout_s)
        except TimeoutError:
            logger.warning("service.unfinished", extra={"messages": self._bus.in_flight})
            return False
        return True

    async def _close(self) -> None:
        """End the parts, those that feed others first."""
        await self._monitor.close()
        if self._micro is not None:
            await self._micro.close()
        if self._console_data is not None:
            self._console_data.close()
        await self._bus.close()
        ActorRegistry.stop_all(block=False)
        self._shared.run_until_idle()
        await self._shared.abandon()
        await self._store.close()
        self._spans.stop()

    async def _reach_store(self) -> None:
        while True:
            try:
                await self._store.open()
            except StoreUnavailableError as error:
                logger.warning("store.not_ready", extra={"error": str(error)})
                await asyncio.sleep(_STORE_RETRY_S)
            else:
                return

    def _deliver(self, deliveries: Deliveries) -> None:
        self._router.tell(deliveries)


def main(arguments: Sequence[str]) -> int:
    """Run the program; return its exit status."""
    return run_program(arguments, Service)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
