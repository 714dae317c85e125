"""The alarm digest service: the composition root, where its parts are made and wired."""

from __future__ import annotations

from ops.entry import begin

if __name__ == "__main__":
    begin()

import asyncio
import logging
import os
import secrets
import sys
import time
from functools import partial
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from pykka import ActorRegistry

from actors.errors import StoreUnavailableError
from actors.messages.home import LeaveHomes, LookSoon, PositionsFell, UsersDoubted
from actors.rules.digest import DigestID
from actors.rules.partitions import Instance, InstanceID
from actors.runtime.loop import LoopDispatcher
from actors.runtime.pooled import tell_if_alive
from actors.system import Dispatchers, Homes, Ports, start_actors
from actors.tally import CoreTally, HomeTally
from bus.bus import NatsBus
from ops.cli.program import run_program
from ops.homes.whereabouts import SeenHomes
from ops.inquiries.micro import MicroService
from ops.inquiries.relaying import OtherInstances
from ops.instance import instance_name
from ops.monitoring.monitor import Monitor
from ops.monitoring.tracing import start_tracing
from ops.process.clock import SystemClock
from ops.process.daemons import on_daemon_thread
from ops.process.stopping import close_in_turn, within
from ops.process.systemd import SystemdNotifier
from ops.users.known import KnownUsers
from ops.users.live import LiveUsers
from ops.version import VERSION
from ops.web.console.data import open_console_data
from ops.web.console.members import ConsoleMembers
from store.homes.mongo import MongoHomeStore
from store.users.blocking import BlockingStore
from store.users.document import SCHEMA
from store.users.mongo import MongoCheckpointStore
from store.users.observed import ObservedCheckpointStore

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from pykka import ActorRef

    from actors.messages.router import RouteDeliveries
    from actors.ports import LogReading
    from actors.rules.positions import Place
    from ops.process.stopping import StopRequest
    from ops.settings import Settings
    from ops.web.console.data import ConsoleData

logger = logging.getLogger("main")

_STORE_RETRY_S = 1.0
_USERS_SHARE = 0.8
"""Of the time for a stop, for what users are still to be told; the rest is for freeing them."""
_CLOSING_S = 3.0
"""Behind the time for a stop, for all parts to close."""


class Service:
    """The parts, wired. Runs on the event loop."""

    def __init__(self, settings: Settings, stop: StopRequest) -> None:
        """Prepare all parts; raises ``SettingsError``."""
        self._settings = settings
        self._stop = stop
        self._router: ActorRef[Any]
        self._home: ActorRef[Any] | None = None
        self._me = InstanceID(secrets.token_hex(8))
        self._tally = CoreTally()
        turns = self._tally.turns
        self._store = MongoCheckpointStore(settings.store, fence_fell=self._on_doubt, turns=turns)
        self._homes = MongoHomeStore(settings.store, settings.core.lease_s)
        self._spans = start_tracing(settings.tracing)
        self._bus = NatsBus(
            settings.bus, Random(), self._deliver, self._on_fall, stop.escalate, self._spans
        )
        self._dispatcher = LoopDispatcher(asyncio.get_running_loop(), turns=turns)
        self._home_tally = HomeTally()
        self._observed_store = ObservedCheckpointStore(self._store)
        self._monitor = Monitor(
            settings.http,
            settings.heartbeat_file,
            SystemdNotifier(os.environ, os.getpid()),
            self._tally,
            self._home_tally,
            self._bus,
            self._observed_store,
            settings.bus.max_in_flight,
            stop.escalate,
        )
        self._micro: MicroService | None = None
        self._console_data: ConsoleData | None = None

    async def start(self) -> None:
        """Connect, start the actors, begin to take messages; waits for servers not up yet."""
        await self._monitor.open()
        await self._reach(self._store.open)
        await self._bus.open()
        on = self._dispatcher
        self._router, self._home = start_actors(
            Dispatchers(on, on.first, scheduler=on, begin=on.begin),
            Ports(
                self._observed_store,
                self._bus,
                self._bus,
                SystemClock(),
                Random(),
                lambda: DigestID(secrets.token_hex(16)),
                self._tally,
                self._home_tally,
            ),
            self._settings.core,
            self._stop.escalate,
            None if self._bus.log is None else await self._join(self._bus.log),
        )
        await self._bus.start()
        self._monitor.watch(on, on)
        self._monitor.serving()
        await self._answer_people()
        logger.info("service.ready")

    async def _answer_people(self) -> None:
        loop, client, bus = asyncio.get_running_loop(), self._bus.client, self._settings.bus
        known = KnownUsers(
            LiveUsers(self._router),
            BlockingStore(self._store, loop),
            instance_name(),
            None if self._home is None else SeenHomes(self._me, lambda: self._home_tally.view),
            OtherInstances(client, bus.queue_group, loop),
        )
        figures = partial(self._monitor.own_figures, self._me)
        lease_s, tally = self._settings.core.lease_s, self._home_tally
        members = ConsoleMembers(client, bus.queue_group, self._me, lease_s, tally, figures)
        self._monitor.console.data = self._console_data = open_console_data(
            known, self._settings.store, client, bus.subjects, members
        )
        if self._settings.micro.wanted:
            self._micro = MicroService(client, bus.queue_group, self._me, known, figures)
            await self._micro.start()

    async def _join(self, log: LogReading) -> Homes:
        """Be one of the instances that share the log."""
        await self._reach(self._homes.open)
        me = Instance(
            instance_id=self._me,
            name=instance_name(),
            beat=0,
            leaving=False,
            reading=True,
            schema=SCHEMA,
            address=self._monitor.address,
            version=VERSION,
            started_at_s=int(time.time()),
        )
        nudging = await self._bus.join(self._homes, me.instance_id, self._on_nudge)
        return Homes(me, self._homes, log, nudging)

    async def _reach(self, open_store: Callable[[], Awaitable[None]]) -> None:
        """Open a store; waits for a server that is not up yet. Raises ``SettingsError``."""
        while True:
            try:
                await open_store()
            except StoreUnavailableError as error:
                logger.warning("store.not_ready", extra={"error": str(error)})
                self._monitor.waits_for_store(str(error))
                await asyncio.sleep(_STORE_RETRY_S)
            else:
                self._monitor.waits_for_store(None)
                return

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
        leaving = asyncio.ensure_future(self._leave())
        if not await within(self._settings.shutdown_timeout_s, leaving):
            unfinished = self._bus.in_flight
        elif not (unfinished := leaving.result()):
            return True
        about = {
            "messages": unfinished,
            "untaken": self._bus.untaken,
            "partitions": self._home_tally.partitions,
        }
        logger.warning("service.unfinished", extra=about)
        return False

    async def _leave(self) -> int:
        """Have what is at home here saved, told and freed; on core NATS, what was taken settled.

        Returns how many messages were not finished in time.
        """
        unfinished = 0
        if self._home is not None:
            left: asyncio.Future[int] = asyncio.get_running_loop().create_future()
            patience_s = self._settings.shutdown_timeout_s * _USERS_SHARE
            self._home.tell(LeaveHomes(left.set_result, patience_s))
            unfinished = await left
            await self._bus.stop_pulling()
        else:
            await self._bus.stop_pulling()
            await self._bus.drained()
        return unfinished

    async def _close(self) -> None:
        """End the parts, those that feed others first; whatever hangs is left."""

        async def end_actors() -> None:
            ActorRegistry.stop_all(block=False)
            self._dispatcher.run_until_idle()
            await self._dispatcher.abandon()

        parts: dict[str, Callable[[], Awaitable[object]]] = {"monitor": self._monitor.close}
        if self._micro is not None:
            parts["micro"] = self._micro.close
        if (data := self._console_data) is not None:
            parts["console"] = lambda: on_daemon_thread(data.close, "console")
        parts |= {
            "bus": self._bus.close,
            "actors": end_actors,
            "homes": self._homes.close,
            "store": self._store.close,
            "tracing": lambda: on_daemon_thread(self._spans.stop, "tracing"),
        }
        await close_in_turn(parts, _CLOSING_S)

    def _deliver(self, deliveries: RouteDeliveries) -> None:
        self._router.tell(deliveries)

    def _on_fall(self, positions: Mapping[int, Place]) -> None:
        if self._home is not None:
            tell_if_alive(self._home, PositionsFell(positions))

    def _on_doubt(self) -> None:
        if self._home is not None:
            tell_if_alive(self._home, UsersDoubted())

    def _on_nudge(self) -> None:
        if self._home is not None:
            tell_if_alive(self._home, LookSoon())


def main(arguments: Sequence[str], name: str = "main.py") -> int:
    """Run the program, which was called by ``name``; return its exit status."""
    return run_program(arguments, Service, name)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], Path(sys.argv[0]).name))
