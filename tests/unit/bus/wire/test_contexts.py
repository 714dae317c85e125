"""Trace contexts: read from headers, refused when unsound, and handed on as a child."""

from __future__ import annotations

import pytest

from bus.wire.contexts import child_of, context_in, sound

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
CONTEXT = f"00-{TRACE}-{PARENT}-01"


@pytest.mark.parametrize(
    "headers",
    [
        f"NATS/1.0\r\ntraceparent: {CONTEXT}\r\n\r\n",
        f"NATS/1.0\r\nTraceparent:{CONTEXT}  \r\nOther: x\r\n\r\n",
        f"NATS/1.0\r\nNats-Msg-Id: 7\r\ntraceparent: {CONTEXT}\r\n\r\n",
    ],
)
def test_a_context_is_found_among_headers(headers: str) -> None:
    """Clients write the name in either case."""
    assert context_in(headers.encode()) == CONTEXT


@pytest.mark.parametrize(
    "headers",
    [
        "",
        "NATS/1.0\r\n\r\n",
        f"NATS/1.0\r\nx-traceparent: {CONTEXT}\r\n\r\n",
        f"NATS/1.0\r\nother: traceparent: {CONTEXT}\r\n\r\n",
        "NATS/1.0\r\ntraceparent: \r\n\r\n",
        "NATS/1.0\r\ntraceparent: b\xe4d\r\n\r\n",
    ],
)
def test_other_headers_are_not_taken_for_one(headers: str) -> None:
    """Nor for a reason to fail."""
    assert context_in(headers.encode()) is None


@pytest.mark.parametrize(
    "traceparent",
    [
        None,
        "",
        f"00-{TRACE}-{PARENT}",
        f"ff-{TRACE}-{PARENT}-01",
        f"00-{'0' * 32}-{PARENT}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{PARENT}-01",
        f"00-{TRACE}-{PARENT}-01\n",
        f"{CONTEXT}x",
    ],
)
def test_what_is_unsound_is_none(traceparent: str | None) -> None:
    """By the standard, it is as if there were none."""
    assert sound(traceparent) is None


def test_a_later_version_may_say_more() -> None:
    """What is known of it is used."""
    later = f"01-{TRACE}-{PARENT}-03-more"
    assert sound(later) == later
    assert child_of(later, "d1").startswith(f"00-{TRACE}-")
    assert child_of(later, "d1").endswith("-03")


def test_a_child_is_of_the_same_trace_and_always_the_same() -> None:
    """A digest that is published again is the same span, another is another."""
    child = child_of(CONTEXT, "d1")
    assert sound(child) == child
    _, trace, span, flags = child.split("-")
    assert (trace, flags) == (TRACE, "01")
    assert span != PARENT
    assert child_of(CONTEXT, "d1") == child
    assert child_of(CONTEXT, "d2") != child
