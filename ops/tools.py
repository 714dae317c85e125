"""Commands for trying the service by hand where nats-cli is not at hand."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from random import Random
from typing import TYPE_CHECKING, Any, Protocol

import click
from nats.errors import Error as NatsError
from nats.errors import NoRespondersError
from nats.errors import TimeoutError as NatsTimeoutError

from actors.alarms import Severity
from bus.connection import Connection

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from nats.aio.client import Client
    from nats.aio.msg import Msg

    from bus.settings import BusSettings
    from ops.options import Parsed

_TIMEOUT_S = 5.0


class HasBus(Protocol):
    """Settings that say where NATS is."""

    @property
    def bus(self) -> BusSettings:
        """Where NATS is."""


@click.command("watch")
@click.pass_obj
def watch(parsed: Parsed[HasBus]) -> int:
    """Print every digest as it is published, one a line, until interrupted."""

    async def follow(client: Client) -> None:
        async def show(msg: Msg) -> None:
            click.echo(msg.data.decode())

        await client.subscribe(parsed.settings.bus.subjects.alarm_digest, cb=show)
        await client.flush()
        click.echo("watching for digests, Ctrl-C ends", err=True)
        await asyncio.Event().wait()

    return _with_client(parsed.settings.bus, follow)


@click.group("send")
def send() -> None:
    """Send an alarm event or a digest request."""


@send.command("alarm")
@click.argument("user")
@click.argument("alarm")
@click.argument("status", type=click.Choice([severity.name for severity in Severity]))
@click.option("--changed-at", help="RFC 3339 time of the change; now when not given.")
@click.pass_obj
def send_alarm(
    parsed: Parsed[HasBus], user: str, alarm: str, status: str, changed_at: str | None
) -> int:
    """Send AlarmStatusChanged: ALARM of USER is now STATUS."""
    when = changed_at or datetime.now(UTC).isoformat().replace("+00:00", "Z")
    body = {"UserID": user, "AlarmID": alarm, "Status": status, "ChangedAt": when}
    return _send(parsed.settings.bus, parsed.settings.bus.subjects.alarm_status_changed, body)


@send.command("digest")
@click.argument("user")
@click.pass_obj
def send_digest(parsed: Parsed[HasBus], user: str) -> int:
    """Send SendAlarmDigest: USER is to be told."""
    subjects = parsed.settings.bus.subjects
    return _send(parsed.settings.bus, subjects.send_alarm_digest, {"UserID": user})


def _send(settings: BusSettings, subject: str, fields: dict[str, str]) -> int:
    async def ask(client: Client) -> None:
        # The stream answers that it has the message; on core NATS the service itself does.
        body = json.dumps(fields, ensure_ascii=False).encode()
        answer = await client.request(subject, body, timeout=_TIMEOUT_S)
        if answer.data.startswith(b"-ERR") or b'"error"' in answer.data:
            raise click.ClickException(f"refused: {answer.data.decode()}")
        click.echo(f"sent {body.decode()}", err=True)

    return _with_client(settings, ask)


def _with_client(settings: BusSettings, work: Callable[[Client], Awaitable[None]]) -> int:
    async def connect_and_work() -> None:
        connection = Connection(settings, Random(), lambda _: None)
        async with asyncio.timeout(_TIMEOUT_S):
            await connection.open()
        try:
            await work(connection.client)
        finally:
            await connection.close()

    try:
        asyncio.run(connect_and_work())
    except KeyboardInterrupt:
        return 0
    except NoRespondersError:
        raise _failure("nobody takes this subject: is the service running?") from None
    except (TimeoutError, NatsTimeoutError):
        raise _failure("no answer from NATS: is it there? See NATS_URL") from None
    except (NatsError, OSError) as error:
        raise _failure(f"{error!r}") from error
    return 0


def _failure(message: str) -> Any:
    return click.ClickException(message)
