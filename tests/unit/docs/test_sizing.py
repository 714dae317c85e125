"""docs/operations/sizing.md: figures that follow from the code, computed anew."""

from __future__ import annotations

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


def test_the_worst_case_of_bodies_is_that_of_the_defaults() -> None:
    """Somebody sizes a container by it."""
    settings = BusSettings()
    text, mib = PAGE.read_text(), 1024 * 1024
    assert f"have\n  {BODIES_MAX_BYTES // mib} MiB, no more are asked for, but {BATCH:,}" in text
    assert f"`MAX_BODY_BYTES` of {settings.max_body_bytes // 1024} KiB" in text
    assert BATCH * settings.max_body_bytes <= BODIES_MAX_BYTES
