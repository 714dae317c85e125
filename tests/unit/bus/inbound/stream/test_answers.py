"""What is read of the server's answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bus.inbound.stream.answers import answer_in, tells_of_no_jetstream

if TYPE_CHECKING:
    from bus.inbound.stream.answers import Answer


@pytest.mark.parametrize(
    ("said", "tells"),
    [
        ({"error": {"code": 503, "err_code": 10008, "description": "unavailable"}}, True),
        (answer_in(b"", b"NATS/1.0 503\r\n\r\n"), True),
        (answer_in(b"", b"NATS/1.0 503 No Responders\r\n\r\n"), True),
        ({"error": {"code": 503, "err_code": 10039, "description": "not enabled"}}, False),
        ({"error": {"code": 404, "err_code": 10059, "description": "stream not found"}}, False),
        ({"state": {}}, False),
    ],
)
def test_a_server_that_is_cut_off_says_so(said: Answer, tells: bool) -> None:
    """Not so one that has JetStream switched off, or that answers."""
    assert tells_of_no_jetstream(said) is tells
