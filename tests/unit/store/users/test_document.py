"""A checkpoint as a document: escaping, what an update writes, what reads back."""

from __future__ import annotations

import copy
from typing import Any

import bson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.ports import Checkpoint, CheckpointUpdate, Unreadable
from actors.rules.alarms import Alarm, AlarmID, Severity, UserID
from actors.rules.capacity import USER_MAX_BYTES, stored_bytes
from actors.rules.digest import (
    ANSWERED_REQUESTS_KEPT,
    DIGEST_ALARMS_MAX,
    Cursor,
    Digest,
    DigestID,
    DigestItem,
    RequestID,
)
from store.users.document import (
    FENCE,
    SCHEMA,
    escape_field_name,
    to_changes,
    to_checkpoint,
    to_probe,
    unescape_field_name,
)
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
CURSORS = st.builds(
    Cursor,
    st.integers(0, 2**40),
    st.lists(TEXTS.map(RequestID), max_size=3).map(tuple),
    st.none() | DIGESTS,
)
CHANGES = st.dictionaries(ALARM_IDS, st.none() | ALARMS, max_size=4)

DOCUMENT: dict[str, Any] = {
    "_id": "u1",
    "schema": 1,
    "version": 7,
    "base": 6,
    "alarms": {"19": {"a%2E1": [1, 1_623_098_415_598_765_212, 2, None, True, 1_623_098_416]}},
    "cursor": {"number": 3, "answered": ["r1", "r2"]},
    "outbox": {"id": "d3", "items": [["a.1", 1, 5]]},
}


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


@given(TRICKY)
@settings(deadline=None)
def test_any_alarm_id_survives_as_a_field_name(text: str) -> None:
    """Escaped it holds no dot and no dollar, and comes back exactly."""
    name = escape_field_name(AlarmID(text))
    assert not set(".$") & set(name)
    assert unescape_field_name(name) == text


@given(TRICKY, TRICKY)
@settings(deadline=None)
def test_different_alarm_ids_have_different_field_names(one: str, other: str) -> None:
    """No two alarms share a field."""
    escaped = escape_field_name(AlarmID(one)) == escape_field_name(AlarmID(other))
    assert escaped == (one == other)


@pytest.mark.parametrize(
    ("alarm_id", "name"),
    [
        ("a.b$c", "a%2Eb%24c"),
        ("$set", "%24set"),
        ("%2E", "%252E"),
        ("%252E", "%25252E"),
        ("..", "%2E%2E"),
        ("__proto__", "__proto__"),
        ("🚨 ", "🚨 "),
    ],
)
def test_field_names_are_escaped_as_stored_documents_have_it(alarm_id: str, name: str) -> None:
    """The form on disk must not change without a new schema."""
    assert escape_field_name(AlarmID(alarm_id)) == name
    assert unescape_field_name(name) == alarm_id


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


def test_a_cursor_that_owes_a_digest_writes_the_outbox() -> None:
    """Alarm ids in it are values and need no escape."""
    items = (DigestItem(AlarmID("a.1"), Severity.WARNING, 5),)
    cursor = Cursor(3, (RequestID("r1"),), Digest(DigestID("d3"), USER, items))
    assert to_changes(CheckpointUpdate(USER, 6, {}, cursor)) == {
        "$set": {
            "schema": SCHEMA,
            "base": 6,
            "cursor": {"number": 3, "answered": ["r1"]},
            "outbox": {"id": "d3", "items": [["a.1", 1, 5]]},
        },
        "$inc": {"version": 1},
    }


def test_a_cursor_that_owes_nothing_removes_the_outbox() -> None:
    """The digest is published, and must not be again."""
    assert to_changes(CheckpointUpdate(USER, 6, {}, Cursor(3, (), None))) == {
        "$set": {"schema": SCHEMA, "base": 6, "cursor": {"number": 3, "answered": []}},
        "$inc": {"version": 1},
        "$unset": {"outbox": ""},
    }


@given(st.lists(st.tuples(CHANGES, st.none() | CURSORS), min_size=1, max_size=5))
@settings(deadline=None)
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
    items = (DigestItem(AlarmID("a.1"), Severity.WARNING, 5),)
    outbox = Digest(DigestID("d3"), UserID("u1"), items)
    cursor = Cursor(3, (RequestID("r1"), RequestID("r2")), outbox)
    assert to_checkpoint(DOCUMENT) == Checkpoint(7, {AlarmID("a.1"): alarm}, cursor)


def test_a_user_without_alarms_or_digests_is_read() -> None:
    """Those fields come with the first of their kind; unknown ones are ignored."""
    document = {"_id": "u1", "schema": 1, "version": 1, "note": "by hand"}
    assert to_checkpoint(document) == Checkpoint(1, {}, Cursor())


def test_a_newer_schema_is_unreadable() -> None:
    """A later version of this service wrote it: guessing would lose what it knows."""
    read = to_checkpoint(DOCUMENT | {"schema": SCHEMA + 1})
    assert read == Unreadable(
        f"the checkpoint has schema {SCHEMA + 1}, this version reads up to {SCHEMA}"
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
        {"alarms": {"5": {"a": [1, 5, 2, None, True, 9, 9]}}},
        {"alarms": {"5": {"a": [3, 5, 2, None, True, 9]}}},
        {"alarms": {"5": {"a": [-1, 5, 2, None, True, 9]}}},
        {"alarms": {"5": {"a": [1, 5, "2", None, True, 9]}}},
        {"alarms": {"5": {"a": [1, "5", 2, None, True, 9]}}},
        {"alarms": {"5": {"a": [1, 1.6e18, 2, None, True, 9]}}},
        {"alarms": {"5": {"a": [1, None, 2, None, True, 9]}}},
        {"alarms": {"5": {"a": [1, 5, 2, 1.6e18, True, 9]}}},
        {"alarms": {"5": {"a": [1, 5, 2, None, True, "9"]}}},
        {"cursor": []},
        {"cursor": {}},
        {"cursor": {"number": 3}},
        {"cursor": {"number": "3", "answered": []}},
        {"cursor": {"number": 3, "answered": None}},
        {"cursor": {"number": 3, "answered": [5]}},
        {"outbox": []},
        {"outbox": {"items": []}},
        {"outbox": {"id": 5, "items": []}},
        {"outbox": {"id": "d3"}},
        {"outbox": {"id": "d3", "items": [["a", 1]]}},
        {"outbox": {"id": "d3", "items": [[5, 1, 5]]}},
        {"outbox": {"id": "d3", "items": [["a", 9, 5]]}},
        {"outbox": {"id": "d3", "items": [["a", 1, 5.5]]}},
        {"outbox": {"id": "d3", "items": [5]}},
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
@settings(deadline=None)
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
    answered = tuple(RequestID("9" * 40) for _ in range(ANSWERED_REQUESTS_KEPT))
    update = CheckpointUpdate(USER, 7, dict.fromkeys(ids, told), Cursor(9, answered, digest))
    assert len(bson.encode(_apply({}, update))) < 16 * 1024 * 1024
    changed = CheckpointUpdate(
        USER, 7, dict.fromkeys(ids[:DIGEST_ALARMS_MAX], told), Cursor(9, answered, digest)
    )
    assert len(bson.encode(to_changes(changed))) < 16 * 1024 * 1024
    every = CheckpointUpdate(USER, 7, dict.fromkeys(ids, told), None)
    assert len(bson.encode(to_changes(every))) < 16 * 1024 * 1024


@pytest.mark.parametrize(("stored", "read"), [("00-trace", "00-trace"), (5, None), (None, None)])
def test_a_trace_context_that_is_damaged_does_not_keep_a_digest(
    stored: object, read: str | None
) -> None:
    """It is the only field that nobody needs."""
    outbox = {**DOCUMENT["outbox"], "traceparent": stored}
    checkpoint = to_checkpoint({**DOCUMENT, "outbox": outbox})
    assert isinstance(checkpoint, Checkpoint)
    assert checkpoint.cursor.outbox is not None
    assert checkpoint.cursor.outbox.digest_id == "d3"
    assert checkpoint.cursor.outbox.traceparent == read
