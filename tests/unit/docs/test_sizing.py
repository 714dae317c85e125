"""docs/operations/sizing.md: figures that follow from the code, computed anew."""

from __future__ import annotations

import gc
import re
import tracemalloc
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import bson
import pytest

from actors.ports import CheckpointUpdate
from actors.rules.alarms import Alarm, AlarmID, Severity, UserID
from actors.rules.digest import Cursor
from actors.rules.positions import Place
from actors.settings import CoreSettings
from bus.inbound.intake import BODIES_MAX_BYTES
from bus.inbound.stream.reading import BATCH
from bus.settings import BusSettings
from store.users.document import to_changes, to_checkpoint
from tests.service import ROOT
from tests.unit.actors.world import World
from tests.unit.docs.pages import between

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actors.ports import Checkpoint, SaveOutcome, Unreadable, Unsavable
    from actors.system import Ports

PAGE = ROOT / "docs" / "operations" / "sizing.md"
AT_NS = 1_623_098_415_598_765_212


def checkpoint_bytes(alarms: int) -> int:
    """Return the size of a told user's document, ids of 36 characters, as MongoDB stores it."""
    return len(checkpoint_of(UserID("u" * 36), alarms))


def checkpoint_of(user_id: UserID, alarms: int) -> bytes:
    """Return a told user's document, its alarms named as nobody else's."""
    told = Alarm(Severity.WARNING, AT_NS, Severity.WARNING, AT_NS, False, AT_NS // 10**9)  # noqa: FBT003  # as stored
    update = CheckpointUpdate(
        user_id,
        6,
        {AlarmID(f"{user_id[-6:]}{number:030}"): told for number in range(alarms)},
        Cursor(3, Place(1_234_567, AT_NS)),
    )
    document: dict[str, Any] = {"_id": update.user_id, "version": 7}
    for path, value in to_changes(update)["$set"].items():
        *folders, name = path.split(".")
        inner = document
        for folder in folders:
            inner = inner.setdefault(folder, {})
        inner[name] = value
    return bson.encode(document)


class StoredUsers:
    """A store that decodes each user's document when it is loaded, and forgets it."""

    def __init__(self, documents: dict[UserID, bytes]) -> None:
        """Have these."""
        self._documents = documents

    async def load(self, user_ids: Sequence[UserID]) -> dict[UserID, Checkpoint | Unreadable]:
        """Return what is in their documents."""
        return {one: to_checkpoint(bson.decode(self._documents[one])) for one in user_ids}

    async def save(self, updates: Sequence[CheckpointUpdate]) -> Sequence[SaveOutcome | Unsavable]:
        """Nothing changes here."""
        raise NotImplementedError


class Memory(World):
    """The core, with users that are stored; each gets an event that changes nothing."""

    def __init__(self, users: int, alarms: int) -> None:
        """Have the events be there, and nobody be loaded."""
        ids = [UserID(f"{number:036}") for number in range(users)]
        self._documents = {one: checkpoint_of(one, alarms) for one in ids}
        super().__init__()
        for one in ids:
            self.event(one, f"{one[-6:]}{0:030}", Severity.WARNING, AT_NS)

    def taken_bytes(self) -> int:
        """Load all, and return what that took."""
        gc.collect()
        tracemalloc.start()
        self.run(5.0)
        gc.collect()
        taken, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return taken

    def _ports(self) -> Ports:
        return replace(super()._ports(), store=StoredUsers(self._documents))


def _formula() -> tuple[int, int]:
    """Return how many bytes a user and an alarm take, by the page."""
    [(a_user, an_alarm)] = re.findall(
        r"users in memory . ([\d,]+) \+ alarms of theirs . ([\d,]+)", PAGE.read_text()
    )
    return int(a_user.replace(",", "")), int(an_alarm.replace(",", ""))


@pytest.mark.parametrize(("users", "alarms"), [(300, 1), (300, 10), (1, 10_000), (1, 30_000)])
def test_the_memory_of_users_is_what_the_formula_gives(users: int, alarms: int) -> None:
    """Within a quarter, by tracemalloc: a container is sized by it."""
    a_user, an_alarm = _formula()
    memory = Memory(users, alarms)
    taken = memory.taken_bytes()
    assert (memory.live(), memory.unsettled()) == (users, [])
    assert taken == pytest.approx(users * (a_user + alarms * an_alarm), rel=0.25)


def test_the_memory_of_the_defaults_is_what_the_formula_gives() -> None:
    """With as many users as may live, of ten alarms and of as many as are allowed."""
    settings, text = CoreSettings(), PAGE.read_text()
    a_user, an_alarm = _formula()
    users = settings.max_live_users
    ten = users * (a_user + 10 * an_alarm) // 10**6
    most = (users * a_user + settings.live_alarms_allowed * an_alarm) // 10**6
    assert f"{ten} MB with ten alarms each, {most} MB" in text


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
