"""JetStream: what a delivery's acknowledgement address tells."""

from __future__ import annotations

import pytest

from bus.jetstream import parse_ack_subject


@pytest.mark.parametrize(
    "reply",
    [
        "$JS.ACK.ALARM_INPUT.alarm-digester.3.71.42.1623098415598765212.9",
        "$JS.ACK.hub.kXzR7q.ALARM_INPUT.alarm-digester.3.71.42.1623098415598765212.9",
        "$JS.ACK.hub.kXzR7q.ALARM_INPUT.alarm-digester.3.71.42.1623098415598765212.9.rAnd",
        "$JS.ACK._.kXzR7q.ALARM_INPUT.alarm-digester.3.71.42.1623098415598765212.9.rAnd",
    ],
)
def test_sequence_time_and_attempt_are_read_from_old_and_new_forms(reply: str) -> None:
    """Newer servers put domain and account behind ACK, and a token at the end."""
    assert parse_ack_subject(reply) == ("71.1623098415598765212", 71, "3")


@pytest.mark.parametrize("names", [("1", "2"), ("9", "9")])
def test_names_made_of_digits_are_not_taken_for_numbers(names: tuple[str, str]) -> None:
    """Streams and consumers may be called by numbers."""
    stream, consumer = names
    old = f"$JS.ACK.{stream}.{consumer}.1.5.4.7.0"
    new = f"$JS.ACK._.8.{stream}.{consumer}.1.5.4.7.0.6"
    assert parse_ack_subject(old) == parse_ack_subject(new) == ("5.7", 5, "1")


@pytest.mark.parametrize("reply", ["", "_INBOX.a.b", "$JS.ACK.s.c.1.2", "$JS.ACK.s.c.1.x.3.4.5"])
def test_another_kind_of_address_is_refused(reply: str) -> None:
    """Only a delivery has those numbers; what is not one must not look like message 0."""
    with pytest.raises((ValueError, IndexError)):
        parse_ack_subject(reply)
