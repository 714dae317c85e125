"""The commands about dead letters: look at what was rejected, put it back, or drop it."""

from __future__ import annotations

import base64
import sys
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import click

from bus.dead_letters import DeadLetter, DeadLetters
from ops.client import HasServers, with_client
from ops.failures import CommandFailed, NotFound
from ops.replaying import UnreplayableError, replay_letter
from ops.terminal import json_option, print_facts, print_json, print_table, say

if TYPE_CHECKING:
    from nats.aio.client import Client

    from bus.settings import BusSettings
    from ops.options import Parsed

F = TypeVar("F", bound=Callable[..., Any])

_PREVIEW_CHARS = 60


@dataclass(frozen=True, slots=True)
class Selection:
    """Which letters are meant: those named, or all that the filters leave."""

    sequences: tuple[int, ...]
    every: bool
    reason: str | None
    subject: str | None

    def __post_init__(self) -> None:
        """Raise ``click.UsageError`` for none, or for both ways at once."""
        if self.every == bool(self.sequences):
            raise click.UsageError("name dead letters by their sequence, or give --all")
        if self.sequences and (self.reason or self.subject):
            raise click.UsageError("--reason and --subject go together with --all")

    def fits(self, letter: DeadLetter) -> bool:
        """Whether the filters leave it."""
        return fits(letter, self.reason, self.subject)


def fits(letter: DeadLetter, reason: str | None, subject: str | None) -> bool:
    """Whether a letter's reason contains ``reason``, and it was published to ``subject``."""
    return (reason is None or reason.lower() in letter.reason.lower()) and (
        subject is None or subject == letter.subject
    )


def to_fields(letter: DeadLetter) -> dict[str, Any]:
    """Return a letter as JSON can hold it: the body as text, or in Base64 where it is not text."""
    fields: dict[str, Any] = {
        "sequence": letter.sequence,
        "time": letter.time,
        "reason": letter.reason,
        "subject": letter.subject,
        "original_sequence": letter.original_sequence,
        "bytes": len(letter.body),
        "missing_parts": letter.missing_parts,
    }
    try:
        return {**fields, "body": letter.body.decode()}
    except UnicodeDecodeError:
        return {**fields, "body_base64": base64.b64encode(letter.body).decode()}


def _filters(command: F) -> F:
    command = click.option("--subject", help="Only what was published to this subject.")(command)
    return click.option("--reason", help="Only where the reason contains this, in any case.")(
        command
    )


@click.group("dead-letters")
def dead_letters() -> None:
    """Look at what was rejected, put it back, or drop it.

    A dead letter is called by its sequence in the dead-letter stream. One that was stored in
    parts is one letter, called by the first part.
    """


@dead_letters.command("list")
@_filters
@click.option("--limit", default=50, show_default=True, help="The newest so many; 0 for all.")
@click.option("--by-reason", is_flag=True, help="Count them by reason instead.")
@json_option
@click.pass_obj
def list_letters(
    parsed: Parsed[HasServers],
    reason: str | None,
    subject: str | None,
    limit: int,
    by_reason: bool,
    as_json: bool,
) -> None:
    r"""List dead letters, the newest last; with --json one a line.

    \b
    Examples:
      main.py dead-letters list
      main.py dead-letters list --reason 'not JSON' --limit 0
      main.py dead-letters list --by-reason
      main.py dead-letters list --json | jq .body
    """

    async def work(_: Client, letters: DeadLetters, stream: str) -> None:
        found = (letter async for letter in letters.read(stream) if fits(letter, reason, subject))
        if by_reason:
            await _print_by_reason(found, as_json=as_json)
            return
        newest: deque[DeadLetter] = deque(maxlen=limit or None)
        count = 0
        async for letter in found:
            newest.append(letter)
            count += 1
        _print_letters(newest, as_json=as_json)
        if count > len(newest):
            say(f"the newest {len(newest)} of {count}; --limit 0 lists all")

    _with_letters(parsed.settings.bus, work)


@dead_letters.command("show")
@click.argument("sequence", type=click.IntRange(min=1))
@click.option("--body", "body_only", is_flag=True, help="Write the body alone, byte for byte.")
@json_option
@click.pass_obj
def show_letter(
    parsed: Parsed[HasServers],
    sequence: int,
    body_only: bool,
    as_json: bool,
) -> None:
    r"""Show the dead letter at SEQUENCE.

    \b
    Examples:
      main.py dead-letters show 7
      main.py dead-letters show 7 --body > rejected.json
    """
    if body_only and sys.stdout.isatty():
        raise click.UsageError("--body writes raw bytes: send it to a file or a pipe")

    async def work(_: Client, letters: DeadLetters, stream: str) -> None:
        letter = await _found(letters, stream, sequence)
        if body_only:
            click.echo(letter.body, nl=False)
        elif as_json:
            print_json(to_fields(letter))
        else:
            fields = to_fields(letter)
            print_facts((name.replace("_", " "), value) for name, value in fields.items())

    _with_letters(parsed.settings.bus, work)


@dead_letters.command("replay")
@click.argument("sequences", nargs=-1, type=click.IntRange(min=1))
@click.option("--all", "every", is_flag=True, help="All that there are now.")
@_filters
@click.option("--to", "to_subject", help="Publish there instead of to the original subject.")
@click.option("--dry-run", is_flag=True, help="Only say what would be replayed.")
@json_option
@click.pass_obj
def replay(
    parsed: Parsed[HasServers],
    sequences: tuple[int, ...],
    every: bool,
    reason: str | None,
    subject: str | None,
    to_subject: str | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    r"""Publish bodies unchanged to where they came from, then delete the dead letters.

    A letter is deleted only after the stream has confirmed what was published. What is rejected
    again becomes a new dead letter.

    \b
    Examples:
      main.py dead-letters replay 7 8
      main.py dead-letters replay --all --reason 'processing failed'
      main.py dead-letters replay --all --dry-run
    """
    selection = Selection(sequences, every, reason, subject)
    inputs = parsed.settings.bus.subjects.inputs
    refused: list[str] = []

    async def work(client: Client, letters: DeadLetters, stream: str) -> None:
        count = 0
        async for letter in _selected(letters, stream, selection):
            try:
                target = await replay_letter(
                    client, letters, stream, letter, inputs, to_subject, dry_run=dry_run
                )
            except UnreplayableError as error:
                say(f"{letter.sequence}: {error}")
                refused.append(str(error))
                continue
            count += 1
            _print_done("would be replayed" if dry_run else "replayed", letter, target, as_json)
        say(f"{count} {'would be ' if dry_run else ''}replayed, {len(refused)} refused")

    _with_letters(parsed.settings.bus, work)
    if refused:
        raise CommandFailed(f"{len(refused)} could not be replayed")


@dead_letters.command("drop")
@click.argument("sequences", nargs=-1, type=click.IntRange(min=1))
@click.option("--all", "every", is_flag=True, help="All that there are now; asks first.")
@_filters
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@click.pass_obj
def drop(
    parsed: Parsed[HasServers],
    sequences: tuple[int, ...],
    every: bool,
    reason: str | None,
    subject: str | None,
    yes: bool,
    as_json: bool,
) -> None:
    r"""Delete dead letters for good.

    \b
    Examples:
      main.py dead-letters drop 7
      main.py dead-letters drop --all --reason 'not JSON' --yes
    """
    selection = Selection(sequences, every, reason, subject)
    if every and not yes:
        click.confirm("Delete all dead letters that fit, for good?", abort=True, err=True)

    async def work(_: Client, letters: DeadLetters, stream: str) -> None:
        count = 0
        async for letter in _selected(letters, stream, selection):
            await letters.delete(stream, letter)
            count += 1
            _print_done("dropped", letter, None, as_json)
        say(f"{count} dropped")

    _with_letters(parsed.settings.bus, work)


Work = Callable[["Client", DeadLetters, str], Any]


def _with_letters(settings: BusSettings, work: Work) -> None:
    async def connected(client: Client) -> None:
        letters = DeadLetters(client.jetstream(), settings.subjects.dead_letter)
        stream = await letters.stream()
        if stream is None:
            raise CommandFailed(f"no stream keeps {settings.subjects.dead_letter}")
        await work(client, letters, stream)

    with_client(settings, connected)


async def _selected(
    letters: DeadLetters, stream: str, selection: Selection
) -> AsyncIterator[DeadLetter]:
    if selection.every:
        async for letter in letters.read(stream):
            if selection.fits(letter):
                yield letter
        return
    # All are looked up before anything is done to the first: a slip of the pen changes nothing.
    named = [await _found(letters, stream, sequence) for sequence in selection.sequences]
    for letter in {letter.sequence: letter for letter in named}.values():
        yield letter


async def _found(letters: DeadLetters, stream: str, sequence: int) -> DeadLetter:
    letter = await letters.find(stream, sequence)
    if letter is None:
        raise NotFound(f"there is no dead letter {sequence}")
    return letter


def _print_letters(letters: deque[DeadLetter], *, as_json: bool) -> None:
    if as_json:
        for letter in letters:
            print_json(to_fields(letter))
        return
    print_table(
        ("SEQUENCE", "TIME", "SUBJECT", "BYTES", "REASON", "BODY"),
        (
            (
                letter.sequence,
                letter.time,
                letter.subject,
                len(letter.body),
                _reason(letter),
                letter.body[:_PREVIEW_CHARS].decode(errors="replace"),
            )
            for letter in letters
        ),
    )


def _reason(letter: DeadLetter) -> str:
    missing = f" ({letter.missing_parts} parts are missing)" if letter.missing_parts else ""
    return letter.reason + missing


async def _print_by_reason(letters: AsyncIterator[DeadLetter], *, as_json: bool) -> None:
    tally: dict[str, tuple[int, int]] = {}
    async for letter in letters:
        count, _ = tally.get(letter.reason, (0, 0))
        tally[letter.reason] = (count + 1, letter.sequence)
    rows = sorted(tally.items(), key=lambda item: (-item[1][0], item[0]))
    if as_json:
        for reason, (count, newest) in rows:
            print_json({"reason": reason, "letters": count, "newest": newest})
        return
    print_table(
        ("LETTERS", "NEWEST", "REASON"),
        ((count, newest, reason) for reason, (count, newest) in rows),
    )


def _print_done(done: str, letter: DeadLetter, target: str | None, as_json: bool) -> None:
    if as_json:
        print_json({"sequence": letter.sequence, "done": done, "subject": target})
    else:
        where = "" if target is None else f" to {target}"
        print_facts([(f"{letter.sequence}", f"{done}{where}")])
