"""The database's own counting of what is due, held to the rules."""

from __future__ import annotations

import itertools
from random import Random
from typing import TYPE_CHECKING

import pytest

from actors.errors import StoreUnavailableError
from actors.ports import CheckpointUpdate, SaveOutcome
from actors.rules.alarms import Alarm, AlarmID, Retention, Severity, UserID, apply_event
from actors.rules.digest import Cursor, Digest, DigestID, due_items, is_due, mark_told
from ops.users.listing import line_of, most_due_first
from store.settings import StoreSettings
from store.users.browsing import AheadSummary, UserBrowser, UserSummary
from tests.contract.conftest import DATABASE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.contract.conftest import MongoSide

HOSTILE = ("a.b$c", "$set", "__proto__", "🔥", "%2E", "1")


@pytest.fixture(scope="module")
def browser(mongodb_uri: str, mongo_session: MongoSide) -> Iterator[UserBrowser]:
    """A browser of the suite's database; connected once, like the stores."""
    assert mongo_session
    uri = f"{mongodb_uri}/?serverMonitoringMode=poll"
    with UserBrowser(StoreSettings(uri, DATABASE)) as opened:
        opened.count()
        yield opened


def made_up(random: Random) -> dict[AlarmID, Alarm]:
    """Return alarms after a few events each, some of them told in between."""
    alarms: dict[AlarmID, Alarm] = {}
    for _ in range(random.randint(0, 40)):
        alarm_id = AlarmID(random.choice(HOSTILE) + str(random.randint(0, 9)))
        event = (random.choice(list(Severity)), random.randint(0, 5))
        alarms[alarm_id] = apply_event(alarms.get(alarm_id), *event, 1, Retention(0))
        if random.random() < 0.1:
            alarms.update(mark_told(alarms, due_items(alarms)))
    return alarms


def save(mongo: MongoSide, user_id: UserID, alarms: dict[AlarmID, Alarm], cursor: Cursor) -> None:
    """Store a user."""
    update = CheckpointUpdate(user_id, 0, alarms, cursor)
    assert mongo.store.save([update]) == [SaveOutcome.SAVED]


def test_the_database_counts_as_the_rules_do(mongo: MongoSide, browser: UserBrowser) -> None:
    """Known, active and due, whatever the alarms are called; most due first."""
    random, expected = Random(1), []
    for number in range(40):
        user_id, alarms = UserID(f"{random.choice(HOSTILE)}-{number}"), made_up(random)
        owed = (Digest(DigestID("d"), user_id, ()),) * (number % 3)
        save(mongo, user_id, alarms, Cursor(number, None, owed))
        active = sum(alarm.active for alarm in alarms.values())
        due = len(due_items(alarms))
        expected.append(UserSummary(user_id, len(alarms), active, due, number, bool(owed)))
    expected.sort(key=lambda one: (-one.due, -one.active, one.user_id.encode()))
    assert browser.most_due(100) == expected
    assert browser.most_due(7, skip=5) == expected[5:12]
    assert browser.count() == 40


def every_alarm() -> list[Alarm]:
    """Return each alarm that there can be, as far as rules look at it, in both orders of times."""
    told = [(Severity.CLEARED, None), *itertools.product(Severity, (-1, 0, 1, 2**63 - 1))]
    return [
        Alarm(severity, changed_at_ns, *known, news=news, heard_at_s=1)
        for severity in Severity
        for changed_at_ns in (-(2**63), 0, 2**63 - 1)
        for known in told
        for news in (False, True)
    ]


def test_each_alarm_there_can_be_is_judged_as_the_rules_do(
    mongo: MongoSide, browser: UserBrowser
) -> None:
    """A user each, so that no two mistakes can make up for each other."""
    expected = []
    for number, alarm in enumerate(every_alarm()):
        user_id = UserID(f"{number}")
        save(mongo, user_id, {AlarmID(HOSTILE[number % 6]): alarm}, Cursor(1))
        expected.append(UserSummary(user_id, 1, alarm.active, is_due(alarm), 1, owes=False))
    found = browser.by_id("", "", len(expected) + 1)
    assert found == sorted(expected, key=lambda one: one.user_id)


def test_the_database_orders_users_as_a_list_of_live_ones_is_ordered(
    mongo: MongoSide, browser: UserBrowser
) -> None:
    """The console mixes both."""
    random = Random(2)
    for number in range(60):
        save(mongo, UserID(f"{random.choice(HOSTILE)}-{number}"), made_up(random), Cursor(1))
    lines = [line_of(summary) for summary in browser.most_due(100)]
    assert len(lines) == 60
    assert lines == most_due_first(sorted(lines, key=lambda line: line.user_id[::-1]))


def test_users_are_found_by_how_their_id_begins(mongo: MongoSide, browser: UserBrowser) -> None:
    """In the order of their bytes, a page behind the other, whatever is in the id."""
    ids = ["a", "a.b$c", "a/", "aa", "a\U0010ffff", "a🔥", "b", "A", "$set", "é"]
    for user_id in ids:
        save(mongo, UserID(user_id), {}, Cursor(1))

    def found(prefix: str, after: str = "", limit: int = 100) -> list[str]:
        return [summary.user_id for summary in browser.by_id(prefix, after, limit)]

    assert found("") == sorted(ids, key=str.encode)
    assert found("a") == sorted((one for one in ids if one[0] == "a"), key=str.encode)
    assert found("a", "aa", 1) == ["a🔥"]
    assert found("a.b$") == ["a.b$c"]
    assert found(".*") == []
    assert found("b", "b") == []


def test_a_user_that_never_asked_is_counted_too(mongo: MongoSide, browser: UserBrowser) -> None:
    """It has no cursor."""
    alarm = apply_event(None, Severity.WARNING, 1, 1, Retention(0))
    update = CheckpointUpdate(UserID("u"), 0, {AlarmID("a"): alarm}, None)
    assert mongo.store.save([update]) == [SaveOutcome.SAVED]
    assert browser.most_due(5) == [UserSummary(UserID("u"), 1, 1, 1, 0, owes=False)]


@pytest.mark.parametrize(
    ("outbox", "owes"),
    [({"id": "d", "items": []}, True), ([{"id": "d", "items": []}], True), ([], False)],
)
@pytest.mark.parametrize("schema", [1, 2])
def test_what_another_version_has_stored_is_counted_too(
    mongo: MongoSide, browser: UserBrowser, schema: int, outbox: object, *, owes: bool
) -> None:
    """Either form of the outbox under either schema, a cursor and alarms with a field more."""
    alarms = {"1": {"a": [1, 5, 0, None, True, 9, "more"], "b": [0, 5, 0, None, True, 9]}}
    cursor = {"number": 3, "answered": ["5.6"], "more": 1}
    stored = {"schema": schema, "base": 6, "version": 7, "alarms": alarms, "cursor": cursor}
    mongo.users.insert_one({"_id": "u", **stored, "outbox": outbox})
    assert browser.most_due(5) == [UserSummary(UserID("u"), 2, 1, 1, 3, owes)]


def test_a_database_that_is_away_is_told_by_the_stores_own_error() -> None:
    """Which hides the driver's, and with it the password."""
    uri = "mongodb://alice:hunter2@127.0.0.1:1/?serverSelectionTimeoutMS=100"
    with UserBrowser(StoreSettings(uri, DATABASE)) as nobody:
        for ask in (nobody.count, lambda: nobody.most_due(1), lambda: nobody.by_id("", "", 1)):
            with pytest.raises(StoreUnavailableError) as failed:
                ask()
            assert "hunter2" not in str(failed.value)


def test_alarms_from_the_future_are_found_and_counted(
    mongo: MongoSide, browser: UserBrowser
) -> None:
    """Of users with many alarms, whatever they are called; told or not, cleared or not."""
    assert browser.ahead_of(0, 5.0) is None
    for user, times in (("past", (1, 2)), ("a", (1, 11, 12)), ("b", (13,)), ("none", ())):
        alarms = {
            AlarmID(HOSTILE[number] + user): apply_event(
                None, Severity(number % 3), at_ns, 1, Retention(0)
            )
            for number, at_ns in enumerate(times)
        }
        save(mongo, UserID(user), alarms, Cursor(1))
    assert browser.ahead_of(10, 5.0) == AheadSummary(2, 3, UserID("b"), 13)
    assert browser.ahead_of(12, 5.0) == AheadSummary(1, 1, UserID("b"), 13)
    assert browser.ahead_of(13, 5.0) is None
    many = {AlarmID(f"alarm-{number}"): 2**62 + number for number in range(3000)}
    save(
        mongo,
        UserID("many"),
        {one: apply_event(None, Severity.WARNING, at, 1, Retention(0)) for one, at in many.items()},
        Cursor(1),
    )
    assert browser.ahead_of(2**61, 5.0) == AheadSummary(1, 3000, UserID("many"), 2**62 + 2999)
