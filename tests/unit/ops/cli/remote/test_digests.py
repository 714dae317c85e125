"""Waiting for a digest: the one of that user, all its parts, or a word that none came."""

from __future__ import annotations

import pytest

from bus.subjects import Subjects
from ops.cli.failures import CommandError
from ops.cli.remote.digests import request_digest
from tests.unit.ops.scripted_client import ScriptedClient, message

DIGEST = b'{"UserID": "u", "ActiveAlarms": []}'
OTHERS = (b'{"UserID": "x"}', b"nonsense", b"[]", b"{}")


async def received(*arrive: tuple[bytes, str], timeout_s: float = 5) -> list[str]:
    """Return the ids of the messages that are yielded, of those that arrive at the request."""
    nats = ScriptedClient()

    async def publish() -> None:
        for body, digest_id in arrive:
            await nats.callbacks["AlarmDigest"](message(body, Nats_Msg_Id=digest_id))

    nats.on_request = publish
    found = [msg async for msg in request_digest(nats.client, Subjects(), "u", timeout_s)]
    assert nats.sent == [("SendAlarmDigest", b'{"UserID": "u"}', None)]
    return [(msg.headers or {})["Nats-Msg-Id"] for msg in found]


async def test_the_digest_of_the_user_is_it_and_no_others() -> None:
    """Whatever else is published on the subject."""
    others = [(body, "x") for body in OTHERS]
    assert await received(*others, (DIGEST, "d1"), (DIGEST, "d2")) == ["d1"]


async def test_all_parts_of_a_digest_are_it() -> None:
    """Those of another one, to a request of somebody else's, are not."""
    parts = [(DIGEST, "d1.0-5"), (DIGEST, "d2"), (DIGEST, "d1.5-9"), (DIGEST, "d2.0-5")]
    assert await received(*parts) == ["d1.0-5", "d1.5-9"]


async def test_that_none_comes_is_a_failure_with_what_may_be_the_reason() -> None:
    """An empty one may not be published at all."""
    with pytest.raises(CommandError, match=r"no digest within 0.01 s.*EMPTY_DIGESTS"):
        await received((OTHERS[0], "x"), timeout_s=0.01)
