"""Publishing with proof: what counts as taken, and what is refused."""

from __future__ import annotations

import pytest

from ops.publication import PublicationRefusedError, publish_proved, refusal_of
from tests.unit.ops.scripted_client import KEPT, ScriptedClient, message


@pytest.mark.parametrize("answer", [b"+OK", KEPT])
def test_a_stream_and_the_service_each_have_their_way_to_say_yes(answer: bytes) -> None:
    """The latter on core NATS."""
    assert refusal_of(message(answer)) is None


@pytest.mark.parametrize(
    ("answer", "refusal"),
    [
        (b"-ERR no alarm", "-ERR no alarm"),
        (b"", ""),
        (b"[]", "[]"),
        (b"5", "5"),
        (b'{"stream": "S"}', '{"stream": "S"}'),
        (b'{"error": {}, "stream": "S", "seq": 0}', '{"error": {}, "stream": "S", "seq": 0}'),
        (b"\xff", "\ufffd"),
    ],
)
def test_everything_else_is_a_refusal_in_its_own_words(answer: bytes, refusal: str) -> None:
    """What cannot be read is not taken for a yes."""
    assert refusal_of(message(answer)) == refusal


def test_that_nobody_listens_is_no_answer() -> None:
    """The server says so with a status."""
    refusal = refusal_of(message(b"", Status="503"))
    assert refusal == "nobody takes this subject: is the service running?"


async def test_a_refused_publication_raises_and_one_that_is_kept_does_not() -> None:
    """With the headers that were given."""
    nats = ScriptedClient([message(KEPT), message(b"-ERR no")])
    await publish_proved(nats.client, "s", b"b", {"Nats-Msg-Id": "1"})
    with pytest.raises(PublicationRefusedError, match="-ERR no"):
        await publish_proved(nats.client, "s", b"b")
    assert nats.sent == [("s", b"b", {"Nats-Msg-Id": "1"}), ("s", b"b", None)]
