"""Asking instances: all that answer are heard, and of several answers the one that counts."""

from __future__ import annotations

import dataclasses
from collections import deque

import orjson
import pytest

from actors.ports import NEVER_SAVED
from actors.rules.alarms import UserID
from ops.inquiries.asking import ask_for_list, ask_for_user, find_instances, most_telling
from ops.inquiries.form import ListInquiry, ShowInquiry
from ops.users.report import Provenance, Source, UserReport, line_on, report_on
from tests.unit.ops.scripted_client import ScriptedClient, Subscription, message

USER = UserID("u")
INQUIRY = ShowInquiry(USER)


def report(version: int, source: Source = Source.STORED) -> UserReport:
    """Return what an instance says of a user."""
    made = report_on(USER, NEVER_SAVED, Provenance(source, f"instance {version}"))
    return dataclasses.replace(made, version=version)


@pytest.mark.parametrize(
    ("reports", "best"),
    [
        ([], None),
        ([report(1)], 0),
        ([report(2), report(3), report(1)], 1),
        ([report(3), report(3, Source.LIVE)], 1),
        ([report(3), report(2, Source.LIVE)], 0),
    ],
)
def test_the_latest_save_counts_and_of_equal_ones_the_live_one(
    reports: list[UserReport], best: int | None
) -> None:
    """An instance may have kept in memory what another has overtaken."""
    assert most_telling(reports) == (None if best is None else reports[best])


async def test_each_instance_is_heard_and_what_is_no_answer_is_told() -> None:
    """An instance of another version may say what cannot be read here."""
    nats = ScriptedClient(
        [
            message(orjson.dumps(report(1).to_fields())),
            message(b"", Nats_Service_Error="no answer from MongoDB"),
            message(b"nonsense"),
            message(b'{"user_id": "u"}'),
            message(orjson.dumps({**report(4).to_fields(), "later": True})),
        ]
    )
    found, errors = await ask_for_user(nats.client, "group", INQUIRY)
    assert found == report(4)
    assert errors[:2] == ["no answer from MongoDB", "an answer that is not JSON"]
    assert errors[2].startswith("an answer that cannot be read")
    assert nats.sent == [("group.user.show", INQUIRY.encode(), None)]
    assert all(subscription.ended for subscription in nats.subscriptions)


async def test_that_nobody_listens_is_no_error() -> None:
    """Nor need one wait for it: the server says so."""
    nats = ScriptedClient([message(b"", Status="503"), message(b"never read")])
    assert await ask_for_user(nats.client, "group", INQUIRY) == (None, [])
    (subscription,) = nats.subscriptions
    assert subscription == Subscription(deque(subscription.messages), ended=True)
    assert len(subscription.messages) == 1


async def test_a_list_is_of_all_instances() -> None:
    """Each knows its own users."""
    line = line_on(USER, NEVER_SAVED, Provenance(Source.LIVE))
    one = orjson.dumps({"users": [line.to_fields()], "live": 7})
    nats = ScriptedClient([message(one), message(b"{}"), message(one)])
    assert await ask_for_list(nats.client, "group", ListInquiry()) == ([line, line], 14)
    assert await ask_for_list(ScriptedClient().client, "group", ListInquiry()) == ([], None)


async def test_instances_are_those_of_the_group() -> None:
    """Names of two groups may be alike to micro tools."""
    ping = {"metadata": {"queue_group": "group", "host": "b", "pid": "2"}}
    other = {"metadata": {**ping["metadata"], "queue_group": "g.roup"}}
    first = {"metadata": {**ping["metadata"], "host": "a"}}
    answers = [message(orjson.dumps(one)) for one in (ping, other, {}, first)]
    nats = ScriptedClient(answers)
    assert await find_instances(nats.client, "group") == ["a, process 2", "b, process 2"]
    assert nats.sent[0][0] == "$SRV.PING.group"
