"""The command ``demo``: users and alarms as they might be, for whoever wants to see it work."""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import suppress
from dataclasses import dataclass
from random import Random
from time import monotonic, time_ns
from typing import TYPE_CHECKING

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from ops.cli.commands.crowd import Crowd
from ops.cli.connection import with_client
from ops.cli.examples import examples
from ops.cli.failures import CommandError
from ops.cli.terminal import console, json_option, print_facts, print_json, say
from ops.publication import refusal_of

if TYPE_CHECKING:
    from nats.aio.client import Client
    from nats.aio.msg import Msg

    from bus.subjects import Subjects
    from ops.cli.command_line import Parsed
    from ops.settings import Settings

_TURN_S = 0.05
_UNCONFIRMED_MAX = 4000
_LAST_ANSWERS_S = 15.0


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is to be sent."""

    users: int
    seconds: float
    rate: float
    digest_every: int

    def __post_init__(self) -> None:
        """Raise ``click.UsageError`` for what would never begin, or never end."""
        if min(self.users, self.seconds, self.rate, self.digest_every) <= 0:
            raise click.UsageError("--users, --seconds, --rate and --digest-every must be above 0")

    @property
    def events(self) -> int:
        """Events to send, at least one."""
        return max(1, int(self.seconds * self.rate))


@click.command(
    "demo",
    epilog=examples(
        "main.py demo",
        "main.py demo --users 2000 --rate 500 --seconds 60",
        "main.py demo --seconds 5 --seed 1 --json",
    ),
)
@click.option("--users", default=50, show_default=True, help="How many users.")
@click.option("--seconds", default=30.0, show_default=True, help="How long events are sent.")
@click.option("--rate", default=20.0, show_default=True, help="Events a second.")
@click.option(
    "--digest-every", default=10, show_default=True, help="A digest is asked for after so many."
)
@click.option("--seed", type=int, help="The same seed makes the same users and alarms.")
@json_option
@click.pass_obj
def demo(
    parsed: Parsed[Settings],
    users: int,
    seconds: float,
    rate: float,
    digest_every: int,
    seed: int | None,
    as_json: bool,
) -> None:
    """Send events of made-up users, some late, some twice, and ask for their digests.

    Ends after --seconds and the last digest, or at Ctrl-C, and says what was sent and what came.
    The users are called demo-…; whoever reads the digests gets theirs too, so do not run it where
    those become mails. Exit status 1 if a message was refused or a digest did not come.
    """
    plan = Plan(users, seconds, rate, digest_every)
    demonstration = Demonstration(parsed.settings.bus.subjects, Crowd(users, Random(seed)), plan)
    say(f"sending {plan.events} events of {users} users, Ctrl-C ends")
    with suppress(KeyboardInterrupt):
        with_client(parsed.settings.bus, demonstration.run)
    fields = demonstration.to_fields()
    if as_json:
        print_json(fields)
    else:
        print_facts((name.replace("_", " "), value) for name, value in fields.items())
    if demonstration.refused or demonstration.unanswered:
        raise CommandError("some messages were refused, or digests did not come")


class Demonstration:
    """Sends, and listens meanwhile. Runs on the connection's event loop."""

    def __init__(self, subjects: Subjects, crowd: Crowd, plan: Plan) -> None:
        """Prepare; ``run`` does it."""
        self._subjects = subjects
        self._crowd = crowd
        self._plan = plan
        self._inbox = ""
        self._unconfirmed = 0
        self._owed: dict[str, int] = {}
        self._in_parts: set[str] = set()
        self._events = self._requests = self._digests = self._alarms_told = 0
        self._seconds = 0.0
        self.refused = 0

    @property
    def unanswered(self) -> int:
        """Requests whose digest has not come."""
        return sum(self._owed.values())

    def to_fields(self) -> dict[str, float]:
        """Return what was sent and what came, as JSON can hold it."""
        return {
            "users": self._plan.users,
            "events": self._events,
            "requests": self._requests,
            "digests": self._digests,
            "alarms_told": self._alarms_told,
            "refused": self.refused,
            "unanswered": self.unanswered,
            "seconds": round(self._seconds, 1),
        }

    async def run(self, client: Client) -> None:
        """Send at the plan's rate, then wait for what is still to come."""
        self._inbox = client.new_inbox()
        await client.subscribe(self._inbox, cb=self._on_confirmation)
        await client.subscribe(self._subjects.alarm_digest, cb=self._on_digest)
        await client.flush()
        started_s = monotonic()
        columns = (
            TextColumn("events"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[digests]} digests"),
            TimeElapsedColumn(),
        )
        with Progress(*columns, console=console(sys.stderr)) as progress:
            task = progress.add_task("", total=self._plan.events, digests=0)
            while self._events < self._plan.events and not self.refused:
                await self._send_what_is_due(client, monotonic() - started_s)
                progress.update(task, completed=self._events, digests=self._digests)
                await asyncio.sleep(_TURN_S)
            await self._await_answers()
            progress.update(task, completed=self._events, digests=self._digests)
        self._seconds = monotonic() - started_s

    async def _send_what_is_due(self, client: Client, elapsed_s: float) -> None:
        due = min(int(elapsed_s * self._plan.rate) + 1, self._plan.events)
        while self._events < due and self._unconfirmed < _UNCONFIRMED_MAX:
            body = self._crowd.next_event(time_ns())
            await self._send(client, self._subjects.alarm_status_changed, body)
            self._events += 1
            if self._events % self._plan.digest_every == 0:
                user = self._crowd.someone()
                self._owed[user] = self._owed.get(user, 0) + 1
                body = json.dumps({"UserID": user}).encode()
                await self._send(client, self._subjects.send_alarm_digest, body)
                self._requests += 1

    async def _send(self, client: Client, subject: str, body: bytes) -> None:
        self._unconfirmed += 1
        await client.publish(subject, body, reply=self._inbox)

    async def _await_answers(self) -> None:
        try:
            async with asyncio.timeout(_LAST_ANSWERS_S):
                while (self._unconfirmed or self._owed) and not self.refused:  # noqa: ASYNC110
                    await asyncio.sleep(_TURN_S)
        except TimeoutError:
            say(f"{self._unconfirmed} unconfirmed and {self.unanswered} unanswered, given up")

    async def _on_confirmation(self, msg: Msg) -> None:
        self._unconfirmed -= 1
        refusal = refusal_of(msg)
        if refusal is not None:
            if not self.refused:
                say(f"refused: {refusal}")
            self.refused += 1

    async def _on_digest(self, msg: Msg) -> None:
        try:
            fields = json.loads(msg.data)
            user, alarms = fields["UserID"], len(fields["ActiveAlarms"])
        except (ValueError, KeyError, TypeError):
            return
        digest_id, dot, bounds = (msg.headers or {}).get("Nats-Msg-Id", "").partition(".")
        if dot and not bounds.startswith("0-"):
            if digest_id in self._in_parts:
                self._alarms_told += alarms
            return
        if user not in self._owed:
            return
        if dot:
            self._in_parts.add(digest_id)
        self._alarms_told += alarms
        self._digests += 1
        self._owed[user] -= 1
        if not self._owed[user]:
            del self._owed[user]
