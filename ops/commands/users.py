"""The commands about users: who has what pending, what is known of one, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from actors.alarms import AlarmID, UserID
from actors.errors import StoreUnavailableError
from ops.failures import CommandFailed, NotFound
from ops.inspection import Source
from ops.reading import read_from_mongodb
from ops.terminal import json_option, print_facts, print_json, print_table, say
from store.browsing import UserBrowser

if TYPE_CHECKING:
    from ops.client import HasServers
    from ops.inspection import AlarmReport, UserReport
    from ops.options import Parsed


@click.group("user")
def user() -> None:
    """Look at users: what was received, what was told, what is owed."""


@user.command("show")
@click.argument("user_id", metavar="USER")
@click.option("--limit", default=100, show_default=True, help="Alarms listed; 0 for all.")
@json_option
@click.pass_obj
def show(
    parsed: Parsed[HasServers],
    user_id: str,
    limit: int,
    as_json: bool,
) -> None:
    r"""Show what is known of USER: the alarms, what was told of each, what is owed.

    Exit status 3 if nothing is known of such a user.

    \b
    Examples:
      main.py user show 2
      main.py user show 2 --json | jq '.alarms[] | select(.due)'
    """
    report = read_from_mongodb(parsed.settings.store, UserID(user_id), limit or None)
    if as_json:
        print_json(report.to_fields())
    elif report.source is not Source.NOWHERE:
        _print_user(report)
    if report.source is Source.NOWHERE:
        raise NotFound(f"nothing is known of a user {user_id!r}")


@user.command("list")
@click.option("--limit", default=20, show_default=True, help="Users listed.")
@click.option("--page", default=1, show_default=True, help="Which page of so many.")
@json_option
@click.pass_obj
def list_users(
    parsed: Parsed[HasServers],
    limit: int,
    page: int,
    as_json: bool,
) -> None:
    r"""List users, those first of whom the next digest would carry most; with --json one a line.

    MongoDB looks at every stored user to find them.

    \b
    Examples:
      main.py user list
      main.py user list --limit 100 --page 2
      main.py user list --json | jq -r .user_id
    """
    if limit < 1 or page < 1:
        raise click.UsageError("--limit and --page must be at least 1")
    with UserBrowser(parsed.settings.store) as browser:
        try:
            found = browser.most_due(limit, (page - 1) * limit)
            total = browser.count()
        except StoreUnavailableError as error:
            raise CommandFailed(f"no answer from MongoDB, see MONGODB_URI: {error}") from error
    if as_json:
        for summary in found:
            print_json(summary._asdict())
        return
    print_table(
        ("USER", "DUE", "ACTIVE", "KNOWN", "DIGESTS", "OWED"),
        (
            (one.user_id, one.due, one.active, one.known, one.digests, "yes" if one.owes else "")
            for one in found
        ),
    )
    say(f"page {page}, {len(found)} of {total} users")


@click.command("why")
@click.argument("user_id", metavar="USER")
@click.argument("alarm_id", metavar="ALARM")
@json_option
@click.pass_obj
def why(
    parsed: Parsed[HasServers],
    user_id: str,
    alarm_id: str,
    as_json: bool,
) -> None:
    r"""Say whether USER's next digest would carry ALARM, and why.

    Exit status 0 whichever it is, 3 if nothing is known of such an alarm.

    \b
    Examples:
      main.py why 2 disk-full
      main.py why 2 disk-full --json | jq .alarm.due
    """
    report = read_from_mongodb(parsed.settings.store, UserID(user_id), only=AlarmID(alarm_id))
    (alarm,) = report.to_fields()["alarms"]
    if as_json:
        print_json({"user_id": user_id, "source": report.source, "alarm": alarm})
    else:
        _print_alarm(report, report.alarms[0])
    if alarm["status"] is None:
        raise NotFound(f"nothing is known of an alarm {alarm_id!r} of user {user_id!r}")


def _print_user(report: UserReport) -> None:
    owed = report.owed
    print_facts(
        (
            ("user", report.user_id),
            ("source", report.source),
            ("instance", report.instance),
            ("version", report.version),
            ("unsaved messages", report.unsaved),
            ("digests given", report.digests),
            ("requests answered last", ", ".join(report.answered) or None),
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
    )
    if len(report.alarms) < report.known:
        say(f"{len(report.alarms)} of {report.known} alarms; --limit 0 lists all")


def _print_alarm(report: UserReport, alarm: AlarmReport) -> None:
    print_facts(
        (
            ("user", report.user_id),
            ("alarm", alarm.alarm_id),
            ("source", report.source),
            ("stands at", alarm.status),
            ("since", alarm.changed_at),
            ("last heard of", alarm.heard_at),
            ("told as", alarm.told_status),
            ("told as of", alarm.told_at),
            ("in next digest", "yes" if alarm.due else "no"),
            ("why", alarm.explanation),
            ("note", report.note),
        )
    )
