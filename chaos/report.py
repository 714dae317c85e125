"""The report: a table for people, in the terminal and in the documents, and a file for machines."""

from __future__ import annotations

import json
import math
import os
import platform
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from tests.servers import mongod_version, nats_server_version

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chaos.outcome import Outcome

DOCUMENT = Path(__file__).parent.parent / "docs" / "reliability.md"
FOLDER = DOCUMENT.parent / "reliability"

BEGIN, END = "<!-- chaos -->", "<!-- /chaos -->"

_HEAD = (
    "| what is done to it | times | messages | digests | active alarms | lost | repeated "
    "| lacked an event before | not answered once | seen twice | answering again, median / worst "
    "| longest wait | peak memory |\n"
    "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|"
)
_PACKAGES = ("nats-py", "pykka", "pymongo")


def row(outcome: Outcome) -> str:
    """Return an outcome as a row of the table."""
    return (
        f"| {outcome.faults} | {outcome.fault_count} | {outcome.messages:,} "
        f"| {outcome.digests:,} | {outcome.active_alarms:,} "
        f"| {outcome.lost} | {outcome.repeated} | {outcome.lacking} | {outcome.misanswered} "
        f"| {outcome.seen_twice} "
        f"| {outcome.answering_median_s:.1f} s / {outcome.answering_worst_s:.1f} s "
        f"| {outcome.longest_wait_s:.1f} s | {outcome.peak_bytes / 1e6:.0f} MB |"
    )


def spread(seconds: Sequence[float]) -> str:
    """Return in one line how times are spread: what half, most, nearly all and all came within."""
    ranked = sorted(seconds)
    shares = (("half", 0.5), ("nine tenths", 0.9), ("99 %", 0.99), ("all", 1.0))
    told = [f"{name} {ranked[math.ceil(len(ranked) * share) - 1]:.2f} s" for name, share in shares]
    return f"{len(ranked)} answers, within: {', '.join(told)}"


def table(outcomes: Sequence[Outcome]) -> str:
    """Return all outcomes as a Markdown table."""
    return "\n".join([_HEAD, *map(row, outcomes)])


def write(outcomes: Sequence[Outcome], *, quick: bool) -> Path:
    """Write the file for machines, and the table of a full run into its document."""
    now = datetime.now(UTC)
    versions = {
        "python": platform.python_version(),
        "nats-server": ".".join(map(str, nats_server_version())),
        "mongod": mongod_version(),
        **{package: version(package) for package in _PACKAGES},
    }
    FOLDER.mkdir(parents=True, exist_ok=True)
    file = FOLDER / ("chaos-quick.json" if quick else "chaos.json")
    about = {
        "date": now.isoformat(timespec="seconds"),
        "machine": {
            "cores": os.cpu_count(),
            "system": platform.platform(),
            "load_average": os.getloadavg(),
        },
        "versions": versions,
        "quick": quick,
    }
    results = [asdict(outcome) for outcome in outcomes]
    file.write_text(json.dumps({**about, "scenarios": results}, indent=1) + "\n")
    if not quick:
        known = ", ".join(f"{name} {number}" for name, number in versions.items())
        minutes = sum(outcome.seconds for outcome in outcomes) / 60
        caught_up_s = max(outcome.caught_up_s for outcome in outcomes)
        about_run = (
            f"{now:%Y-%m-%d}, {os.cpu_count()} cores, {known}. It took {minutes:.0f} minutes. "
            f"Behind two minutes of backlog a new request was answered after {caught_up_s:.0f} s."
        )
        _put_into_document(f"{about_run}\n\n{table(outcomes)}")
    return file


def _put_into_document(text: str) -> None:
    document = DOCUMENT.read_text()
    before, _, rest = document.partition(BEGIN)
    _, _, after = rest.partition(END)
    DOCUMENT.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}")
