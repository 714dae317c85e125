"""docs/operations/sizing.md: figures that follow from the code, computed anew."""

from __future__ import annotations

import re
from typing import Any

import bson

from actors.ports import CheckpointUpdate
from actors.rules.alarms import Alarm, AlarmID, Severity, UserID
from actors.rules.digest import Cursor
from actors.rules.positions import Place
from bus.inbound.intake import BODIES_MAX_BYTES
from bus.inbound.stream.reading import BATCH
from bus.settings import BusSettings
from store.users.document import to_changes
from tests.service import ROOT
from tests.unit.docs.pages import between

PAGE = ROOT / "docs" / "operations" / "sizing.md"
AT_NS = 1_623_098_415_598_765_212


def checkpoint_bytes(alarms: int) -> int:
    """Return the size of a told user's document, ids of 36 characters, as MongoDB stores it."""
    told = Alarm(Severity.WARNING, AT_NS, Severity.WARNING, AT_NS, False, AT_NS // 10**9)  # noqa: FBT003  # as stored
    update = CheckpointUpdate(
        UserID("u" * 36),
        6,
        {AlarmID(f"{number:036}"): told for number in range(alarms)},
        Cursor(3, Place(1_234_567, AT_NS)),
    )
    document: dict[str, Any] = {"_id": update.user_id, "version": 7}
    for path, value in to_changes(update)["$set"].items():
        *folders, name = path.split(".")
        inner = document
        for folder in folders:
            inner = inner.setdefault(folder, {})
        inner[name] = value
    return len(bson.encode(document))


def test_the_sizes_of_checkpoints_are_those_of_their_form() -> None:
    """On a difference, copy the rows."""
    rows = [f"| {count:,} | {checkpoint_bytes(count):,} |" for count in (0, 1, 10, 100, 1_000)]
    assert between(PAGE, "checkpoints") == "\n".join(["| alarms | bytes |", "|---|---|", *rows, ""])


def test_the_disk_of_an_hours_history_is_what_the_formula_gives() -> None:
    """With the default history, and the bytes that the page says were measured."""
    [(body, overhead)] = re.findall(
        r"an event takes its body and (?:\d+) bytes \((\d+) \+ (\d+)\)", PAGE.read_text()
    )
    assert f"(body + {overhead})" in PAGE.read_text()
    history_s = BusSettings().streams.input_history_s
    assert history_s == 3600
    rows = []
    for rate in (100, 1_000, 10_000):
        bytes_s = rate * (int(body) + int(overhead))
        hour_gb, day_gb = (bytes_s * (history_s + outage_s) / 1e9 for outage_s in (0, 24 * 3600))
        rows.append(f"| {rate:,} | {hour_gb:.1f} GB | {day_gb:.1f} GB |\n")
    assert between(PAGE, "history").partition("|---|---|---|\n")[2] == "".join(rows)


def test_the_worst_case_of_bodies_is_that_of_the_defaults() -> None:
    """Somebody sizes a container by it."""
    settings = BusSettings()
    text, mib = PAGE.read_text(), 1024 * 1024
    assert f"have\n  {BODIES_MAX_BYTES // mib} MiB, no more are asked for, but {BATCH:,}" in text
    assert f"`MAX_BODY_BYTES` of {settings.max_body_bytes // 1024} KiB" in text
    assert BATCH * settings.max_body_bytes <= BODIES_MAX_BYTES
