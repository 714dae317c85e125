"""A message as the API tells it, made ready to be published again."""

from __future__ import annotations

import base64

from bus.migration.moving import stored

TIME = "2021-06-07T20:40:15.598765212Z"


def encoded(text: str) -> str:
    """Return what the API makes of bytes."""
    return base64.b64encode(text.encode()).decode()


def test_a_message_without_headers_or_body() -> None:
    """Both are left out by the server."""
    message = stored({"subject": "s", "seq": 7, "time": TIME})
    assert message == ("s", 7, 1623098415598765212, {}, b"")


def test_headers_of_nats_own_stay_behind() -> None:
    """They were meant for the stream that had it, in whatever case they are written."""
    lines = [
        "NATS/1.0",
        "traceparent: 00-a",
        "Nats-Msg-Id: 1",
        "nats-expected-last-sequence: 4",
        "NATS-TTL: 1s",
        "X-Note: a: b",
        "Natsu: kept",
        "",
        "",
    ]
    hdrs = encoded("\r\n".join(lines))
    message = stored({"subject": "s", "seq": 7, "time": TIME, "hdrs": hdrs, "data": encoded("x")})
    assert message.headers == {"traceparent": "00-a", "X-Note": "a: b", "Natsu": "kept"}
    assert message.body == b"x"
