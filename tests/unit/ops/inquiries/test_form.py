"""Requests over NATS are read strictly, and written as they are read."""

from __future__ import annotations

import json

import pytest

from actors.rules.alarms import AlarmID, UserID
from ops.inquiries.form import (
    InquiryError,
    ListInquiry,
    ShowInquiry,
    list_subject,
    service_name,
    show_subject,
)
from ops.users.live import ASKED_AT_ONCE_MAX


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
