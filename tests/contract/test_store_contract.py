"""The contract of CheckpointStore, held by the twin and by MongoDB alike."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from actors.ports import Checkpoint, CheckpointUpdate, SaveOutcome, Unsavable
from actors.rules.alarms import Alarm, AlarmID, Severity, UserID
from actors.rules.digest import Cursor, Digest, DigestID, DigestItem
from actors.rules.positions import Place

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from store.users.memory import SyncStore

SAVED, CONFLICTED = SaveOutcome.SAVED, SaveOutcome.CONFLICTED
ALICE, BOB, CAROL = UserID("alice"), UserID("bob"), UserID("carol")
A, B = AlarmID("a"), AlarmID("b")
WARNING = Alarm(Severity.WARNING, 5, Severity.CLEARED, None, news=True, heard_at_s=9)
CRITICAL = Alarm(Severity.CRITICAL, 7, Severity.WARNING, 5, news=False, heard_at_s=10)
HOSTILE = [
    "a.b$c",
    "$set",
    "$",
    "__proto__",
    "🚨",
    "🚨" * 64,
    "x" * 256,
    "." * 256,
    "%2E",
    "%",
    ".a",
    "a.",
    ".a.",
    "..",
    " ",
    "a b\t\n",
    "0",
    "_id",
    "version",
    "alarms.a",
    "e\u0301",
    "\u202e\uffff",
    "a/b\\c\"'",
]


def _update(
    user_id: UserID,
    base_version: int,
    alarms: Mapping[AlarmID, Alarm | None] | None = None,
    cursor: Cursor | None = None,
) -> CheckpointUpdate:
    return CheckpointUpdate(user_id, base_version, alarms or {}, cursor)


def _many_alarms(first: int, count: int) -> dict[AlarmID, Alarm | None]:
    """Return alarms with ids as long as they may be, escapes counted: 22,000 exceed 16 MiB."""
    to_escape = str.maketrans("01", ".$")
    return {
        AlarmID(f"{number:0256b}".translate(to_escape)): WARNING
        for number in range(first, first + count)
    }


def test_users_never_saved_are_absent(store: SyncStore) -> None:
    """Among known ones too; absence is not an error."""
    assert store.load([ALICE]) == {}
    assert store.load([]) == {}
    store.save([_update(ALICE, 0, {A: WARNING})])
    assert list(store.load([BOB, ALICE, CAROL])) == [ALICE]


def test_what_was_saved_is_loaded(store: SyncStore) -> None:
    """Alarms with all they remember, the cursor, and the first version."""
    cursor = Cursor(1, Place(7, 8))
    assert store.save([_update(ALICE, 0, {A: WARNING, B: CRITICAL}, cursor)]) == [SAVED]
    assert store.load([ALICE]) == {ALICE: Checkpoint(1, {A: WARNING, B: CRITICAL}, cursor)}


def test_what_was_saved_is_loaded_by_another_process(store: SyncStore, rival: SyncStore) -> None:
    """A checkpoint is not in the memory of who saved it."""
    store.save([_update(ALICE, 0, {A: WARNING})])
    assert rival.load([ALICE]) == {ALICE: Checkpoint(1, {A: WARNING}, Cursor())}


def test_the_types_survive(store: SyncStore) -> None:
    """Rules compare severities by identity."""
    store.save([_update(ALICE, 0, {A: CRITICAL})])
    loaded = store.load([ALICE])[ALICE]
    assert isinstance(loaded, Checkpoint)
    assert loaded.alarms[A].severity is Severity.CRITICAL
    assert loaded.alarms[A].told_severity is Severity.WARNING
    assert loaded.alarms[A].news is False


def test_an_update_changes_what_it_names_and_nothing_else(store: SyncStore) -> None:
    """Other alarms and the cursor stay."""
    cursor = Cursor(3, Place(7, 1_623_098_415_598_765_212, "core"), (), ("5.6", "6.7"))
    store.save([_update(ALICE, 0, {A: WARNING, B: WARNING}, cursor)])
    assert store.save([_update(ALICE, 1, {B: CRITICAL})]) == [SAVED]
    assert store.load([ALICE]) == {ALICE: Checkpoint(2, {A: WARNING, B: CRITICAL}, cursor)}
    assert store.save([_update(ALICE, 2, {}, Cursor(4))]) == [SAVED]
    assert store.load([ALICE]) == {ALICE: Checkpoint(3, {A: WARNING, B: CRITICAL}, Cursor(4))}


def test_an_update_that_changes_nothing_still_makes_a_version(
    store: SyncStore,
) -> None:
    """For a new user and for a known one."""
    assert store.save([_update(ALICE, 0)]) == [SAVED]
    assert store.save([_update(ALICE, 1)]) == [SAVED]
    assert store.load([ALICE]) == {ALICE: Checkpoint(2, {}, Cursor())}


def test_an_alarm_is_removed(store: SyncStore) -> None:
    """Alone or with others that change; one that is not there is no error."""
    store.save([_update(ALICE, 0, {A: WARNING, B: WARNING})])
    assert store.save([_update(ALICE, 1, {A: None, B: CRITICAL})]) == [SAVED]
    assert store.load([ALICE]) == {ALICE: Checkpoint(2, {B: CRITICAL}, Cursor())}
    assert store.save([_update(ALICE, 2, {A: None, B: None})]) == [SAVED]
    assert store.load([ALICE]) == {ALICE: Checkpoint(3, {}, Cursor())}
    assert store.save([_update(ALICE, 3, {A: WARNING})]) == [SAVED]
    assert store.load([ALICE]) == {ALICE: Checkpoint(4, {A: WARNING}, Cursor())}


def test_what_a_newer_version_has_stored_behind_an_alarm_is_kept(store: SyncStore) -> None:
    """As it was loaded, with the alarm when that is changed; not when it is removed."""
    known = {A: ("host-1", {"since": 2**40}), B: (None,)}
    store.save([CheckpointUpdate(ALICE, 0, {A: WARNING, B: WARNING}, Cursor(1), known)])
    loaded = store.load([ALICE])[ALICE]
    assert loaded == Checkpoint(1, {A: WARNING, B: WARNING}, Cursor(1), known)
    store.save([CheckpointUpdate(ALICE, 1, {A: CRITICAL, B: None}, Cursor(2), {A: known[A]})])
    loaded = store.load([ALICE])[ALICE]
    assert loaded == Checkpoint(2, {A: CRITICAL}, Cursor(2), {A: known[A]})


def test_an_owed_digest_is_kept_until_it_is_cleared(store: SyncStore) -> None:
    """An update without a cursor leaves it; one whose cursor owes nothing removes it."""
    items = (
        DigestItem(AlarmID("$a.b"), Severity.WARNING, 2**63 - 1),
        DigestItem(B, Severity.CRITICAL, -5),
    )
    for version, owed_items in ((0, items), (3, ())):
        digests = (Digest(DigestID("d1"), ALICE, owed_items), Digest(DigestID("d2"), ALICE, ()))
        owing = Cursor(2, Place(7, 8), digests)
        assert store.save([_update(ALICE, version, {A: WARNING}, owing)]) == [SAVED]
        assert store.save([_update(ALICE, version + 1, {A: CRITICAL})]) == [SAVED]
        owed = store.load([ALICE])[ALICE]
        assert owed == Checkpoint(version + 2, {A: CRITICAL}, owing)
        settled = Cursor(2, Place(7, 8))
        assert store.save([_update(ALICE, version + 2, {}, settled)]) == [SAVED]
        assert store.load([ALICE]) == {ALICE: Checkpoint(version + 3, {A: CRITICAL}, settled)}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_ids_are_kept_apart_and_come_back_unchanged(store: SyncStore, name: str) -> None:
    """As a user, as an alarm, in an owed digest; set, changed and removed."""
    user_id, alarm_id, other = UserID(name), AlarmID(name), AlarmID(name[::-1] + "x")
    digest = Digest(DigestID("d1"), user_id, (DigestItem(alarm_id, Severity.WARNING, 5),))
    cursor = Cursor(1, Place(7, 8, name), (digest,), (name,))
    first = _update(user_id, 0, {alarm_id: WARNING, other: WARNING}, cursor)
    assert store.save([first, _update(ALICE, 0, {A: CRITICAL})]) == [SAVED, SAVED]
    expected = Checkpoint(1, {alarm_id: WARNING, other: WARNING}, cursor)
    assert store.load([user_id]) == {user_id: expected}
    store.save([_update(user_id, 1, {alarm_id: CRITICAL})])
    expected = Checkpoint(2, {alarm_id: CRITICAL, other: WARNING}, cursor)
    assert store.load([user_id]) == {user_id: expected}
    store.save([_update(user_id, 2, {alarm_id: None})])
    assert store.load([user_id]) == {user_id: Checkpoint(3, {other: WARNING}, cursor)}
    assert store.load([ALICE]) == {ALICE: Checkpoint(1, {A: CRITICAL}, Cursor())}


def test_ids_that_contain_one_another_are_kept_apart(store: SyncStore) -> None:
    """Also escapes of one another, and the same text in two Unicode forms."""
    names = ["a", "a.b", "a.b.c", "a%2Eb", "a%252Eb", "A", "e\u0301", "é", *HOSTILE]
    names = list(dict.fromkeys(names))
    alarms = {
        AlarmID(name): WARNING._replace(changed_at_ns=number) for number, name in enumerate(names)
    }
    users = [UserID(name) for name in names]
    updates = [_update(user_id, 0, alarms) for user_id in users]
    assert store.save(updates) == [SAVED] * len(users)
    assert store.load(users) == dict.fromkeys(users, Checkpoint(1, alarms, Cursor()))


@pytest.mark.parametrize("ns", [2**63 - 1, -(2**63), 2**53 + 1, -1, 0, 2**31])
def test_times_are_kept_to_the_nanosecond(store: SyncStore, ns: int) -> None:
    """Over all of 64 bits, for what happened, what was told and what is owed."""
    alarm = WARNING._replace(changed_at_ns=ns, told_at_ns=ns)
    digest = Digest(DigestID("d1"), ALICE, (DigestItem(A, Severity.WARNING, ns),))
    store.save([_update(ALICE, 0, {A: alarm}, Cursor(1, None, (digest,)))])
    assert store.load([ALICE]) == {ALICE: Checkpoint(1, {A: alarm}, Cursor(1, None, (digest,)))}


@pytest.mark.parametrize("base_version", [0, 1, 3, 99])
def test_an_update_on_another_version_conflicts_and_changes_nothing(
    store: SyncStore, base_version: int
) -> None:
    """Stale, from the future, or taking a known user for a new one."""
    store.save([_update(ALICE, 0, {A: WARNING})])
    store.save([_update(ALICE, 1, {}, Cursor(1))])
    stale = _update(ALICE, base_version, {A: None, B: CRITICAL}, Cursor(9))
    assert store.save([stale]) == [CONFLICTED]
    assert store.load([ALICE]) == {ALICE: Checkpoint(2, {A: WARNING}, Cursor(1))}


def test_an_update_of_a_user_deleted_behind_our_back_conflicts(
    store: SyncStore,
) -> None:
    """Its owner must not go on as if all it knows were stored: it reloads and saves again."""
    assert store.save([_update(ALICE, 5, {A: WARNING})]) == [CONFLICTED]
    found = store.load([ALICE]).get(ALICE, Checkpoint(0, {}, Cursor()))
    assert isinstance(found, Checkpoint)
    assert store.save([_update(ALICE, found.version, {A: WARNING, B: CRITICAL})]) == [SAVED]
    assert store.load([ALICE]) == {
        ALICE: Checkpoint(found.version + 1, {A: WARNING, B: CRITICAL}, Cursor())
    }


def test_outcomes_of_a_group_are_in_the_order_of_its_updates(
    store: SyncStore,
) -> None:
    """Each user by itself: one's conflict is not another's."""
    users = [UserID(f"user-{number}") for number in range(12)]
    store.save([_update(user_id, 0, {A: WARNING}) for user_id in users[:8]])
    group = [
        # Known users at their version or a stale one, then new ones, and one that was deleted.
        *(_update(user_id, number % 2, {A: CRITICAL}) for number, user_id in enumerate(users[:8])),
        *(_update(user_id, 0, {A: CRITICAL}) for user_id in users[8:11]),
        _update(users[11], 4, {A: CRITICAL}),
    ]
    expected = [CONFLICTED, SAVED] * 4 + [SAVED] * 3 + [CONFLICTED]
    assert store.save(group) == expected
    loaded = store.load(users[:11])
    for user_id, outcome in zip(users[:11], expected, strict=False):
        checkpoint = loaded[user_id]
        assert isinstance(checkpoint, Checkpoint)
        assert checkpoint.alarms == {A: CRITICAL if outcome is SAVED else WARNING}


def test_an_empty_group_is_saved(store: SyncStore) -> None:
    """There is nothing to refuse."""
    assert list(store.save([])) == []


def test_an_update_too_large_is_refused_and_the_others_are_saved(
    store: SyncStore,
) -> None:
    """In one go: more than one document may hold."""
    store.save([_update(CAROL, 0, {A: WARNING})])
    huge = _update(BOB, 0, _many_alarms(0, 22_000))
    group = [_update(ALICE, 0, {A: WARNING}), huge, _update(CAROL, 0, {A: CRITICAL})]
    first, second, third = store.save(group)
    assert (first, third) == (SAVED, CONFLICTED)
    assert isinstance(second, Unsavable)
    assert second.reason
    known = Checkpoint(1, {A: WARNING}, Cursor())
    assert store.load([ALICE, BOB, CAROL]) == {ALICE: known, CAROL: known}


def test_a_user_that_grows_too_large_keeps_its_last_checkpoint(
    store: SyncStore,
) -> None:
    """Neither its alarms nor the digest it owes are too large alone; together they are."""
    half = _many_alarms(0, 11_000)
    assert store.save([_update(ALICE, 0, half)]) == [SAVED]
    items = tuple(DigestItem(AlarmID(f"{n:0256}"), Severity.WARNING, n) for n in range(40_000))
    owing = Cursor(1, None, (Digest(DigestID("d1"), ALICE, items),))
    group = [_update(ALICE, 1, {}, owing), _update(BOB, 0, {A: WARNING})]
    refused, saved = store.save(group)
    assert isinstance(refused, Unsavable)
    assert refused.reason
    assert saved is SAVED
    kept = store.load([ALICE])[ALICE]
    assert isinstance(kept, Checkpoint)
    assert (kept.version, kept.alarms) == (1, half)
    assert store.save([_update(ALICE, 1, {A: WARNING})]) == [SAVED]


@pytest.mark.parametrize("known", [False, True])
def test_of_two_writers_at_a_time_exactly_one_wins(
    store: SyncStore, rival: SyncStore, *, known: bool
) -> None:
    """Each user by itself, new or known; what is stored is the winner's, whole."""
    users = [UserID(f"user-{number}") for number in range(200)]
    if known:
        store.save([_update(user_id, 0) for user_id in users])
    together = threading.Barrier(2, timeout=30)

    def write(writer: SyncStore, alarm: Alarm) -> list[SaveOutcome | Unsavable]:
        updates = [_update(user_id, int(known), {A: alarm}) for user_id in users]
        outcomes: list[SaveOutcome | Unsavable] = []
        for start in range(0, len(updates), 10):
            together.wait()
            outcomes += writer.save(updates[start : start + 10])
        return outcomes

    with ThreadPoolExecutor(2) as threads:
        one = threads.submit(write, store, WARNING)
        other = threads.submit(write, rival, CRITICAL)
        outcomes: Sequence[tuple[object, object]]
        outcomes = list(zip(one.result(), other.result(), strict=True))
    assert all({*pair} == {SAVED, CONFLICTED} for pair in outcomes)
    loaded = store.load(users)
    for user_id, (of_one, _) in zip(users, outcomes, strict=True):
        won = WARNING if of_one is SAVED else CRITICAL
        assert loaded[user_id] == Checkpoint(1 + known, {A: won}, Cursor())
