"""The command ``rewind``: sets positions back, so that a part of the log is read again."""

from __future__ import annotations

import asyncio
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from actors.errors import StoreUnavailableError
from bus.streams.api import JetStreamAPI
from bus.wire.instants import parse_instant
from ops.cli.connection import with_client
from ops.cli.deployment import deployment_of
from ops.cli.examples import examples
from ops.cli.failures import CommandError
from ops.cli.log.moments import moment_ns
from ops.cli.remote.belonging import read_figures
from ops.cli.terminal import say
from ops.homes.belonging import MEND, stranger_than
from ops.homes.members import State, in_ranges, members_of
from ops.homes.rewinding import Log, RewindRefusedError, before, rewinding
from ops.homes.watching import NOBODY, watch_until_known
from store.homes.browsing import HomeBrowser
from store.homes.mongo import MongoHomeStore

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from nats.aio.client import Client

    from actors.rules.positions import Place
    from ops.cli.command_line import Parsed
    from ops.homes.rewinding import Rewinding
    from ops.homes.watching import Watched
    from ops.settings import Settings

_STORE_WITHIN_S = 5.0
_ATTEMPTS = 20
"""A partition that moves just now is tried again."""
_HOLE_MAX = 1_000
"""Messages that somebody has deleted one by one, right before where reading is to begin."""


@click.command(
    "rewind",
    epilog=examples(
        "main.py rewind --to 10m",
        "main.py rewind --to 2021-06-07T20:40:15Z --restored",
        "main.py rewind --to 120734 --yes",
    ),
)
@click.option(
    "--to",
    "target",
    required=True,
    metavar="TIME|SEQUENCE",
    help="Where reading goes on: a time (RFC 3339, or 10m ago), or a sequence of the log.",
)
@click.option(
    "--restored",
    is_flag=True,
    help="MongoDB was restored from a backup: refuse while an instance is at work.",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def rewind(parsed: Parsed[Settings], target: str, restored: bool, yes: bool) -> None:
    """Set the positions of all partitions back, so that the log is read again from there.

    Never forward, and not beyond what the log still has; a partition that stands lower stays. That
    is harmless: an event that is applied again changes nothing, and a request that the database
    knows as answered is not answered again. Instances may run, and read again at once; after a
    restore of the database all of them must be stopped, for they hold what the database does not.
    """
    settings = parsed.settings
    figures = read_figures(settings)
    position, log = with_client(
        settings.bus, lambda client: _find(client, settings, target, time.time())
    )
    with HomeBrowser(settings.store) as browser, _worded():
        say("looking who is at work")
        watched = watch_until_known(browser.look, settings.core.lease_s)
    strange = stranger_than(figures, watched.stored.view.instances)
    if strange is not None:
        raise CommandError(f"{strange}; {MEND}")
    at_work = _at_work(watched, settings.core.lease_s)
    if at_work and restored:
        raise CommandError(
            f"{', '.join(at_work)} at work: stop all instances first, they hold what the restored "
            "database does not, and would save it"
        )
    partitions = watched.stored.view.partitions
    stood_on = {one.position.sequence for one in partitions}
    above = [sequence for sequence in stood_on if sequence > position.sequence]
    put_at = with_client(settings.bus, lambda client: _put_at(client, settings, above))
    try:
        planned = rewinding(partitions, position, log, put_at)
    except RewindRefusedError as error:
        raise CommandError(str(error)) from None
    say(f"this changes {deployment_of(settings, log.stream)}")
    _announce(planned, at_work, restored=restored)
    if not yes:
        click.confirm("Set them back?", abort=True, err=True)
    with _worded():
        done = asyncio.run(_carry_out(settings, planned))
    say(f"{done} of {len(planned.partitions)} partitions go back to sequence {position.sequence}")
    if done < len(planned.partitions):
        raise CommandError("the others have moved all the while: run it again")


async def _find(client: Client, settings: Settings, target: str, now_s: float) -> tuple[Place, Log]:
    """Return the position to go back to, and how the log stands."""
    api = JetStreamAPI(client)
    name = await api.stream_of(settings.bus.subjects.alarm_status_changed)
    if name is None:
        raise CommandError("there is no log: no stream captures the input")
    facts = await api.stream(name)
    log = Log(facts.created, facts.state["first_seq"], facts.state["last_seq"], name)
    try:
        sequence = await _sequence(api, name, log, target, now_s)
        before(sequence, 0, log)
        # Reading recognises the log by the message that a position stands on; it must be there.
        for place in range(sequence - 1, max(log.first - 1, sequence - _HOLE_MAX), -1):
            put_at_ns = await _put_at_ns(api, name, place)
            if put_at_ns:
                return before(place + 1, put_at_ns, log), log
        return before(log.first, 0, log), log
    except RewindRefusedError as error:
        raise CommandError(str(error)) from None


async def _sequence(api: JetStreamAPI, stream: str, log: Log, target: str, now_s: float) -> int:
    """Return the sequence that is to be read next; raises ``RewindRefusedError``."""
    if target.isdecimal():
        return int(target)
    since_ns = moment_ns(target, now_s)
    sequence = await api.sequence_since(stream, since_ns)
    if sequence <= log.first > 1 and since_ns < await _put_at_ns(api, stream, log.first):
        raise RewindRefusedError(
            f"the log begins later, at sequence {log.first}; what was before it is gone: "
            f"--to {log.first} reads all that there is"
        )
    return sequence


async def _put_at(client: Client, settings: Settings, sequences: Iterable[int]) -> dict[int, int]:
    """Return when the messages at these sequences were put into the log; one by one."""
    api = JetStreamAPI(client)
    name = await api.stream_of(settings.bus.subjects.alarm_status_changed)
    if name is None:
        return {}
    return {sequence: await _put_at_ns(api, name, sequence) for sequence in sequences}


async def _put_at_ns(api: JetStreamAPI, stream: str, sequence: int) -> int:
    """Return when a message was put into the stream; 0 if it has none there."""
    message = await api.message(stream, sequence)
    return 0 if message is None else parse_instant(message["time"])


def _at_work(watched: Watched, lease_s: float) -> list[str]:
    """Return the names of the instances that give signs of life."""
    found = members_of(watched.stored.view, watched.watch, NOBODY, lease_s, time.time(), {})
    return [one.name for one in found.instances if one.beats and one.state is not State.SILENT]


def _announce(planned: Rewinding, at_work: list[str], *, restored: bool) -> None:
    numbers = in_ranges(partition.number for partition in planned.partitions)
    say(
        f"partitions {numbers} go back to sequence {planned.position.sequence}: up to "
        f"{planned.again} messages of the log are read again"
    )
    say(
        "what they say and is known changes nothing; a request that is known as answered is not "
        "answered again"
    )
    if planned.strangers:
        say(
            f"partitions {in_ranges(planned.strangers)} stay: what their positions stand on is not "
            "in this log; who reads them goes back to what is sure"
        )
    if at_work and not restored:
        say(
            f"{', '.join(at_work)} at work, and will read again at once; was MongoDB restored from "
            "a backup? Then stop all instances first, and give --restored"
        )


async def _carry_out(settings: Settings, planned: Rewinding) -> int:
    """Set the partitions back one by one; return how many were."""
    store = MongoHomeStore(settings.store, _STORE_WITHIN_S)
    wanted = {partition.number: partition for partition in planned.partitions}
    try:
        for _ in range(_ATTEMPTS):
            for partition in list(wanted.values()):
                # One by one: of several at a time one would not know which were.
                if await store.rewind([partition], planned.position):
                    del wanted[partition.number]
            if not wanted:
                break
            looked = await store.look()
            wanted = {number: looked.partitions[number] for number in wanted}
    finally:
        await store.close()
    return len(planned.partitions) - len(wanted)


@contextmanager
def _worded() -> Iterator[None]:
    try:
        yield
    except StoreUnavailableError as error:
        raise CommandError(f"no answer from MongoDB, see MONGODB_URI: {error}") from error
