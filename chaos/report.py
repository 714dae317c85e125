"""The report: a table for people, in the terminal and in the documents, and a file for machines.

The file has the last full play of each scenario, and what it was played with.
"""

from __future__ import annotations

import json
import math
import os
import platform
import subprocess
from contextlib import suppress
from dataclasses import asdict, fields
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chaos.cluster_scenarios import NAMES
from chaos.outcome import Outcome
from tests.servers import mongod_version, nats_server_version

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

DOCUMENT = Path(__file__).parent.parent / "docs" / "reliability.md"
FOLDER = DOCUMENT.parent / "reliability"
FILE = FOLDER / "chaos.json"

BEGIN, END = "<!-- chaos -->", "<!-- /chaos -->"

_HEAD = (
    "| what is done to it | times | messages | digests | active alarms | lost | repeated "
    "| lacked an event before | not answered once | seen twice | answering again, median / worst "
    "| longest wait | peak memory |\n"
    "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|"
)
_PACKAGES = ("nats-py", "pykka", "pymongo")
_MEASURED = {field.name for field in fields(Outcome)}


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


def record(outcome: Outcome, played_with: Mapping[str, str]) -> None:
    """Put a full play into the file and the document, in place of the one before of its scenario.

    One by one: a run takes more than an hour, and what was played before it broke off counts.
    ``played_with`` are the ``versions`` as they were before it.
    """
    others = [one for one in recorded() if one["scenario"] != outcome.scenario]
    about = {"played": datetime.now(UTC).isoformat(timespec="seconds"), "with": played_with}
    rows = in_order([*others, {**asdict(outcome), **about}])
    FOLDER.mkdir(parents=True, exist_ok=True)
    _replace(FILE, json.dumps({"scenarios": rows}, indent=1) + "\n")
    _put_into_document(shown(rows))


def recorded() -> list[dict[str, Any]]:
    """Return the last full play of each scenario: an outcome, when it was played and with what."""
    rows: list[dict[str, Any]] = json.loads(FILE.read_text())["scenarios"] if FILE.exists() else []
    return rows


def in_order(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return them as they are played.

    Without those of scenarios that there are no more, or that measured something else then.
    """
    by_name = {row["scenario"]: row for row in rows if row.keys() >= _MEASURED}
    return [by_name[name] for name in NAMES if name in by_name]


def shown(rows: Sequence[dict[str, Any]]) -> str:
    """Return what the document shows of the file: what was played when, and the table."""
    days = sorted({row["played"][:10] for row in rows})
    played = days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"
    played_with = [
        f"{name} {' / '.join(dict.fromkeys(row['with'][name] for row in rows))}"
        for name in rows[0]["with"]
    ]
    minutes = sum(row["seconds"] for row in rows) / 60
    outcomes = [
        Outcome(**{name: value for name, value in row.items() if name in _MEASURED}) for row in rows
    ]
    caught_up_s = max(outcome.caught_up_s for outcome in outcomes)
    return (
        f"{played}, {minutes:.0f} minutes; {', '.join(played_with)}. "
        f"Behind two minutes of backlog a new request was answered after {caught_up_s:.0f} s.\n\n"
        f"{table(outcomes)}"
    )


def versions() -> dict[str, str]:
    """Return those of the parts, and which commit of ours: ``+`` where files were changed."""
    return {
        "commit": _commit(),
        "cores": str(os.cpu_count()),
        "Python": platform.python_version(),
        "nats-server": ".".join(map(str, nats_server_version())),
        "mongod": mongod_version(),
        **{package: version(package) for package in _PACKAGES},
    }


def _commit() -> str:
    """Return ours, with a + where other files than documents differ from it."""
    return _git("rev-parse", "--short", "HEAD") + "+" * bool(
        _git("status", "--porcelain", "--", ":!docs")
    )


def _git(*arguments: str) -> str:
    """Return what git says; nothing where there is none."""
    command = ["git", "-C", str(DOCUMENT.parent.parent), *arguments]
    with suppress(OSError):
        found = subprocess.run(  # noqa: S603  # git, and arguments of ours
            command, capture_output=True, text=True, check=False
        )
        return found.stdout.strip()
    return ""


def _put_into_document(text: str) -> None:
    document = DOCUMENT.read_text()
    before, _, rest = document.partition(BEGIN)
    _, _, after = rest.partition(END)
    _replace(DOCUMENT, f"{before}{BEGIN}\n{text}\n{END}{after}")


def _replace(file: Path, text: str) -> None:
    """Write a file at once or not at all: whoever has enough of a run ends it at any time."""
    new = file.with_suffix(".new")
    new.write_text(text)
    new.replace(file)
