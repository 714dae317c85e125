"""Asking instances: one for a user, all for what each knows of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import pytest
from nats.errors import NoRespondersError

from actors.ports import NEVER_SAVED
from actors.rules.alarms import UserID
from ops.homes.members import MemberFigures
from ops.inquiries.asking import (
    NO_ANSWER,
    ask_for_figures,
    ask_for_list,
    ask_for_user,
    ask_what_is_wrong,
    find_instances,
)
from ops.inquiries.form import ListInquiry, ShowInquiry
from ops.users.report import Provenance, Source, line_on, report_on
from tests.unit.ops.scripted_client import ScriptedClient, message

if TYPE_CHECKING:
    from nats.aio.msg import Msg

    from ops.users.report import UserReport

USER = UserID("u")
INQUIRY = ShowInquiry(USER)


REPORT = report_on(USER, NEVER_SAVED, Provenance(Source.LIVE, "host-1", 4, home="host-1"))


@pytest.mark.parametrize(
    ("answer", "report", "why"),
    [
        (message(orjson.dumps(REPORT.to_fields())), REPORT, None),
        (message(orjson.dumps({**REPORT.to_fields(), "later": True})), REPORT, None),
        (message(b"", Nats_Service_Error="no answer from MongoDB"), None, "no answer from MongoDB"),
        (message(b"nonsense"), None, "an answer that cannot be read"),
        (message(b'{"user_id": "u"}'), None, "an answer that cannot be read"),
        (message(b"[]"), None, "an answer that cannot be read"),
        (NoRespondersError(), None, NO_ANSWER),
    ],
)
async def test_one_instance_is_asked_for_a_user(
    answer: Msg | Exception, report: UserReport | None, why: str | None
) -> None:
    """Whichever it is; one of another version may say what cannot be read here."""
    nats = ScriptedClient([answer, answer])
    found, reason = await ask_for_user(nats.client, "group", INQUIRY)
    assert found == report
    assert (reason or "").startswith(why or "")
    assert (reason is None) is (why is None)
    assert nats.sent[0] == ("group.user.show", INQUIRY.encode(), None)


async def test_after_one_that_stands_still_another_is_asked() -> None:
    """It is one of those that the server chooses from."""
    nats = ScriptedClient([TimeoutError(), message(orjson.dumps(REPORT.to_fields()))])
    assert await ask_for_user(nats.client, "group", INQUIRY) == (REPORT, None)
    assert len(nats.sent) == 2


async def test_a_list_is_of_all_instances() -> None:
    """Each knows its own users."""
    line = line_on(USER, NEVER_SAVED, Provenance(Source.LIVE))
    one = orjson.dumps({"users": [line.to_fields()], "live": 7})
    nats = ScriptedClient(
        [message(one), message(b"{}"), message(b"", Nats_Service_Error="busy"), message(one)]
    )
    assert await ask_for_list(nats.client, "group", ListInquiry()) == ([line, line], 14)
    assert all(subscription.ended for subscription in nats.subscriptions)
    assert await ask_for_list(ScriptedClient().client, "group", ListInquiry()) == ([], None)


async def test_an_answer_that_lacks_a_number_loses_no_user() -> None:
    """Those that are listed live, so many at the least; what is no list is no answer."""
    line = line_on(USER, NEVER_SAVED, Provenance(Source.LIVE))
    answers = [{"users": [line.to_fields()] * 2}, {"users": [], "live": 3}, {"live": 5}, [], None]
    nats = ScriptedClient([message(orjson.dumps(answer)) for answer in answers])
    assert await ask_for_list(nats.client, "group", ListInquiry()) == ([line, line], 5)


async def test_a_line_that_cannot_be_read_costs_no_other() -> None:
    """Nor one that lacks what came later; what is counted is what the instance counts."""
    line = line_on(USER, NEVER_SAVED, Provenance(Source.LIVE))
    earlier = {name: value for name, value in line.to_fields().items() if name != "unsaved"}
    damaged = {"user_id": "v"}
    answer = orjson.dumps({"users": [damaged, earlier, 7, line.to_fields()], "live": 4})
    nats = ScriptedClient([message(answer)])
    assert await ask_for_list(nats.client, "group", ListInquiry()) == ([line, line], 4)


async def test_each_instance_tells_its_own_figures() -> None:
    """What is no number is left out; who does not say who it is, too."""
    answers = [
        {"instance_id": "a", "taken_per_s": 12.5, "waiting": 3, "behind_s": 0.0, "later": 1},
        {"instance_id": "b", "taken_per_s": None, "waiting": "many", "behind_s": True},
        {"taken_per_s": 1},
        [],
    ]
    nats = ScriptedClient([message(orjson.dumps(answer)) for answer in answers])
    assert await ask_for_figures(nats.client, "group") == {
        "a": MemberFigures(12.5, 3, 0.0),
        "b": MemberFigures(None, None, None),
    }
    assert nats.sent[0][0] == "group.instance.show"


async def test_each_instance_tells_what_its_readiness_complains_of() -> None:
    """Who complains of nothing is left out, as is an older version that does not say."""
    answers = [
        {"instance": "a", "wrong": {"reading": "no messages are read"}},
        {"instance": "b", "wrong": {}},
        {"instance": "c"},
        [],
    ]
    nats = ScriptedClient([message(orjson.dumps(answer)) for answer in answers])
    wrong = await ask_what_is_wrong(nats.client, "group")
    assert wrong == {"a": {"reading": "no messages are read"}}


async def test_instances_are_those_of_the_group() -> None:
    """Names of two groups may be alike to micro tools."""
    ping = {"metadata": {"queue_group": "group", "host": "b", "pid": "2"}}
    other = {"metadata": {**ping["metadata"], "queue_group": "g.roup"}}
    first = {"metadata": {**ping["metadata"], "host": "a"}}
    terse = {"metadata": {"queue_group": "group"}}
    pings: list[Any] = [ping, other, {}, [], first, terse]
    nats = ScriptedClient([message(orjson.dumps(each)) for each in pings])
    assert await find_instances(nats.client, "group") == [
        "?, process ?",
        "a, process 2",
        "b, process 2",
    ]
    assert nats.sent[0][0] == "$SRV.PING.group"
