"""Requests over NATS are answered within what a message may hold, errors by code."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from actors.rules.alarms import UserID
from ops.inquiries.answering import AnswerError, Answering
from ops.users.known import KnownUsers
from ops.users.live import LiveUsers
from tests.doubles import FaultyStore, Inbox
from tests.unit.ops.running import running

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_BYTES = 4000


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
