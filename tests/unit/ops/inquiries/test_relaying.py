"""One instance asks another, from a thread that may block."""

from __future__ import annotations

import asyncio

import orjson
import pytest
from nats.errors import NoRespondersError

from actors.ports import NEVER_SAVED
from actors.rules.alarms import AlarmID, UserID
from actors.rules.partitions import InstanceID
from ops.inquiries.form import ShowInquiry
from ops.inquiries.relaying import OtherInstances
from ops.users.report import Provenance, Source, report_on
from tests.unit.ops.scripted_client import ScriptedClient, message

USER, HOME = UserID("u"), InstanceID("theirs")
REPORT = report_on(USER, NEVER_SAVED, Provenance(Source.LIVE, "theirs", 4))


async def test_the_home_is_asked_on_its_own_subject() -> None:
    """And its report is returned as it is."""
    nats = ScriptedClient([message(orjson.dumps(REPORT.to_fields()))])
    others = OtherInstances(nats.client, "group", asyncio.get_running_loop())
    report = await asyncio.to_thread(others.show, HOME, USER, 7, AlarmID("a"))
    assert report == REPORT
    inquiry = ShowInquiry(USER, AlarmID("a"), 7)
    assert nats.sent == [("group.user.show.theirs", inquiry.encode(), None)]


@pytest.mark.parametrize(
    "answer", [NoRespondersError(), TimeoutError(), ConnectionError("closed"), message(b"[]")]
)
async def test_one_that_does_not_answer_is_nobody(answer: Exception) -> None:
    """There is the checkpoint."""
    others = OtherInstances(ScriptedClient([answer]).client, "group", asyncio.get_running_loop())
    assert await asyncio.to_thread(others.show, HOME, USER, None, None) is None


async def test_after_the_loops_end_nobody_is_asked() -> None:
    """A thread may outlive it."""
    loop = asyncio.new_event_loop()
    loop.close()
    assert (
        OtherInstances(ScriptedClient().client, "group", loop).show(HOME, USER, None, None) is None
    )
