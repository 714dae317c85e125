"""The commands about dead letters: look at what was rejected, put it back, or drop it."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import click

from bus.dead_letters.stored import DeadLetter, DeadLetters
from ops.cli.commands.letter_tables import (
    print_by_reason,
    print_done,
    print_letter,
    print_letters,
)
from ops.cli.connection import with_client
from ops.cli.deployment import nats_of
from ops.cli.examples import examples
from ops.cli.failures import CommandError, NotFoundError
from ops.cli.terminal import json_option, say
from ops.dead_letters.fields import fits
from ops.dead_letters.replay import UnreplayableError, replay_letter

if TYPE_CHECKING:
    from nats.aio.client import Client

    from bus.settings import BusSettings
    from ops.cli.command_line import Parsed
    from ops.settings import Settings

F = TypeVar("F", bound=Callable[..., Any])


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


def _filters(command: F) -> F:
    command = click.option("--subject", help="Only what was published to this subject.")(command)
    return click.option("--reason", help="Only where the reason contains this, in any case.")(
        command
    )


@click.group("dead-letters")
def dead_letters() -> None:
    """Look at what was rejected, put it back, or drop it.

    A dead letter is called by its sequence in the dead-letter stream. One whose body was cut,
    because it was larger than what could be published, can be shown and dropped, not replayed.
    """


@dead_letters.command(
    "list",
    epilog=examples(
        "main.py dead-letters list",
        "main.py dead-letters list --reason 'not JSON' --limit 0",
        "main.py dead-letters list --by-reason",
        "main.py dead-letters list --json | jq .body",
    ),
)
@_filters
@click.option("--limit", default=50, show_default=True, help="The newest so many; 0 for all.")
@click.option("--by-reason", is_flag=True, help="Count them by reason instead.")
@json_option
@click.pass_obj
def list_letters(
    parsed: Parsed[Settings],
    reason: str | None,
    subject: str | None,
    limit: int,
    by_reason: bool,
    as_json: bool,
) -> None:
    """List dead letters, the newest last; with --json one a line."""
    none = "no dead letter fits" if reason or subject else "there are no dead letters"

    async def work(_: Client, letters: DeadLetters, stream: str) -> None:
        found = (letter async for letter in letters.read(stream) if fits(letter, reason, subject))
        if by_reason:
            await print_by_reason(found, none, as_json=as_json)
            return
        newest: deque[DeadLetter] = deque(maxlen=limit or None)
        count = 0
        async for letter in found:
            newest.append(letter)
            count += 1
        print_letters(newest, none, as_json=as_json)
        if count > len(newest):
            say(f"the newest {len(newest)} of {count}; --limit 0 lists all")

    _with_letters(parsed.settings.bus, work)


@dead_letters.command(
    "show",
    epilog=examples(
        "main.py dead-letters show 7",
        "main.py dead-letters show 7 --body > rejected.json",
    ),
)
@click.argument("sequence", type=click.IntRange(min=1))
@click.option("--body", "body_only", is_flag=True, help="Write the body alone, byte for byte.")
@json_option
@click.pass_obj
def show_letter(
    parsed: Parsed[Settings],
    sequence: int,
    body_only: bool,
    as_json: bool,
) -> None:
    """Show the dead letter at SEQUENCE."""
    if body_only and sys.stdout.isatty():
        raise click.UsageError("--body writes raw bytes: send it to a file or a pipe")

    async def work(_: Client, letters: DeadLetters, stream: str) -> None:
        letter = await _found(letters, stream, sequence)
        if body_only:
            click.echo(letter.body, nl=False)
        else:
            print_letter(letter, as_json=as_json)

    _with_letters(parsed.settings.bus, work)


@dead_letters.command(
    "replay",
    epilog=examples(
        "main.py dead-letters replay 7 8",
        "main.py dead-letters replay --all --reason 'processing failed'",
        "main.py dead-letters replay --all --dry-run",
    ),
)
@click.argument("sequences", nargs=-1, type=click.IntRange(min=1))
@click.option("--all", "every", is_flag=True, help="All that there are now.")
@_filters
@click.option("--to", "to_subject", help="Publish there instead of to the original subject.")
@click.option("--dry-run", is_flag=True, help="Only say what would be replayed.")
@json_option
@click.pass_obj
def replay(
    parsed: Parsed[Settings],
    sequences: tuple[int, ...],
    every: bool,
    reason: str | None,
    subject: str | None,
    to_subject: str | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Publish bodies unchanged to where they came from, then delete the dead letters.

    A letter is deleted only after the stream has confirmed what was published. What is rejected
    again becomes a new dead letter.
    """
    selection = Selection(sequences, every, reason, subject)
    inputs = parsed.settings.bus.subjects.inputs
    refused: list[str] = []

    async def work(client: Client, letters: DeadLetters, stream: str) -> None:
        count = 0
        chosen = _selected(letters, stream, selection)
        async for letter in chosen if dry_run else _to_be_changed(chosen, parsed.settings.bus):
            try:
                target = await replay_letter(
                    client, letters, stream, letter, inputs, to_subject, dry_run=dry_run
                )
            except UnreplayableError as error:
                say(f"{letter.sequence}: {error}")
                refused.append(str(error))
                continue
            count += 1
            print_done("would be replayed" if dry_run else "replayed", letter, target, as_json)
        say(f"{count} {'would be ' if dry_run else ''}replayed, {len(refused)} refused")

    _with_letters(parsed.settings.bus, work)
    if refused:
        raise CommandError(f"{len(refused)} could not be replayed")


@dead_letters.command(
    "drop",
    epilog=examples(
        "main.py dead-letters drop 7",
        "main.py dead-letters drop --all --reason 'not JSON' --yes",
    ),
)
@click.argument("sequences", nargs=-1, type=click.IntRange(min=1))
@click.option("--all", "every", is_flag=True, help="All that there are now; asks first.")
@_filters
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@click.pass_obj
def drop(
    parsed: Parsed[Settings],
    sequences: tuple[int, ...],
    every: bool,
    reason: str | None,
    subject: str | None,
    yes: bool,
    as_json: bool,
) -> None:
    """Delete dead letters for good."""
    selection = Selection(sequences, every, reason, subject)
    if every and not yes:
        where = nats_of(parsed.settings.bus)
        click.confirm(
            f"Delete all dead letters at {where} that fit, for good?", abort=True, err=True
        )

    async def work(_: Client, letters: DeadLetters, stream: str) -> None:
        count = 0
        chosen = _selected(letters, stream, selection)
        async for letter in _to_be_changed(chosen, parsed.settings.bus):
            await letters.delete(stream, letter)
            count += 1
            print_done("dropped", letter, None, as_json)
        say(f"{count} dropped")

    _with_letters(parsed.settings.bus, work)


Work = Callable[["Client", DeadLetters, str], Any]


def _with_letters(settings: BusSettings, work: Work) -> None:
    async def connected(client: Client) -> None:
        letters = DeadLetters(client.jetstream(), settings.subjects.dead_letter)
        stream = await letters.stream()
        if stream is None:
            raise CommandError(f"no stream keeps {settings.subjects.dead_letter}")
        await work(client, letters, stream)

    with_client(settings, connected)


async def _to_be_changed(
    chosen: AsyncIterator[DeadLetter], settings: BusSettings
) -> AsyncIterator[DeadLetter]:
    """Yield the same, and before the first one say where it is."""
    told = False
    async for letter in chosen:
        if not told:
            say(f"this changes {settings.subjects.dead_letter} at {nats_of(settings)}")
            told = True
        yield letter


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
        raise NotFoundError(f"there is no dead letter {sequence}")
    return letter
