"""The command that brings a deployment of the earlier version here: ``migrate``."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import click

from actors.errors import StoreUnavailableError
from bus.errors import MigrationRefusedError
from bus.migration.migration import Migrated, Migration
from ops.cli.connection import with_client
from ops.cli.deployment import deployment_of
from ops.cli.examples import examples
from ops.cli.failures import CommandError
from ops.cli.terminal import json_option, print_json, say
from store.homes.mongo import MongoHomeStore

if TYPE_CHECKING:
    from nats.aio.client import Client

    from actors.rules.partitions import HomesView
    from ops.cli.command_line import Parsed
    from ops.settings import Settings


_STORE_WITHIN_S = 5.0
_TOLD_EVERY = 10_000
"""Messages moved, between two lines that say so."""


@click.command(
    "migrate",
    epilog=examples(
        "main.py migrate",
        "main.py migrate --into ALARM_LOG",
        "main.py migrate --json | jq .stream",
    ),
)
@click.option("--into", metavar="STREAM", help="Name of the new stream; the old one's with _LOG.")
@click.option(
    "--producers-stopped",
    is_flag=True,
    help="Nobody publishes meanwhile: what a NATS server before 2.10 needs, to keep the order.",
)
@json_option
@click.pass_obj
def migrate(
    parsed: Parsed[Settings], into: str | None, producers_stopped: bool, as_json: bool
) -> None:
    """Make a log of the input stream of the earlier version; all instances must be stopped.

    What is unread in a work queue is moved into a new stream, in order and once. On a stream with
    limits retention of your own, reading goes on where the durable consumer has come to. The
    consumer is removed. Killed anywhere, it goes on when it is run again; where there is nothing
    to do it does nothing. There is no way back.
    """
    settings = parsed.settings

    async def work(client: Client) -> Migrated:
        store = MongoHomeStore(settings.store, _STORE_WITHIN_S)
        try:
            await store.open()
            migration = Migration(client, settings.bus, store, _Progress().tell)
            if await migration.wanted():
                say(f"this changes {deployment_of(settings, None)}")
                await _refuse_at_work(store, settings.core.lease_s)
            return await migration.run(into, producers_stopped=producers_stopped)
        except MigrationRefusedError as error:
            raise CommandError(str(error)) from None
        except StoreUnavailableError as error:
            raise CommandError(f"no answer from MongoDB, see MONGODB_URI: {error}") from error
        finally:
            await store.close()

    migrated = with_client(settings.bus, work)
    if as_json:
        print_json(to_fields(migrated))
    for line in to_lines(migrated, settings.bus.streams.input_stream):
        say(line)


async def _refuse_at_work(store: MongoHomeStore, lease_s: float) -> None:
    before = await store.look()
    if not before.instances:
        return
    say(f"instances have been here: watching for {lease_s:g} s whether they still are")
    await asyncio.sleep(lease_s)
    names = still_at_work(before, await store.look())
    if names:
        raise CommandError(f"{', '.join(names)} at work; stop all instances of the service first")


def still_at_work(before: HomesView, after: HomesView) -> list[str]:
    """Return the names of instances that have given a sign of life between two looks."""
    beats = {one.instance_id: one.beat for one in before.instances}
    return sorted(one.name for one in after.instances if beats.get(one.instance_id) != one.beat)


class _Progress:
    """Says now and then how far the moving has come."""

    def __init__(self) -> None:
        self._told = 0

    def tell(self, moved: int, total: int) -> None:
        if moved - self._told >= _TOLD_EVERY:
            self._told = moved
            say(f"{moved} of {total} messages are moved")


def to_fields(migrated: Migrated) -> dict[str, Any]:
    """Return what a machine reads of it."""
    position = migrated.position
    return {
        "stream": migrated.stream,
        "moved": migrated.moved,
        "left": migrated.left,
        "foreign": migrated.foreign,
        "uncaptured_s": migrated.uncaptured_s,
        "position": None if position is None else position.sequence,
    }


def to_lines(migrated: Migrated, configured: str) -> list[str]:
    """Return what an operator reads of it; ``configured`` is what INPUT_STREAM says."""
    stream = migrated.stream
    if stream is None:
        return ["nothing to migrate: no stream captures the input, the service creates it"]
    lines: list[str] = []
    if migrated.left is not None:
        lines.append(f"{migrated.moved} messages moved from {migrated.left} to {stream}")
        if migrated.foreign:
            lines.append(
                f"{migrated.left} stays: {migrated.foreign} messages in it are not the service's"
            )
        else:
            lines.append(f"{migrated.left} and its consumer are deleted")
    elif migrated.position is not None:
        lines.append(
            f"{stream} is read on from sequence {migrated.position.sequence + 1}; the consumer of "
            "the earlier version is deleted"
        )
    elif not migrated.moved:
        lines.append(f"nothing to migrate: {stream} is read as a log")
    if migrated.uncaptured_s is not None:
        lines.append(
            f"for {migrated.uncaptured_s * 1000:.0f} ms no stream captured the input: what was "
            "published then without waiting for an acknowledgement is lost"
        )
    if migrated.left is not None and stream != configured:
        lines.append(
            f"set INPUT_STREAM to {stream} from now on, and name it in lists of permissions"
        )
    return lines
