"""The command ``doctor``: examines both servers and says how to mend what it finds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from actors.errors import SettingsError
from bus.settings import DeliveryMode
from ops.cli.connection import with_client
from ops.cli.examples import examples
from ops.cli.failures import CommandError
from ops.cli.terminal import json_option, print_json, print_table
from ops.doctor.alarms import examine_alarms
from ops.doctor.findings import Finding, Level, away, note, worst
from ops.doctor.homes import Seen, examine_homes
from ops.doctor.jetstream import Sync
from ops.doctor.log import read_log
from ops.doctor.mongodb import examine_mongodb
from ops.doctor.nats import examine_nats, read_sync
from ops.inquiries.asking import ask_for_figures

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bus.connection.client.client import NatsClient
    from bus.settings import BusSettings
    from ops.cli.command_line import Parsed
    from ops.settings import Settings

_STATUS = {Level.OK: 0, Level.NOTE: 0, Level.RISK: 1, Level.AWAY: 2}


@click.command(
    "doctor",
    epilog=examples(
        "main.py doctor",
        "main.py doctor --nats-monitor http://127.0.0.1:8222",
        "main.py doctor --json | jq '.findings[] | select(.level != \"ok\")'",
    ),
)
@click.option(
    "--nats-monitor",
    help="URL of the NATS server's monitoring port, which tells more, for one sync_interval.",
)
@json_option
@click.pass_obj
def doctor(
    parsed: Parsed[Settings],
    nats_monitor: str | None,
    as_json: bool,
) -> int:
    """Examine NATS, MongoDB and the instances: permissions, durability, positions, clocks.

    Changes nothing. Exit status 0 if no promise is at risk, 1 if data may be lost or a digest
    repeated, 2 if a server cannot be reached or a setting is wrong.
    """
    settings = parsed.settings
    findings, seen = _on_nats(settings.bus, nats_monitor)
    findings += examine_mongodb(settings.store)
    if worst(findings) is not Level.AWAY:
        findings += examine_alarms(settings.store, settings.core.future_tolerance_s)
    if settings.bus.delivery is not DeliveryMode.CORE and worst(findings) is not Level.AWAY:
        history_s = settings.bus.streams.input_history_s
        findings += examine_homes(settings.store, settings.core.lease_s, history_s, seen)
    level = worst(findings)
    if as_json:
        found = [finding.to_fields() for finding in findings]
        print_json({"level": level, "status": _STATUS[level], "findings": found})
    else:
        print_table(("LEVEL", "ABOUT", "FINDING"), _rows(findings))
    return _STATUS[level]


def _rows(findings: Iterable[Finding]) -> Iterator[tuple[str, str, str]]:
    for finding in findings:
        yield finding.level.upper(), finding.about, finding.says
        if finding.mend is not None:
            yield "", "", f"  mend: {finding.mend}"


def _on_nats(settings: BusSettings, monitor_url: str | None) -> tuple[list[Finding], Seen]:
    findings: list[Finding] = []
    seen = Seen(None, {})
    sync = Sync.UNKNOWN
    if monitor_url is not None:
        try:
            sync = read_sync(monitor_url)
        except (OSError, ValueError) as error:
            findings.append(note("nats", f"nothing from its monitoring port: {error}"))

    async def examine(client: NatsClient) -> None:
        nonlocal seen
        findings.extend([finding async for finding in examine_nats(client, settings, sync)])
        if settings.delivery is not DeliveryMode.CORE:
            seen = Seen(
                await read_log(client, settings),
                await ask_for_figures(client, settings.queue_group),
            )

    try:
        with_client(settings, examine)
    except (CommandError, SettingsError) as error:
        findings.append(away("nats", str(error), "see NATS_URL, and whether it runs"))
    return findings, seen
