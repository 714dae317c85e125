"""The commands about users: who has what pending, what is known of one, and why."""

from __future__ import annotations

from shlex import quote
from typing import TYPE_CHECKING

import click

from actors.rules.alarms import AlarmID, UserID
from ops.cli.examples import examples
from ops.cli.failures import NotFoundError
from ops.cli.remote.belonging import say_if_strangers
from ops.cli.remote.users import list_live, list_stored, read_user
from ops.cli.terminal import json_option, print_facts, print_json, print_table, say
from ops.inquiries.form import ShowInquiry
from ops.users.report import Source

if TYPE_CHECKING:
    from ops.cli.command_line import Parsed
    from ops.settings import Settings
    from ops.users.report import AlarmReport, UserReport


@click.group("user")
def user() -> None:
    """Look at users: what was received, what was told, what is owed."""


@user.command(
    "show",
    epilog=examples(
        "main.py user show 2",
        "main.py user show 2 --json | jq '.alarms[] | select(.due)'",
    ),
)
@click.argument("user_id", metavar="USER")
@click.option("--limit", default=100, show_default=True, help="Alarms listed; 0 for all.")
@click.option("--stored", is_flag=True, help="Read the checkpoint, ask no service.")
@json_option
@click.pass_obj
def show(
    parsed: Parsed[Settings],
    user_id: str,
    limit: int,
    stored: bool,
    as_json: bool,
) -> None:
    """Show what is known of USER: the alarms, what was told of each, what is owed.

    What a running service has in memory, if the user is there, else the last checkpoint; source
    says which. Exit status 3 if nothing is known of such a user.
    """
    inquiry = ShowInquiry(UserID(user_id), None, limit or None)
    report = read_user(parsed.settings, inquiry, stored=stored)
    if as_json:
        print_json(report.to_fields())
    elif report.source is not Source.NOWHERE:
        _print_user(report, "--stored lists all" if limit == 0 else "--limit 0 lists more")
    if report.source is Source.NOWHERE:
        raise NotFoundError(f"nothing is known of a user {user_id!r}")


@user.command(
    "list",
    epilog=examples(
        "main.py user list",
        "main.py user list --limit 100 --page 2",
        "main.py user list --live",
        "main.py user list --json | jq -r .user_id",
    ),
)
@click.option("--limit", default=20, show_default=True, help="Users listed.")
@click.option("--page", default=1, show_default=True, help="Which page of so many.")
@click.option("--live", is_flag=True, help="Only users in memory, of those used last.")
@json_option
@click.pass_obj
def list_users(
    parsed: Parsed[Settings],
    limit: int,
    page: int,
    live: bool,
    as_json: bool,
) -> None:
    """List users, those first of whom the next digest would carry most; with --json one a line.

    The order is that of the checkpoints, all of which MongoDB looks at; the numbers of users in a
    service's memory are the service's. --live asks the services only, and never MongoDB.
    """
    if limit < 1 or page < 1:
        raise click.UsageError("--limit and --page must be at least 1")
    if live and page > 1:
        raise click.UsageError("--live has one page; see --limit")
    if live:
        listing = list_live(parsed.settings, limit)
    else:
        listing = list_stored(parsed.settings, limit, page)
        if listing.live is not None:
            say_if_strangers(parsed.settings)
    if as_json:
        for line in listing.lines:
            print_json(line.to_fields())
        return
    print_table(
        ("USER", "SOURCE", "DUE", "ACTIVE", "KNOWN", "DIGESTS", "OWED", "UNSAVED"),
        (
            (
                line.user_id,
                line.source,
                line.due,
                line.active,
                line.known,
                line.digests,
                "yes" if line.owes else "",
                line.unsaved,
            )
            for line in listing.lines
        ),
        none="no users are in memory"
        if live
        else "no users are stored"
        if page == 1
        else "no more",
    )
    in_memory = "no service answers" if listing.live is None else f"{listing.live} in memory"
    stored = "" if listing.stored is None else f" of {listing.stored} stored"
    say(f"page {page}, {len(listing.lines)}{stored} users; {in_memory}")


@click.command(
    "why",
    epilog=examples(
        "main.py why 2 disk-full",
        "main.py why 2 disk-full --json | jq .alarm.due",
    ),
)
@click.argument("user_id", metavar="USER")
@click.argument("alarm_id", metavar="ALARM")
@click.option("--stored", is_flag=True, help="Read the checkpoint, ask no service.")
@json_option
@click.pass_obj
def why(
    parsed: Parsed[Settings],
    user_id: str,
    alarm_id: str,
    stored: bool,
    as_json: bool,
) -> None:
    """Say whether USER's next digest would carry ALARM, and why.

    Exit status 0 whichever it is, 3 if nothing is known of such an alarm.
    """
    inquiry = ShowInquiry(UserID(user_id), AlarmID(alarm_id))
    report = read_user(parsed.settings, inquiry, stored=stored)
    (alarm,) = report.to_fields()["alarms"]
    if as_json:
        print_json(
            {
                "user_id": user_id,
                "source": report.source,
                "instance": report.instance,
                "partition": report.partition,
                "home": report.home,
                "note": report.note,
                "alarm": alarm,
            }
        )
    else:
        _print_alarm(report, report.alarms[0])
    if alarm["status"] is None:
        raise NotFoundError(f"nothing is known of an alarm {alarm_id!r} of user {user_id!r}")


def _print_user(report: UserReport, how_to_see_more: str) -> None:
    owed = report.owed
    print_facts(
        (
            ("user", report.user_id),
            ("source", report.source),
            ("instance", report.instance),
            ("partition", report.partition),
            ("at home at", report.home),
            ("version", report.version),
            ("unsaved messages", report.unsaved),
            ("digests given", report.digests),
            ("request answered last", report.answered),
            ("owed", owed and f"digest {owed.digest_id} with {owed.alarms} alarms"),
            ("alarms", f"{report.known} known, {report.active} active, {report.due} due"),
            ("note", report.note),
        )
    )
    print_table(
        ("ALARM", "STATUS", "CHANGED AT", "TOLD", "TOLD AS OF", "DUE", "WHY"),
        (
            (
                alarm.alarm_id,
                alarm.status,
                alarm.changed_at,
                alarm.told_status,
                alarm.told_at,
                "yes" if alarm.due else "",
                alarm.reason,
            )
            for alarm in report.alarms
        ),
        none="no alarms are known",
    )
    if len(report.alarms) < report.known:
        say(f"{len(report.alarms)} of {report.known} alarms; {how_to_see_more}")


def _print_alarm(report: UserReport, alarm: AlarmReport) -> None:
    print_facts(
        (
            ("user", report.user_id),
            ("alarm", alarm.alarm_id),
            ("source", report.source),
            ("partition", report.partition),
            ("at home at", report.home),
            ("stands at", alarm.status),
            ("since", alarm.changed_at),
            ("last heard of", alarm.heard_at),
            ("told as", alarm.told_status),
            ("told as of", alarm.told_at),
            ("in next digest", "yes" if alarm.due else "no"),
            ("why", alarm.explanation),
            ("note", report.note),
            ("how it came about", history_of(report.user_id, alarm.alarm_id)),
        )
    )


def history_of(user_id: str, alarm_id: str) -> str:
    """Return the command that shows how an alarm came to stand so."""
    return f"main.py history {quote(user_id)} --alarm {quote(alarm_id)}"
