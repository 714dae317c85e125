"""Outgoing messages: what a header may hold, and how much it takes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nats.aio.client import Client

from bus.outbound.message import OutgoingMessage, header_value, headers_size, one_line


def test_the_size_is_that_on_the_wire() -> None:
    """Counted in UTF-8, with the protocol's own lines."""
    message = OutgoingMessage("a", b"body", {"A": "\xfc", "Bc": ""})
    assert message.head == "NATS/1.0\r\nA: \xfc\r\nBc: \r\n\r\n".encode()
    assert message.size == len(message.head) + 4
    assert headers_size(message.headers) == len(message.head)


def test_a_message_without_headers_has_no_head() -> None:
    """It goes as PUB."""
    assert OutgoingMessage("a", b"body").head == b""


@pytest.mark.parametrize(
    "text", ["plain", "d1.0-17", "caf\xe9 \U0001f6a8", "", "50 % \\ {}", "a\xa0b"]
)
def test_what_fits_a_line_stays_as_it_is(text: str) -> None:
    """Ids and subjects are compared by others."""
    assert header_value(text) == text


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a\r\nB: c", "a\\r\\nB: c"),
        ("\n", "\\n"),
        ("a\x00\x1b\x7fb", "a\\x00\\x1b\\x7fb"),
        ("\x85\u2028", "\\x85\\u2028"),
        ("\ud800", "\\ud800"),
    ],
)
def test_what_would_end_the_line_is_escaped(text: str, value: str) -> None:
    """And nothing else of it."""
    assert header_value(text) == value


@given(st.dictionaries(st.sampled_from(["A", "B", "C"]), st.text(max_size=40)))
def test_a_client_reads_the_headers_that_were_meant_whatever_the_values(
    headers: dict[str, str],
) -> None:
    """By nats-py's own parser: no header more, none less, and no line but theirs."""
    message = OutgoingMessage("a", b"body", headers)
    lines = message.head.split(b"\r\n")
    assert len(lines) == (len(headers) + 3 if headers else 1)
    read = Client._parse_header_lines(message.head.partition(b"\r\n")[2])
    assert read == {name: value.strip(" ") for name, value in message.headers.items()}


@given(st.text(max_size=200))
def test_a_sentence_becomes_one_line_of_printable_ascii(text: str) -> None:
    """Cut to what was asked for."""
    line = one_line(text, 50)
    assert len(line) <= 50
    assert not line or (line.isascii() and line.isprintable())
    assert header_value(line) == line
