"""The command ``history``: what the log has of a user, and what became of it."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

import click
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from actors.errors import StoreUnavailableError
from actors.ports import NEVER_SAVED, Checkpoint
from actors.rules.alarms import AlarmID, UserID
from bus.streams.api import JetStreamAPI
from bus.streams.scanning import scan
from ops.cli.connection import with_client
from ops.cli.examples import examples
from ops.cli.failures import CommandError, NotFoundError
from ops.cli.log.moments import moment_ns
from ops.cli.remote.belonging import say_if_strangers
from ops.cli.terminal import console, json_option, print_json, print_table, say
from ops.users.history import History, Outcome, Seen
from store.users.blocking import StandaloneStore

if TYPE_CHECKING:
    from nats.aio.client import Client

    from actors.rules.digest import Cursor
    from ops.cli.command_line import Parsed
    from ops.settings import Settings
    from ops.users.history import Entry

_SHOWN_EVERY = 1_000


@click.command(
    "history",
    epilog=examples(
        "main.py history 2",
        "main.py history 2 --alarm disk-full --since 10m",
        "main.py history 2 --json | jq 'select(.news)'",
    ),
)
@click.argument("user_id", metavar="USER")
@click.option("--alarm", metavar="ALARM", help="Only this alarm, and the requests that told it.")
@click.option("--since", metavar="TIME", help="Show from here: RFC 3339, or 10m ago.")
@json_option
@click.pass_obj
def history(
    parsed: Parsed[Settings], user_id: str, alarm: str | None, since: str | None, as_json: bool
) -> None:
    """Show each event and request of USER that the log has, and what became of it by the rules.

    The log is read from its beginning, and the rules are applied to it anew; what stood before it,
    INPUT_HISTORY ago and more, is not known here: an event may be called newer that was not. With
    --json one message a line. Exit status 3 if the log has nothing of such a user.
    """
    settings = parsed.settings
    since_ns = 0 if since is None else moment_ns(since, time.time())
    found = History(
        UserID(user_id),
        settings.bus.subjects,
        settings.bus.max_body_bytes,
        _cursor(settings, UserID(user_id)),
        only=None if alarm is None else AlarmID(alarm),
        since_ns=since_ns,
        skip_empty=settings.core.skip_empty_digests,
    )
    first = with_client(settings.bus, lambda client: _read(client, settings, found))
    entries = found.entries()
    if as_json:
        for entry in entries:
            print_json(entry.to_fields())
    elif entries:
        print_table(
            ("SEQUENCE", "TIME", "WHAT", "ALARM", "CHANGED AT", "BECAME"), map(row, entries)
        )
    if found.left_out:
        say(f"{found.left_out} before them are left out; see --since and --alarm")
    if first > 1:
        say(f"the log begins at sequence {first}; what was before it is not known here")
    say_if_strangers(settings)
    if not entries:
        raise NotFoundError(f"the log has nothing of a user {user_id!r} there")


def _cursor(settings: Settings, user_id: UserID) -> Cursor:
    """Return what the checkpoint says of digests: their number, and the last request answered."""
    store = StandaloneStore(settings.store)
    try:
        checkpoint = store.load([user_id]).get(user_id, NEVER_SAVED)
    except StoreUnavailableError as error:
        raise CommandError(f"no answer from MongoDB, see MONGODB_URI: {error}") from error
    finally:
        store.close()
    if not isinstance(checkpoint, Checkpoint):
        raise CommandError(f"{user_id}: {checkpoint.reason}")
    return checkpoint.cursor


async def _read(client: Client, settings: Settings, found: History) -> int:
    """Take in the whole log as it is now; return its first sequence."""
    api = JetStreamAPI(client)
    name = await api.stream_of(settings.bus.subjects.alarm_status_changed)
    if name is None:
        raise CommandError("there is no log: no stream captures the input")
    state = (await api.stream(name)).state
    first, last = state["first_seq"], state["last_seq"]
    columns = (TextColumn("reading the log"), BarColumn(), TimeRemainingColumn())
    shown = console(sys.stderr)
    with Progress(*columns, console=shown, transient=True, disable=not shown.is_terminal) as bar:
        task = bar.add_task("", total=max(0, last - first + 1))
        async for message in scan(client, name, first, last):
            found.take(Seen(*message))
            if message.sequence % _SHOWN_EVERY == 0:
                bar.update(task, completed=message.sequence - first + 1)
    return int(first)


def row(entry: Entry) -> tuple[object, ...]:
    """Return what the table says of a message."""
    what = "request" if entry.status is None else entry.status
    return (entry.sequence, entry.time, what, entry.alarm_id, entry.changed_at, became(entry))


def became(entry: Entry) -> str:
    """Return in words what became of a message."""
    if entry.outcome is Outcome.REJECTED:
        return f"{entry.outcome}: {entry.reason}"
    if entry.digest is not None:
        return f"digest {entry.digest} with {entry.alarms} alarms"
    words: list[str] = [entry.outcome]
    if entry.news:
        words.append("news")
    if entry.told_by is not None:
        words.append(f"told by digest {entry.told_by}")
    return ", ".join(words)
