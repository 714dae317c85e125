"""A checkpoint as a document: escaping, what an update writes, what reads back."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import bson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.ports import Checkpoint, CheckpointUpdate, Unreadable
from actors.rules.alarms import Alarm, AlarmID, Retention, Severity, UserID
from actors.rules.capacity import USER_MAX_BYTES, stored_bytes
from actors.rules.digest import DIGEST_ALARMS_MAX, Cursor, Digest, DigestID, DigestItem
from actors.rules.positions import Place
from actors.user.ids import SharedIds
from actors.user.state import UserState
from store.field_names import escape_field_name
from store.users import document as document_module
from store.users.document import FENCE, SCHEMA, to_changes, to_checkpoint, to_probe
from store.users.memory import InMemoryCheckpointStore

USER = UserID("u.1$")
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)
TRICKY = st.text("%.$25E4e", min_size=1) | TEXTS
INT64 = st.integers(-(2**63), 2**63 - 1)
SEVERITIES = st.sampled_from(Severity)
ALARM_IDS = TRICKY.map(AlarmID)
ALARMS = st.builds(
    Alarm, SEVERITIES, INT64, SEVERITIES, st.none() | INT64, st.booleans(), st.integers(0, 2**40)
)
ITEMS = st.lists(st.builds(DigestItem, ALARM_IDS, SEVERITIES, INT64), max_size=3).map(tuple)
DIGESTS = st.builds(Digest, TEXTS.map(DigestID), st.just(USER), ITEMS, st.none() | TEXTS)
PLACES = st.builds(Place, st.integers(0, 2**62), INT64, st.just("") | TEXTS)
CURSORS = st.builds(
    Cursor,
    st.integers(0, 2**40),
    st.none() | PLACES,
    st.lists(DIGESTS, max_size=3).map(tuple),
    st.lists(TEXTS, max_size=3).map(tuple),
)
CHANGES = st.dictionaries(ALARM_IDS, st.none() | ALARMS, max_size=4)

DOCUMENT: dict[str, Any] = {
    "_id": "u1",
    "schema": 2,
    "version": 7,
    "base": 6,
    "alarms": {"19": {"a%2E1": [1, 1_623_098_415_598_765_212, 2, None, True, 1_623_098_416]}},
    "cursor": {"number": 3, "answered": [7, 1_623_098_415_598_765_213, "log"], "earlier": ["5.6"]},
    "outbox": [
        {"id": "d2", "items": [["a.1", 1, 5]], "traceparent": "00-trace"},
        {"id": "d3", "items": []},
    ],
}
SCHEMA_1: dict[str, Any] = {
    **DOCUMENT,
    "schema": 1,
    "cursor": {"number": 3, "answered": ["5.6", "7.8"]},
    "outbox": {"id": "d3", "items": [["a.1", 1, 5]]},
}
ITEM = DigestItem(AlarmID("a.1"), Severity.WARNING, 5)
OWED = Digest(DigestID("d3"), UserID("u1"), (ITEM,))


def _apply(document: dict[str, Any], update: CheckpointUpdate) -> dict[str, Any]:
    """Do what MongoDB does with the operators, and pass the result through BSON."""
    document = copy.deepcopy(document) or {"_id": update.user_id}
    operators = to_changes(update)
    assert set(operators) <= {"$set", "$inc", "$unset"}
    document["version"] = document.get("version", 0) + operators["$inc"]["version"]
    for path, value in operators["$set"].items():
        parent, field = _field(document, path)
        parent[field] = value
    for path in operators.get("$unset", {}):
        parent, field = _field(document, path)
        parent.pop(field, None)
    return bson.decode(bson.encode(document))


def _field(document: dict[str, Any], path: str) -> tuple[dict[str, Any], str]:
    *parents, field = path.split(".")
    assert field
    assert not field.startswith("$")
    for parent in parents:
        document = document.setdefault(parent, {})
    return document, field


@pytest.mark.parametrize(("stored", "fits"), [(6, True), (5, False), (7, False), (0, False)])
def test_the_fence_admits_an_update_on_its_base_version_only(stored: int, fits: bool) -> None:
    """That is the compare of compare-and-set."""
    assert FENCE == {"$expr": {"$eq": ["$version", {"$add": ["$base", 1]}]}}
    after = _apply({"_id": USER, "version": stored}, CheckpointUpdate(USER, 6, {}, None))
    assert (after["version"] == after["base"] + 1) is fits


def test_the_fence_refuses_the_probe() -> None:
    """On a collection where the probe's document is not there, as it never is."""
    operators = to_probe()
    assert operators["$inc"]["version"] != operators["$set"]["base"] + 1


def test_an_update_writes_what_changed_and_nothing_else() -> None:
    """One alarm set, one removed, the cursor as it was."""
    alarm = Alarm(Severity.CRITICAL, 5, Severity.WARNING, 4, news=False, heard_at_s=9)
    update = CheckpointUpdate(USER, 6, {AlarmID("a.1"): alarm, AlarmID("$b"): None}, None)
    assert to_changes(update) == {
        "$set": {"schema": SCHEMA, "base": 6, "alarms.19.a%2E1": alarm},
        "$inc": {"version": 1},
        "$unset": {"alarms.45.%24b": ""},
    }


def test_an_update_that_changes_nothing_still_makes_a_version() -> None:
    """Without an empty operator, which old servers refuse."""
    assert to_changes(CheckpointUpdate(USER, 0, {}, None)) == {
        "$set": {"schema": SCHEMA, "base": 0},
        "$inc": {"version": 1},
    }


def test_a_cursor_writes_all_that_is_known_of_it_and_the_outbox() -> None:
    """Alarm ids in it are values and need no escape."""
    empty = Digest(DigestID("d4"), USER, (), "00-trace")
    digests = (Digest(DigestID("d3"), USER, (ITEM,)), empty)
    cursor = Cursor(4, Place(7, 8, "log"), digests, ("5.6",))
    assert to_changes(CheckpointUpdate(USER, 6, {}, cursor)) == {
        "$set": {
            "schema": SCHEMA,
            "base": 6,
            "cursor.number": 4,
            "cursor.answered": [7, 8, "log"],
            "cursor.earlier": ["5.6"],
            "outbox": [
                {"id": "d3", "items": [["a.1", 1, 5]]},
                {"id": "d4", "items": [], "traceparent": "00-trace"},
            ],
        },
        "$inc": {"version": 1},
    }


@pytest.mark.parametrize(
    ("answered", "stored", "removed"),
    [(None, {}, {"cursor.answered": ""}), (Place(7, 8), {"cursor.answered": [7, 8]}, {})],
)
def test_a_cursor_writes_no_more_than_it_has_to_say(
    answered: Place | None, stored: dict[str, Any], removed: dict[str, Any]
) -> None:
    """And takes away an outbox that is settled, which must not be published again."""
    assert to_changes(CheckpointUpdate(USER, 6, {}, Cursor(3, answered))) == {
        "$set": {"schema": SCHEMA, "base": 6, "cursor.number": 3, **stored},
        "$inc": {"version": 1},
        "$unset": {"outbox": "", "cursor.earlier": "", **removed},
    }


@given(st.lists(st.tuples(CHANGES, st.none() | CURSORS), min_size=1, max_size=5))
def test_updates_applied_to_a_document_read_back_as_the_twin_has_it(
    history: list[tuple[dict[AlarmID, Alarm | None], Cursor | None]],
) -> None:
    """Whatever is set, changed and removed, in whatever order, through BSON and back."""
    twin = InMemoryCheckpointStore()
    document: dict[str, Any] = {}
    for version, (alarms, cursor) in enumerate(history):
        update = CheckpointUpdate(USER, version, alarms, cursor)
        twin.save([update])
        document = _apply(document, update)
        assert to_checkpoint(document) == twin.load([USER])[USER]


def test_a_document_is_read_as_the_schema_describes_it() -> None:
    """Every field to its place."""
    alarm = Alarm(
        Severity.WARNING,
        1_623_098_415_598_765_212,
        Severity.CRITICAL,
        None,
        news=True,
        heard_at_s=1_623_098_416,
    )
    owed = Digest(DigestID("d2"), UserID("u1"), (ITEM,), "00-trace")
    outbox = (owed, Digest(DigestID("d3"), UserID("u1"), ()))
    answered = Place(7, 1_623_098_415_598_765_213, "log")
    cursor = Cursor(3, answered, outbox, ("5.6",))
    assert to_checkpoint(DOCUMENT) == Checkpoint(7, {AlarmID("a.1"): alarm}, cursor)


def test_a_document_of_schema_1_is_read() -> None:
    """Requests it knew by their ids, and the one digest it could owe."""
    read = to_checkpoint(SCHEMA_1)
    assert isinstance(read, Checkpoint)
    assert read.cursor == Cursor(3, None, (OWED,), ("5.6", "7.8"))
    settled = {key: value for key, value in SCHEMA_1.items() if key != "outbox"}
    read = to_checkpoint({**settled, "cursor": {"number": 3, "answered": []}})
    assert isinstance(read, Checkpoint)
    assert read.cursor == Cursor(3)


def test_schema_1_stays_readable_until_the_next_save_of_the_cursor() -> None:
    """One that changes alarms only leaves cursor and outbox in their old form."""
    document = _apply(SCHEMA_1, CheckpointUpdate(USER, 7, {AlarmID("b"): None}, None))
    assert document["schema"] == SCHEMA
    assert (document["cursor"], document["outbox"]) == (SCHEMA_1["cursor"], SCHEMA_1["outbox"])
    read = to_checkpoint(document)
    assert isinstance(read, Checkpoint)
    assert read.cursor == Cursor(3, None, (OWED,), ("5.6", "7.8"))


@given(CURSORS)
def test_the_next_save_of_the_cursor_leaves_nothing_of_schema_1(cursor: Cursor) -> None:
    """Cursor and outbox are then as if there had never been another form."""
    update = CheckpointUpdate(UserID("u1"), 7, {}, cursor)
    anew = {key: value for key, value in SCHEMA_1.items() if key not in ("cursor", "outbox")}
    assert _apply(SCHEMA_1, update) == _apply(anew, update)


def test_an_alarm_is_stored_in_the_form_that_released_versions_read() -> None:
    """One more field comes last and its absence is read: they run beside this one in an upgrade.

    What else goes with it: ``SCHEMA``, if they could not do with it (docs/operations/upgrades.md),
    the form in the module's docstring, what the core counts for an alarm, and the CHANGELOG.
    """
    released = ("severity", "changed_at_ns", "told_severity", "told_at_ns", "news", "heard_at_s")
    assert Alarm._fields == released
    shown = " ".join((document_module.__doc__ or "").split())
    form = ", ".join(f"{name} | null" if name == "told_at_ns" else name for name in released)
    assert f"[{form}]" in shown


def test_what_a_newer_version_has_added_is_ignored() -> None:
    """A further place of a list, a further field: the schema says that it can be done without."""
    newer = copy.deepcopy(DOCUMENT)
    newer["more"] = 1
    newer["alarms"]["19"]["a%2E1"].append({"more": 1})
    newer["cursor"]["more"] = 1
    newer["cursor"]["answered"].append("more")
    newer["outbox"][0]["more"] = 1
    newer["outbox"][0]["items"][0].append("more")
    read, known = to_checkpoint(newer), to_checkpoint(DOCUMENT)
    assert isinstance(read, Checkpoint)
    assert isinstance(known, Checkpoint)
    assert read == replace(known, beyond={AlarmID("a.1"): ({"more": 1},)})


def test_what_a_newer_version_has_added_is_kept() -> None:
    """Beside what is written too: behind an alarm that is changed, in the cursor, in the user."""
    newer = copy.deepcopy(DOCUMENT)
    newer["alarms"]["19"]["a%2E1"] += ["more", {"and": 2**40}]
    newer["alarms"]["45"] = {"%24b": [1, 5, 0, None, True, 9, "more"]}
    newer["more"], newer["cursor"]["more"] = 1, 1
    state, new = UserState(), AlarmID("c")
    read = to_checkpoint(newer)
    assert isinstance(read, Checkpoint)
    state.load(read, SharedIds())
    alarm = Alarm(Severity.WARNING, 6, Severity.CLEARED, None, news=True, heard_at_s=9)
    for changed in (AlarmID("a.1"), new):
        state.alarms[changed] = alarm
        state.changed[changed] = None
    state.cursor, state.told = Cursor(4, Place(9, 9)), True
    written = _apply(newer, state.take_changes(UserID("u1")))
    assert written["more"] == 1
    assert written["cursor"] == {"number": 4, "answered": [9, 9], "more": 1}
    assert written["alarms"]["45"] == newer["alarms"]["45"]
    assert written["alarms"]["19"]["a%2E1"] == [1, 6, 0, None, True, 9, "more", {"and": 2**40}]
    read = to_checkpoint(written)
    assert isinstance(read, Checkpoint)
    assert (read.alarms[new], read.beyond.get(new)) == (alarm, None)


def test_what_was_behind_an_alarm_is_forgotten_with_it() -> None:
    """An alarm of the same id that comes later is another one."""
    a = AlarmID("a")
    cleared = Alarm(Severity.CLEARED, 1, Severity.CLEARED, None, news=False, heard_at_s=1)
    state = UserState()
    state.load(Checkpoint(3, {a: cleared}, Cursor(), {a: ("more",)}), SharedIds())
    state.forget_cleared(10**6, Retention(60))
    forgotten = state.take_changes(USER)
    assert (forgotten.alarms, forgotten.beyond) == ({a: None}, {})
    state.alarms[a], state.changed[a] = cleared, None
    assert state.take_changes(USER).beyond == {}


def test_an_outbox_without_a_cursor_is_still_owed() -> None:
    """Half of what belongs together was removed: the user is told rather twice than never."""
    read = to_checkpoint({key: value for key, value in SCHEMA_1.items() if key != "cursor"})
    assert isinstance(read, Checkpoint)
    assert read.cursor == Cursor(outbox=(OWED,))


def test_a_user_without_alarms_or_digests_is_read() -> None:
    """Those fields come with the first of their kind; unknown ones are ignored."""
    document = {"_id": "u1", "schema": 1, "version": 1, "note": "by hand"}
    assert to_checkpoint(document) == Checkpoint(1, {}, Cursor())


def test_a_newer_schema_is_unreadable() -> None:
    """A later version of this service wrote it: guessing would lose what it knows."""
    read = to_checkpoint(DOCUMENT | {"schema": SCHEMA + 1})
    assert read == Unreadable(
        f"the checkpoint has schema {SCHEMA + 1}, this version reads up to {SCHEMA}", newer=True
    )


@pytest.mark.parametrize("field", ["schema", "version"])
def test_a_document_that_lacks_a_field_is_unreadable(field: str) -> None:
    """The reason says which."""
    read = to_checkpoint({key: value for key, value in DOCUMENT.items() if key != field})
    assert isinstance(read, Unreadable)
    assert field in read.reason


@pytest.mark.parametrize(
    "damage",
    [
        {"schema": "1"},
        {"schema": None},
        {"version": "7"},
        {"version": None},
        {"version": 7.5},
        {"alarms": None},
        {"alarms": []},
        {"alarms": "a"},
        {"alarms": {"5": None}},
        {"alarms": {"5": []}},
        {"alarms": {"5": {"a": None}}},
        {"alarms": {"5": {"a": []}}},
        {"alarms": {"5": {"a": [1, 5, 2, None, True]}}},
        {"alarms": {"5": {"a": [3, 5, 2, None, True, 9]}}},
        {"alarms": {"5": {"a": [-1, 5, 2, None, True, 9]}}},
        {"alarms": {"5": {"a": [1, 5, "2", None, True, 9]}}},
        {"alarms": {"5": {"a": [1, "5", 2, None, True, 9]}}},
        {"alarms": {"5": {"a": [1, 1.6e18, 2, None, True, 9]}}},
        {"alarms": {"5": {"a": [1, None, 2, None, True, 9]}}},
        {"alarms": {"5": {"a": [1, 5, 2, 1.6e18, True, 9]}}},
        {"alarms": {"5": {"a": [1, 5, 2, None, True, "9"]}}},
        {"cursor": None},
        {"cursor": []},
        {"cursor": {}},
        {"cursor": {"answered": [5, 6]}},
        {"cursor": {"number": "3", "answered": []}},
        {"cursor": {"number": 3, "answered": 5}},
        {"cursor": {"number": 3, "answered": [5]}},
        {"cursor": {"number": 3, "answered": [5, "6"]}},
        {"cursor": {"number": 3, "answered": [5, 1.6e18]}},
        {"cursor": {"number": 3, "answered": [5.0, 6]}},
        {"cursor": {"number": 3, "answered": [5, 6, 7]}},
        {"cursor": {"number": 3, "answered": ["5.6", 7]}},
        {"cursor": {"number": 3, "earlier": [5]}},
        {"cursor": {"number": 3, "earlier": None}},
        {"outbox": [[]]},
        {"outbox": ["d3"]},
        {"outbox": [{"id": "d3", "items": []}, {"items": []}]},
        {"outbox": "d3"},
        {"outbox": {"items": []}},
        {"outbox": {"id": 5, "items": []}},
        {"outbox": {"id": "d3"}},
        {"outbox": {"id": "d3", "items": [["a", 1]]}},
        {"outbox": {"id": "d3", "items": [[5, 1, 5]]}},
        {"outbox": {"id": "d3", "items": [["a", 9, 5]]}},
        {"outbox": {"id": "d3", "items": [["a", 1, 5.5]]}},
        {"outbox": {"id": "d3", "items": [5]}},
        {"outbox": [{"id": "d3", "items": [["a", 1, 5.5]]}]},
    ],
)
def test_a_damaged_document_is_unreadable(damage: dict[str, Any]) -> None:
    """Said while loading, with a reason, and not by a crash in the middle of a digest."""
    read = to_checkpoint(DOCUMENT | damage)
    assert isinstance(read, Unreadable)
    assert read.reason.startswith("the checkpoint is damaged: ")


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        ({"version": 7.5}, "7.5 is not a whole number"),
        ({"outbox": {"id": 3, "items": []}}, "3 is not text"),
    ],
)
def test_the_reason_names_what_is_damaged(damage: dict[str, Any], reason: str) -> None:
    """For whoever has to mend it."""
    read = to_checkpoint(DOCUMENT | damage)
    assert isinstance(read, Unreadable)
    assert reason in read.reason


@given(alarm_id=ALARM_IDS, alarm=ALARMS)
def test_an_alarm_takes_no_more_than_the_core_counts_for_it(
    alarm_id: AlarmID, alarm: Alarm
) -> None:
    """Told or not: a user that was found to fit still fits when all of it has been told."""
    told = alarm._replace(told_at_ns=2**62)
    for others in ({}, {"x": list(alarm)}):
        with_it = {**others, escape_field_name(alarm_id): list(told)}
        size = len(bson.encode({"1": with_it})) - len(bson.encode({"1": others}))
        assert size <= stored_bytes([alarm_id])


@pytest.mark.parametrize("char", ["x", "%", "é"])
def test_the_fullest_user_fits_with_the_largest_digest(char: str) -> None:
    """Into one document, and what changes into one update."""
    count = USER_MAX_BYTES // stored_bytes([AlarmID("0" * 6 + char * (250 // len(char.encode())))])
    ids = [AlarmID(f"{number:06}{char * (250 // len(char.encode()))}") for number in range(count)]
    assert stored_bytes(ids) > USER_MAX_BYTES * 0.99
    told = Alarm(Severity.CRITICAL, 2**62, Severity.CRITICAL, 2**62, news=True, heard_at_s=2**40)
    items = tuple(DigestItem(one, Severity.CRITICAL, 2**62) for one in ids[:DIGEST_ALARMS_MAX])
    digest = Digest(DigestID("d" * 32), USER, items)
    earlier = tuple("9" * 40 for _ in range(64))  # as many as schema 1 ever kept
    cursor = Cursor(9, Place(2**62, 2**62, "l" * 64), (digest,), earlier)
    update = CheckpointUpdate(USER, 7, dict.fromkeys(ids, told), cursor)
    assert len(bson.encode(_apply({}, update))) < 16 * 1024 * 1024
    changed = CheckpointUpdate(USER, 7, dict.fromkeys(ids[:DIGEST_ALARMS_MAX], told), cursor)
    assert len(bson.encode(to_changes(changed))) < 16 * 1024 * 1024
    every = CheckpointUpdate(USER, 7, dict.fromkeys(ids, told), None)
    assert len(bson.encode(to_changes(every))) < 16 * 1024 * 1024


@pytest.mark.parametrize(("stored", "read"), [("00-trace", "00-trace"), (5, None), (None, None)])
def test_a_trace_context_that_is_damaged_does_not_keep_a_digest(
    stored: object, read: str | None
) -> None:
    """It is the only field that nobody needs."""
    outbox = [{**DOCUMENT["outbox"][0], "traceparent": stored}]
    checkpoint = to_checkpoint({**DOCUMENT, "outbox": outbox})
    assert isinstance(checkpoint, Checkpoint)
    [owed] = checkpoint.cursor.outbox
    assert (owed.digest_id, owed.traceparent) == ("d2", read)
