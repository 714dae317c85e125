"""A message as it was taken."""

from __future__ import annotations

from actors.rules.positions import Place
from bus.wire.message import Message


def test_a_message_of_a_stream_is_known_by_sequence_and_time() -> None:
    """A broker that lost its tail hands sequences out again."""
    message = Message("s", b"", "", Place(7, 99))
    assert (message.identity, message.sequence) == ("7.99", 7)


def test_a_message_of_core_nats_is_known_by_who_took_it() -> None:
    """It has no sequence that anybody else could look up."""
    message = Message("s", b"", "", Place(7, 0, "core.a"))
    assert (message.identity, message.sequence) == ("core.a.7", 0)
