"""Requests over NATS are read strictly and answered within what a message may hold."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from actors.rules.alarms import AlarmID, UserID
from ops.inquiries.answering import AnswerError, Answering
from ops.inquiries.form import (
    InquiryError,
    ListInquiry,
    ShowInquiry,
    list_subject,
    service_name,
    show_subject,
)
from ops.users.known import KnownUsers
from ops.users.live import ASKED_AT_ONCE_MAX, LiveUsers
from tests.doubles import FaultyStore, Inbox
from tests.unit.ops.running import running

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_BYTES = 4000


def test_subjects_and_name_follow_the_queue_group() -> None:
    """Two deployments on one NATS must not answer for each other."""
    assert show_subject("staging") == "staging.user.show"
    assert list_subject("staging") == "staging.user.list"
    assert service_name("stäging$1") == "st_ging_1"


@pytest.mark.parametrize(
    "inquiry",
    [
        ShowInquiry(UserID("a.b$c🔥")),
        ShowInquiry(UserID("u"), AlarmID("a"), 5),
        ShowInquiry(UserID("u"), None, None),
    ],
)
def test_what_a_command_asks_is_what_the_service_reads(inquiry: ShowInquiry) -> None:
    """No limit is 0 on the way."""
    assert ShowInquiry.decode(inquiry.encode()) == inquiry


@pytest.mark.parametrize("inquiry", [ListInquiry(), ListInquiry((UserID("u"),), 7)])
def test_a_list_likewise(inquiry: ListInquiry) -> None:
    """With users, or without."""
    assert ListInquiry.decode(inquiry.encode()) == inquiry


def test_an_empty_request_asks_for_the_users_that_were_used_last() -> None:
    """``nats req`` sends nothing where nothing is given."""
    assert ListInquiry.decode(b"") == ListInquiry()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"nonsense",
        b"[]",
        b"{}",
        b'{"UserID": 2}',
        b'{"UserID": "u", "AlarmID": 2}',
        b'{"UserID": "u", "Limit": -1}',
        b'{"UserID": "u", "Limit": "all"}',
        b'{"UserID": "u", "Limit": null}',
    ],
)
def test_a_request_for_a_user_that_is_none_is_refused(body: bytes) -> None:
    """With a sentence."""
    with pytest.raises(InquiryError):
        ShowInquiry.decode(body)


@pytest.mark.parametrize(
    "body",
    [
        b"nonsense",
        b'{"UserIDs": "u"}',
        b'{"UserIDs": [2]}',
        b'{"Limit": 0}',
        json.dumps({"Limit": ASKED_AT_ONCE_MAX + 1}).encode(),
    ],
)
def test_a_request_for_a_list_that_is_none_is_refused(body: bytes) -> None:
    """Likewise."""
    with pytest.raises(InquiryError):
        ListInquiry.decode(body)


def test_an_answer_fits_into_a_message() -> None:
    """With fewer alarms, or users; the numbers stay those of all."""
    with running() as actors:
        for number in range(100):
            actors.event("u", f"alarm-{number:02}")
            actors.event(f"user-{number:02}")
        answering = Answering(KnownUsers(LiveUsers(actors.router), actors.store, "me"), MAX_BYTES)
        shown = answering.show(b'{"UserID": "u", "Limit": 0}')
        listed = answering.list(b'{"Limit": 500}')
        few = json.loads(answering.show(b'{"UserID": "u", "Limit": 3}'))
    report = json.loads(shown)
    assert len(shown) <= MAX_BYTES
    assert (report["known"], report["alarms"][0]["alarm_id"]) == (100, "alarm-00")
    assert 1 < len(report["alarms"]) < 100
    assert len(listed) <= MAX_BYTES
    assert json.loads(listed)["live"] == 101
    assert 1 < len(json.loads(listed)["users"]) < 101
    assert len(few["alarms"]) == 3


def away(store: FaultyStore) -> None:
    """Have the next load fail."""
    store.load_faults = 1


def damaged(store: FaultyStore) -> None:
    """Have the user be unreadable."""
    store.unreadable[UserID("u")] = "schema 9"


@pytest.mark.parametrize(
    ("body", "trouble", "code"),
    [
        (b"nonsense", None, "400"),
        (b'{"UserID": "u"}', away, "503"),
        (b'{"UserID": "u"}', damaged, "500"),
    ],
)
def test_each_way_to_fail_has_its_code(
    body: bytes, trouble: Callable[[FaultyStore], Any] | None, code: str
) -> None:
    """What to do about it differs."""
    with running() as actors:
        if trouble is not None:
            trouble(actors.store)
        answering = Answering(KnownUsers(LiveUsers(actors.router), actors.store, "me"), MAX_BYTES)
        with pytest.raises(AnswerError) as failed:
            answering.show(body)
    assert failed.value.code == code


def test_actors_that_are_busy_have_a_code_too() -> None:
    """It is worth another try."""
    silent = LiveUsers(Inbox().actor_ref, timeout_s=0.01)
    answering = Answering(KnownUsers(silent, FaultyStore(), "me"), MAX_BYTES)
    with pytest.raises(AnswerError) as failed:
        answering.list(b"")
    assert failed.value.code == "504"
    with pytest.raises(AnswerError) as failed:
        answering.list(b"nonsense")
    assert failed.value.code == "400"
