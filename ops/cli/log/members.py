"""The command ``members``: the instances side by side, and which partitions are on the move."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from actors.errors import StoreUnavailableError
from ops.cli.examples import examples
from ops.cli.failures import CommandError
from ops.cli.remote.belonging import read_figures
from ops.cli.terminal import json_option, print_json, print_table, say
from ops.homes.belonging import MEND, stranger_than
from ops.homes.members import State, in_ranges, members_of
from ops.homes.watching import NOBODY, watch_until_known
from store.homes.browsing import HomeBrowser

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from actors.rules.partitions import InstanceID
    from ops.cli.command_line import Parsed
    from ops.homes.members import Member, MemberFigures, Members
    from ops.settings import Settings

COLUMNS = (
    "NAME",
    "STATE",
    "UP FOR",
    "LAST BEAT",
    "PARTITIONS",
    "MESSAGES/S",
    "WAITING",
    "BEHIND",
    "VERSION",
    "CONSOLE",
    "INSTANCE",
)


@click.command(
    "members",
    epilog=examples(
        "main.py members",
        "main.py members --json | jq '.instances[] | select(.state != \"up\")'",
    ),
)
@json_option
@click.pass_obj
def members(parsed: Parsed[Settings], as_json: bool) -> None:
    """Show the instances side by side, and the partitions on the move.

    Who is up and who has what is read from MongoDB, for as long as it takes to see everybody give a
    sign of life, LEASE at the most. Messages a second, and how many wait in the log, each says of
    itself, when it is asked over NATS. Changes nothing.
    """
    settings = parsed.settings
    figures = _ask(settings)
    with HomeBrowser(settings.store) as browser:
        try:
            watched = watch_until_known(browser.look, settings.core.lease_s)
        except StoreUnavailableError as error:
            raise CommandError(f"no answer from MongoDB, see MONGODB_URI: {error}") from error
    found = members_of(
        watched.stored.view, watched.watch, NOBODY, settings.core.lease_s, time.time(), figures
    )
    if as_json:
        print_json(found.to_fields())
    else:
        if found.instances:
            print_table(COLUMNS, map(row, found.instances))
        for line in sentences(found):
            say(line)
    strange = stranger_than(figures, watched.stored.view.instances)
    if strange is not None:
        say(f"{strange}; {MEND}")


def _ask(settings: Settings) -> Mapping[InstanceID, MemberFigures]:
    try:
        return read_figures(settings)
    except CommandError as error:
        say(f"their own figures are left out: {error}")
        return {}


def row(member: Member) -> tuple[object, ...]:
    """Return what the table says of an instance; what is not known is empty."""
    beat = (
        f"{member.beat_age_s:.1f} s ago" if member.beats else f"none in {member.beat_age_s:.1f} s"
    )
    numbers = in_ranges(member.partitions)
    return (
        member.name,
        member.state,
        duration(member.age_s),
        beat,
        f"{len(member.partitions)}: {numbers}" if numbers else "0",
        None if member.taken_per_s is None else f"{member.taken_per_s:,.0f}",
        None if member.waiting is None else f"{member.waiting:,.0f}",
        None if member.behind_s is None else f"{member.behind_s:.1f} s",
        member.version,
        member.address,
        member.instance_id,
    )


def sentences(found: Members) -> Iterator[str]:
    """Yield what there is to say of all of them together."""
    if not found.instances:
        yield "no instance is known: none has been started on this database, or on core NATS"
    up = sum(member.state in (State.UP, State.STANDS_BY) for member in found.instances)
    if found.instances:
        yield f"{up} of {len(found.instances)} instances at work"
    names = {member.instance_id: member.name for member in found.instances}
    ways: dict[tuple[str | None, str | None], list[int]] = {}
    for move in found.moving:
        ways.setdefault((move.home, move.should_be), []).append(move.partition)
    for way, numbers in ways.items():
        yield _moving(way, numbers, names)


def _moving(
    way: tuple[str | None, str | None], numbers: list[int], names: Mapping[str, str]
) -> str:
    home, should_be = way
    word = "partition" if len(numbers) == 1 else "partitions"
    whence = "nobody's" if home is None else f"at home at {names.get(home, home)}"
    whither = (
        "and nobody is up to have it"
        if should_be is None
        else (f"to be at home at {names.get(should_be, should_be)}")
    )
    return f"{word} {in_ranges(numbers)}: {whence}, {whither}"


def duration(seconds: int) -> str:
    """Return how long something has taken, in the unit that one would use."""
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
