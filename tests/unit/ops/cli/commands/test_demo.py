"""The demonstration: what it plans, sends, and counts of what comes."""

from __future__ import annotations

import json
from random import Random

import click
import pytest

from bus.subjects import Subjects
from ops.cli.commands.crowd import Crowd
from ops.cli.commands.demo import Demonstration, Plan
from tests.unit.ops.scripted_client import KEPT, ScriptedClient, message

SUBJECTS = Subjects()


@pytest.mark.parametrize("field", ["users", "seconds", "rate", "digest_every"])
def test_a_plan_that_would_never_begin_or_end_is_refused(field: str) -> None:
    """By its flag."""
    values = {"users": 1, "seconds": 1, "rate": 1, "digest_every": 1, field: 0}
    with pytest.raises(click.UsageError, match=f"--{field.replace('_', '-')}"):
        Plan(**values)


def test_a_plan_sends_at_least_one_event() -> None:
    """However short it is."""
    assert Plan(1, 0.01, 1, 1).events == 1
    assert Plan(1, 2.0, 10, 1).events == 20


class Service(ScriptedClient):
    """Confirms what is sent, and answers each request with a digest in two parts."""

    refusal: bytes = KEPT

    async def publish(self, subject: str, payload: bytes, reply: str = "") -> None:
        """Answer at once."""
        await super().publish(subject, payload)
        await self.callbacks[reply](message(self.refusal))
        if subject == SUBJECTS.send_alarm_digest and self.refusal == KEPT:
            digest = {**json.loads(payload), "ActiveAlarms": [{}, {}]}
            for part in ("d.0-2", "d.2-4"):
                msg = message(json.dumps(digest).encode(), Nats_Msg_Id=part)
                await self.callbacks[SUBJECTS.alarm_digest](msg)
            stray = json.dumps({**digest, "UserID": "somebody"}).encode()
            await self.callbacks[SUBJECTS.alarm_digest](message(stray))


async def test_what_is_sent_and_what_comes_is_counted() -> None:
    """A digest in parts is one; one of a user that was not asked for is none of ours."""
    nats, plan = Service(), Plan(3, 0.01, 1000, 5)
    demonstration = Demonstration(SUBJECTS, Crowd(3, Random(1)), plan)
    await demonstration.run(nats.client)
    fields = demonstration.to_fields()
    del fields["seconds"]
    assert fields == {
        "users": 3,
        "events": 10,
        "requests": 2,
        "digests": 2,
        "alarms_told": 2 * 4,
        "refused": 0,
        "unanswered": 0,
    }
    assert [subject for subject, _, _ in nats.sent].count(SUBJECTS.alarm_status_changed) == 10


async def test_a_refusal_ends_it(capsys: pytest.CaptureFixture[str]) -> None:
    """With its reason, once."""
    nats = Service()
    nats.refusal = b"-ERR no"
    demonstration = Demonstration(SUBJECTS, Crowd(3, Random(1)), Plan(3, 60, 5, 100))
    await demonstration.run(nats.client)
    assert (demonstration.refused, len(nats.sent)) == (1, 1)
    assert capsys.readouterr().err.count("refused: -ERR no\n") == 1
