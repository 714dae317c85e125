"""The validator that saves rely on: whatever becomes of it is noticed, and mended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from actors.errors import StoreUnavailableError
from actors.ports import Checkpoint, CheckpointUpdate, SaveOutcome
from actors.rules.alarms import Alarm, AlarmID, Severity, UserID
from actors.rules.digest import Cursor
from store.settings import StoreSettings
from store.users.blocking import StandaloneStore
from store.users.document import FENCE
from store.users.fence import COMPARE_EVERY_S
from store.users.mongo import COLLECTION
from tests.contract.conftest import DATABASE
from tests.doubles import logged

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.contract.conftest import MongoSide

ALICE, BOB = UserID("alice"), UserID("bob")
A = AlarmID("a")
WARNING = Alarm(Severity.WARNING, 5, Severity.CLEARED, None, news=True, heard_at_s=9)
STORED = Checkpoint(1, {A: WARNING}, Cursor())
FENCED = {"validator": FENCE, "validationLevel": "strict", "validationAction": "error"}
MISSED = ("CRITICAL", "store.fence_missing")
CHANGES: dict[str, dict[str, Any]] = {
    "removed": {"validator": {}},
    "of other hands": {"validator": {"_id": {"$ne": "nobody"}}},
    "warns": {"validationAction": "warn"},
    "off": {"validationLevel": "off"},
    "moderate": {"validationLevel": "moderate"},
}


class ManualClock:
    """Time that a test lets pass."""

    def __init__(self) -> None:
        """Begin somewhere."""
        self.now_s = 100.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now_s


@pytest.fixture(scope="module")
def clock() -> ManualClock:
    """The time of ``watched``."""
    return ManualClock()


@pytest.fixture(scope="module")
def watched(
    mongodb_uri: str, mongo_session: MongoSide, clock: ManualClock
) -> Iterator[StandaloneStore]:
    """A store whose time stands still until a test lets it pass."""
    assert mongo_session
    store = StandaloneStore(StoreSettings(mongodb_uri, DATABASE), clock)
    store.open()
    yield store
    store.close()


@pytest.fixture(autouse=True)
def _fenced(mongo: MongoSide, watched: StandaloneStore, clock: ManualClock) -> Iterator[None]:
    """Leave the collection fenced, as the other suites want it."""
    clock.now_s += COMPARE_EVERY_S
    watched.check()
    yield
    mongo.store.open()


def change(mongo: MongoSide, how: str) -> None:
    """Do to the collection what somebody might do with a shell."""
    mongo.users.database.command("collMod", COLLECTION, **CHANGES[how])


def options(mongo: MongoSide) -> dict[str, Any]:
    """Return what the collection says it has."""
    return dict(mongo.users.options())


def save(store: StandaloneStore, user_id: UserID, base_version: int) -> object:
    """Save a user; return what became of it."""
    [outcome] = store.save([CheckpointUpdate(user_id, base_version, {A: WARNING}, None)])
    return outcome


@pytest.mark.parametrize("how", list(CHANGES))
def test_a_fence_that_is_not_whole_at_the_start_is_mended(
    mongo: MongoSide, watched: StandaloneStore, caplog: pytest.LogCaptureFixture, how: str
) -> None:
    """Before anything is written, and said: somebody may have been overwritten meanwhile."""
    change(mongo, how)
    watched.open()
    assert options(mongo) == FENCED
    assert logged(caplog.records, "store.mongo") == [MISSED]
    assert save(watched, BOB, 3) is SaveOutcome.CONFLICTED
    assert watched.load([BOB]) == {}
    assert mongo.users.find_one({"_id": ""}) is None


@pytest.mark.parametrize("how", ["removed", "of other hands", "warns", "off", "dropped"])
def test_a_fence_that_lets_the_probe_through_while_running_is_mended_at_once(
    mongo: MongoSide, watched: StandaloneStore, caplog: pytest.LogCaptureFixture, how: str
) -> None:
    """A save that nothing fenced is not taken for a save; the next one is fenced again."""
    assert save(watched, ALICE, 0) is SaveOutcome.SAVED
    if how == "dropped":
        mongo.users.drop()
    else:
        change(mongo, how)
    with pytest.raises(StoreUnavailableError, match="lost its validator"):
        save(watched, BOB, 0)
    assert options(mongo) == FENCED
    assert logged(caplog.records, "store.mongo") == [MISSED]
    assert mongo.users.find_one({"_id": ""}) is None
    # It had taken effect: the user loads it.
    assert save(watched, BOB, 0) is SaveOutcome.CONFLICTED
    assert watched.load([BOB]) == {BOB: STORED}


@pytest.mark.parametrize("by", ["save", "check"])
@pytest.mark.parametrize("how", list(CHANGES))
def test_a_fence_that_is_not_whole_is_seen_within_seconds_whatever_the_probe_says(
    mongo: MongoSide,
    watched: StandaloneStore,
    clock: ManualClock,
    caplog: pytest.LogCaptureFixture,
    how: str,
    by: str,
) -> None:
    """At the level "moderate" it refuses the probe, and yet admits what it must not."""
    change(mongo, how)
    clock.now_s += COMPARE_EVERY_S
    if by == "check":
        watched.check()
    else:
        assert save(watched, BOB, 3) is SaveOutcome.CONFLICTED
    assert options(mongo) == FENCED
    assert logged(caplog.records, "store.mongo") == [MISSED]


def test_at_the_level_moderate_a_document_that_is_wrong_could_be_overwritten(
    mongo: MongoSide, watched: StandaloneStore, clock: ManualClock
) -> None:
    """Why the level is compared: here the stale writer wins, until that was done."""
    with_a_shell = {"_id": ALICE, "schema": 2, "base": 5, "version": 7}
    mongo.users.database.command(
        {"insert": COLLECTION, "documents": [with_a_shell], "bypassDocumentValidation": True}
    )
    change(mongo, "moderate")
    assert save(watched, ALICE, 3) is SaveOutcome.SAVED
    clock.now_s += COMPARE_EVERY_S
    assert save(watched, ALICE, 3) is SaveOutcome.CONFLICTED


def test_what_a_probe_has_left_behind_does_no_harm(
    mongo: MongoSide, watched: StandaloneStore
) -> None:
    """Whoever mended the fence may have died before removing it; then a probe fits once."""
    left = {"_id": "", "base": 1, "version": 1}
    mongo.users.database.command(
        {"insert": COLLECTION, "documents": [left], "bypassDocumentValidation": True}
    )
    with pytest.raises(StoreUnavailableError, match="lost its validator"):
        save(watched, BOB, 0)
    assert mongo.users.find_one({"_id": ""}) is None
    assert save(watched, ALICE, 0) is SaveOutcome.SAVED
    mongo.users.database.command(
        {"insert": COLLECTION, "documents": [left], "bypassDocumentValidation": True}
    )
    watched.open()
    assert mongo.users.find_one({"_id": ""}) is None


@pytest.mark.parametrize("how", list(CHANGES))
def test_whoever_saved_meanwhile_is_told_that_it_may_be_overwritten(
    mongodb_uri: str, mongo: MongoSide, clock: ManualClock, how: str
) -> None:
    """Each time that the fence is found missing, and not while it stands."""
    falls: list[None] = []
    store = StandaloneStore(StoreSettings(mongodb_uri, DATABASE), clock, lambda: falls.append(None))
    try:
        store.open()
        assert save(store, ALICE, 0) is SaveOutcome.SAVED
        assert not falls
        change(mongo, how)
        clock.now_s += COMPARE_EVERY_S
        assert save(store, BOB, 0) is SaveOutcome.SAVED
        assert len(falls) == 1
    finally:
        store.close()
