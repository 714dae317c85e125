"""Commands for trying the service by hand where nats-cli is not at hand."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

import click

from actors.rules.alarms import Severity
from ops.cli.connection import with_client
from ops.cli.examples import examples
from ops.cli.remote.digests import request_digest
from ops.cli.terminal import print_line, say
from ops.process.daemons import on_daemon_thread
from ops.publication import publish_proved
from ops.safe_text import safe_json, safe_text

if TYPE_CHECKING:
    from nats.aio.client import Client

    from bus.settings import BusSettings
    from ops.cli.command_line import Parsed
    from ops.settings import Settings


_ON_ONE_LINE = dict.fromkeys(map(ord, "\t\n\r"), " ")
_GAPS = {
    "nats.disconnected": "the connection is lost: what is published until it is back is not shown",
    "message.dropped": "digests come faster than they are read here: some are not shown",
}
"""What the connection may log, and what that means for whoever watches."""


@click.command(
    "watch",
    epilog=examples(
        "main.py watch",
        "main.py watch | jq -r '.UserID'",
    ),
)
@click.pass_obj
def watch(parsed: Parsed[Settings]) -> None:
    """Print every digest as it is published, one a line, until interrupted."""

    async def follow(client: Client) -> None:
        digests = await client.subscribe(parsed.settings.bus.subjects.alarm_digest)
        await client.flush()
        say("watching for digests, Ctrl-C ends")
        async for msg in digests.messages:
            # Whoever reads this may pause, and the server's pings are to be answered meanwhile.
            await on_daemon_thread(partial(print_line, printable(msg.data)), "output")

    with suppress(KeyboardInterrupt):
        with_client(parsed.settings.bus, follow, _tell_gap)


def _tell_gap(event: str) -> None:
    if event in _GAPS:
        say(_GAPS[event])


@click.group("send")
def send() -> None:
    """Send an alarm event or a digest request."""


@send.command(
    "alarm",
    epilog=examples(
        "main.py send alarm 2 disk-full CRITICAL",
        "main.py send alarm 2 disk-full CLEARED --changed-at 2021-06-07T20:40:15.598765212Z",
    ),
)
@click.argument("user")
@click.argument("alarm")
@click.argument("status", type=click.Choice([severity.name for severity in Severity]))
@click.option("--changed-at", help="RFC 3339 time of the change; now when not given.")
@click.pass_obj
def send_alarm(
    parsed: Parsed[Settings], user: str, alarm: str, status: str, changed_at: str | None
) -> None:
    """Send AlarmStatusChanged: ALARM of USER is now STATUS."""
    when = changed_at or datetime.now(UTC).isoformat().replace("+00:00", "Z")
    body = {"UserID": user, "AlarmID": alarm, "Status": status, "ChangedAt": when}
    _send(parsed.settings.bus, parsed.settings.bus.subjects.alarm_status_changed, body)


@send.command(
    "digest",
    epilog=examples(
        "main.py send digest 2",
        "main.py send digest 2 --wait | jq '.ActiveAlarms[].AlarmID'",
    ),
)
@click.argument("user")
@click.option("--wait", is_flag=True, help="Wait for the digest, and print it.")
@click.option("--timeout", default=15.0, show_default=True, help="Seconds to wait at the most.")
@click.pass_obj
def send_digest(parsed: Parsed[Settings], user: str, wait: bool, timeout: float) -> None:
    """Send SendAlarmDigest: USER is to be told.

    With --wait the next digest of USER is printed, all its parts, a line each; exit status 1 if
    none comes. It may be the answer to a request that somebody else has sent meanwhile.
    """
    subjects = parsed.settings.bus.subjects
    if not wait:
        _send(parsed.settings.bus, subjects.send_alarm_digest, {"UserID": user})
        return

    async def ask(client: Client) -> None:
        async for msg in request_digest(client, subjects, user, timeout):
            print_line(printable(msg.data))

    with_client(parsed.settings.bus, ask)


def printable(body: bytes) -> str:
    """Return a message's body as a line for a terminal: JSON as it is, else with escapes."""
    try:
        text = body.decode()
        json.loads(text)
    except ValueError:
        return safe_text(body.decode(errors="backslashreplace"))
    # Between its tokens JSON has these and blanks; other line ends are in strings, and stay theirs.
    return safe_json(text.translate(_ON_ONE_LINE))


def _send(settings: BusSettings, subject: str, fields: dict[str, str]) -> None:
    body = json.dumps(fields, ensure_ascii=False).encode()

    async def publish(client: Client) -> None:
        await publish_proved(client, subject, body)

    with_client(settings, publish)
    say(f"sent {body.decode()}")
