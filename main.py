"""The alarm digest service: composition root, signals, ordered start and stop."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import os
import secrets
import signal
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import click
import uvloop
from pykka import ActorRegistry

from actors.errors import SettingsError, StoreUnavailableError
from actors.rules.digest import DigestID
from actors.runtime.loop import LoopDispatcher
from actors.settings import CoreSettings, require, setting
from actors.system import Dispatchers, Ports, start_actors
from actors.tally import CoreTally
from bus.bus import NatsBus
from bus.settings import BusSettings
from ops.cli.commands.demo import demo
from ops.cli.commands.doctor import doctor
from ops.cli.commands.letters import dead_letters
from ops.cli.commands.migrate import migrate
from ops.cli.commands.sending import send, watch
from ops.cli.commands.users import user, why
from ops.cli.options import Parsed, command_line, gone, misspelt, run
from ops.cli.terminal import say
from ops.inquiries.micro import MicroService, MicroSettings
from ops.monitoring.monitor import Monitor
from ops.monitoring.tracing import TracingSettings, start_tracing
from ops.process.embedded import EmbeddedServers, EmbeddedSettings
from ops.process.garbage import tune_garbage_collection
from ops.process.logs import LogSettings, set_up_logging
from ops.process.stopping import EXIT_FAILURE, StopRequest
from ops.process.supervisor import Supervisor
from ops.users.live import LiveUsers
from ops.web.desks import Desks, open_desks
from ops.web.settings import HttpSettings
from store.settings import StoreSettings
from store.users.blocking import BlockingStore
from store.users.mongo import MongoCheckpointStore
from store.users.observed import ObservedCheckpointStore

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pykka import ActorRef

    from actors.messages.router import RouteDeliveries

logger = logging.getLogger("main")

EXIT_OK = 0
EXIT_SETTINGS = 2
"""A setting is wrong; a restart does not cure it."""

NEXT_STEPS = """
Try it, in other terminals:

  export NATS_URL={url}
  nats sub AlarmDigest
  nats pub AlarmStatusChanged '{{"UserID": "2", "AlarmID": "{{{{ID}}}}", "Status": "CRITICAL", \
"ChangedAt": "{{{{TimeStamp}}}}"}}'
  nats pub SendAlarmDigest '{{"UserID": "2"}}'

Without nats-cli:

  .venv/bin/python main.py watch
  .venv/bin/python main.py send alarm 2 disk-full CRITICAL
  .venv/bin/python main.py send digest 2

Ctrl-C ends the service and its servers; what they know stays.
"""

SUMMARY = """Collect alarm events from NATS and publish a digest per user when asked to.

Every setting is a flag or an environment variable; the flag wins. Give secrets by environment
variable: flags can be read in the process list. Exit status: 0 after an orderly stop, 1 after a
failure that a restart may cure, 2 for a wrong setting. The commands: 1 if it could not be done,
2 for a wrong setting or command line, 3 if there is no such thing.
"""

COMMANDS = (send, watch, user, why, dead_letters, doctor, migrate, demo)
"""What can be done beside serving."""

_STORE_RETRY_S = 1.0


@dataclass(frozen=True, slots=True)
class Settings:
    """All that can be set."""

    bus: BusSettings = field(default_factory=BusSettings)
    store: StoreSettings = field(default_factory=StoreSettings)
    core: CoreSettings = field(default_factory=CoreSettings)
    shutdown_timeout_s: float = setting(
        "SHUTDOWN_TIMEOUT", 25.0, "seconds an orderly stop may take"
    )
    heartbeat_file: str | None = setting(
        "HEARTBEAT_FILE", None, "file touched every two seconds while the service's loops turn"
    )
    http: HttpSettings = field(default_factory=HttpSettings)
    micro: MicroSettings = field(default_factory=MicroSettings)
    tracing: TracingSettings = field(default_factory=TracingSettings)
    logs: LogSettings = field(default_factory=LogSettings)
    embedded: EmbeddedSettings = field(default_factory=EmbeddedSettings)

    def __post_init__(self) -> None:
        """Raise ``SettingsError`` for a value that cannot work."""
        require(self.shutdown_timeout_s > 0, "SHUTDOWN_TIMEOUT", "must be above 0 seconds")


class SystemClock:
    """The computer's clock."""

    def monotonic_s(self) -> float:
        """See ``Clock``."""
        return time.monotonic()

    def wall_s(self) -> int:
        """See ``Clock``."""
        return int(time.time())


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
            Supervisor(os.environ, os.getpid()),
            self._tally,
            self._bus,
            self._observed_store,
            settings.bus.max_in_flight,
        )
        self._micro: MicroService | None = None
        self._desks: Desks | None = None

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
        self._monitor.console.desks = self._desks = open_desks(
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
        if self._desks is not None:
            self._desks.close()
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

    def _deliver(self, deliveries: RouteDeliveries) -> None:
        self._router.tell(deliveries)


async def serve(settings: Settings, servers: EmbeddedServers) -> int:
    """Run the service until it is to stop; return the exit status."""
    tune_garbage_collection()
    loop = asyncio.get_running_loop()
    stop = StopRequest(loop)
    loop.set_exception_handler(lambda _, context: stop.on_unhandled(context))
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.on_signal, number)
    watch = asyncio.create_task(_watch(servers, stop))
    finished = await Service(settings, stop).run()
    watch.cancel()
    if stop.failure is not None or not finished:
        return EXIT_FAILURE
    logger.info("service.stopped")
    return EXIT_OK


async def _watch(servers: EmbeddedServers, stop: StopRequest) -> None:
    while (name := servers.dead()) is None:  # noqa: ASYNC110  # a process has no event
        await asyncio.sleep(1)
    stop.escalate(f"{name} has ended")


def start_embedded(parsed: Parsed[Settings], servers: EmbeddedServers) -> Settings:
    """Start the servers that are not given; return the settings that use them."""
    settings = parsed.settings
    bus, store, embedded = settings.bus, settings.store, settings.embedded
    if "MONGODB_URI" not in parsed.given:
        uri = servers.start_mongodb(embedded.mongod_binary)
        store = dataclasses.replace(store, uri=uri)
        click.echo(f"MongoDB listens at {uri}")
    if "NATS_URL" not in parsed.given:
        url = servers.start_nats(embedded.nats_server_binary)
        bus = dataclasses.replace(bus, urls=(url,))
        click.echo(f"NATS listens at    {url}")
        click.echo(NEXT_STEPS.format(url=url))
    # Set in this terminal for nats-cli, say, and forgotten.
    for name in sorted(parsed.given & {"MONGODB_URI", "NATS_URL"}):
        click.echo(f"{name} is set: that server is used, none is started")
    if settings.http.wanted and settings.http.port:
        click.echo(f"Console at          http://{settings.http.address}/")
    return dataclasses.replace(settings, bus=bus, store=store)


def run_service(parsed: Parsed[Settings]) -> int:
    """Run the service, with servers of its own if they are wanted; return the exit status."""
    settings = parsed.settings
    set_up_logging(settings.logs)
    for variable, name in misspelt(Settings, os.environ):
        logger.warning("setting.unknown", extra={"variable": variable, "meant": name})
    for name, instead in gone(parsed.given):
        logger.warning("setting.gone", extra={"setting": name, "instead": instead})
    servers = EmbeddedServers(Path(settings.embedded.data_dir))
    try:
        if settings.embedded.wanted:
            settings = start_embedded(parsed, servers)
        return uvloop.run(serve(settings, servers))
    except OSError as error:
        logger.critical("service.failed", extra={"reason": str(error)})
        return EXIT_FAILURE
    finally:
        servers.stop()


def main(arguments: Sequence[str]) -> int:
    """Run the program; return its exit status."""
    program = command_line(Settings, "main.py", SUMMARY, run_service, COMMANDS)
    try:
        return run(program, arguments)
    except SettingsError as error:
        say(f"main.py: {error}")
        return EXIT_SETTINGS


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
