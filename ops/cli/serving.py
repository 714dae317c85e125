"""Serving, as the command line begins it: logs, servers of its own, and what is said of them."""

from __future__ import annotations

import dataclasses
import logging
import os
import shlex
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import uvloop

from actors.errors import SettingsError
from ops.cli.options import gone, misspelt
from ops.entry import Terminated
from ops.process.embedded import STOPPED_WITHIN_S as SERVERS_STOPPED_WITHIN_S
from ops.process.embedded import EmbeddedServers, JoinedServers, ServerURLs, free_port
from ops.process.garbage import hold_back_garbage_collection
from ops.process.logs import close_logging, set_up_logging
from ops.process.logs.writer import LogWriter, sink_of
from ops.process.running import run_until_stopped
from ops.process.stopping import EXIT_FAILURE, EXIT_OK, LastResort
from ops.settings import Settings
from ops.web.settings import DEFAULT_ADDRESS, parse_address

if TYPE_CHECKING:
    from collections.abc import Callable

    from ops.cli.command_line import Parsed
    from ops.process.running import Runnable
    from ops.process.stopping import StopRequest
    from ops.web.settings import HttpSettings

    MakeService = Callable[[Settings, StopRequest], Runnable]

logger = logging.getLogger("main")

STOPPED_WITHIN_S = 4.0
"""Behind ``SHUTDOWN_TIMEOUT``: then the process ends, whatever hangs. One more second is for lines
of the log that nobody reads."""
_KILLED_WITHIN_S = 1.0
"""Of that, for servers that have to be killed."""

NEXT_STEPS = """
In other terminals, to reach this service and no other:

{exports}
Try it, with nats-cli:

  nats sub AlarmDigest
  nats pub AlarmStatusChanged '{{"UserID": "2", "AlarmID": "{{{{ID}}}}", "Status": "CRITICAL", \
"ChangedAt": "{{{{TimeStamp}}}}"}}'
  nats pub SendAlarmDigest '{{"UserID": "2"}}'

Or without:

  {program} watch
  {program} send alarm 2 disk-full CRITICAL
  {program} send digest 2
  {program} user show 2

{end}
"""


def serve(parsed: Parsed[Settings], make_service: MakeService) -> int:
    """Run the service, with servers of its own if they are wanted; return the exit status.

    Call on the main thread. Raises ``SettingsError``.
    """
    settings = parsed.settings
    set_up_logging(settings.logs, sys.stderr)
    for variable, name in misspelt(Settings, os.environ):
        logger.warning("setting.unknown", extra={"variable": variable, "meant": name})
    for name, instead in gone(parsed.given):
        logger.warning("setting.gone", extra={"setting": name, "instead": instead})
    last_resort = LastResort()
    own = EmbeddedServers(Path(settings.embedded.data_dir))
    joined = JoinedServers(Path(settings.embedded.data_dir)) if settings.embedded.join else None
    try:
        if joined is not None:
            settings = join_embedded(parsed, joined)
        elif settings.embedded.wanted:
            settings = start_embedded(parsed, own)
        hold_back_garbage_collection()
        running = run_until_stopped(
            lambda stop: make_service(settings, stop),
            joined or own,
            last_resort,
            settings.shutdown_timeout_s + STOPPED_WITHIN_S,
        )
        status = uvloop.run(running)
        last_resort.allow(SERVERS_STOPPED_WITHIN_S, status, "servers of its own")
    except (KeyboardInterrupt, Terminated):
        return EXIT_OK  # before there was anything in its hands
    except OSError as error:
        logger.critical("service.failed", extra={"reason": str(error)})
        return EXIT_FAILURE
    else:
        return status
    finally:
        own.stop(max(0.0, last_resort.left_s(SERVERS_STOPPED_WITHIN_S) - _KILLED_WITHIN_S))
        close_logging()
        last_resort.call_off()


def start_embedded(parsed: Parsed[Settings], servers: EmbeddedServers) -> Settings:
    """Start the servers that are not given; return the settings that use them."""
    settings = parsed.settings
    embedded = settings.embedded
    mongodb, nats = None, None
    if "MONGODB_URI" not in parsed.given:
        mongodb = servers.start_mongodb(embedded.mongod_binary)
        _print(f"MongoDB listens at {mongodb}")
    if "NATS_URL" not in parsed.given:
        nats = servers.start_nats(embedded.nats_server_binary)
        _print(f"NATS listens at    {nats}")
    servers.announce()
    # Set in this terminal for nats-cli, say, and forgotten.
    for name in sorted(parsed.given & {"MONGODB_URI", "NATS_URL"}):
        _print(f"{name} is set: that server is used, none is started")
    return _on(
        parsed,
        ServerURLs(nats, mongodb),
        "Ctrl-C ends the service and its servers; what they know stays.",
    )


def join_embedded(parsed: Parsed[Settings], servers: JoinedServers) -> Settings:
    """Return the settings that use the servers of the process that runs on the same folder.

    Raises ``SettingsError`` where there is none, or where it was given a server that we were not.
    """
    found: dict[str, str | None] = {}
    for name, url in zip(("NATS_URL", "MONGODB_URI"), servers.urls(), strict=True):
        found[name] = None if name in parsed.given else url
        if url is None and name not in parsed.given:
            message = f"{name}: the service that is joined was given one; set the same here"
            raise SettingsError(message)
    _print(f"Joins the service that runs on {parsed.settings.embedded.data_dir}")
    urls = ServerURLs(found["NATS_URL"], found["MONGODB_URI"])
    return _on(parsed, urls, "Ctrl-C ends this instance; the servers are the other one's.")


def _on(parsed: Parsed[Settings], urls: ServerURLs, end: str) -> Settings:
    """Return the settings that use these servers, and what is given; say what can be done next.

    What was given is not shown again: it may hold a password, and whoever gave it knows it.
    """
    settings = parsed.settings
    bus, store, http = settings.bus, settings.store, _console(parsed)
    if urls.nats is not None:
        bus = dataclasses.replace(bus, urls=(urls.nats,))
    if urls.mongodb is not None:
        store = dataclasses.replace(store, uri=urls.mongodb)
    reached = {"NATS_URL": urls.nats, "MONGODB_URI": urls.mongodb}
    exports = "".join(
        f"  # {name} as it is set here\n" if url is None else f"  export {name}={url}\n"
        for name, url in reached.items()
    )
    _print(NEXT_STEPS.format(exports=exports, program=_program(), end=end))
    return dataclasses.replace(settings, bus=bus, store=store, http=http)


def _program() -> str:
    """Return how this program is called by whoever stands in the same folder."""
    called, here = Path(sys.argv[0]).absolute(), Path.cwd()
    if shutil.which(called.name) == str(called):
        return called.name
    words = [called] if os.access(called, os.X_OK) else [Path(sys.executable), called]
    return shlex.join(
        str(word.relative_to(here) if word.is_relative_to(here) else word) for word in words
    )


def _console(parsed: Parsed[Settings]) -> HttpSettings:
    """Say where the console will be; at a free port, where nothing is set and another has ours."""
    http = parsed.settings.http
    usual = parse_address(DEFAULT_ADDRESS)
    assert usual is not None
    if "HTTP_ADDRESS" not in parsed.given:
        http = dataclasses.replace(http, address=f"{usual.host}:{free_port(usual.port)}")
    if http.wanted and http.port:
        _print(f"Console at          http://{http.address}/")
    return http


def _print(text: str) -> None:
    """Print a line on standard output; a service neither waits for its readers nor needs any."""
    lines = LogWriter(sink_of(sys.stdout), str)
    lines.write(f"{text}\n")
    lines.close()
