"""What the server answers to questions about a stream. Pure."""

from __future__ import annotations

from typing import Any, TypeAlias

import orjson

from bus.connection.client.lanes import parse_status
from bus.inbound.log_source import LogFailure, LogState
from bus.wire.instants import parse_instant

NO_MESSAGE = 10037
NO_STREAM = 10059
_NOBODY_LEADS = 10008
_NO_RESPONDERS = ("503", "status 503")
"""Errors, as the server numbers them."""

Answer: TypeAlias = dict[str, Any]


def state_of(said: Answer) -> LogState | LogFailure:
    """Read how a stream stands from its information."""
    try:
        state = said["state"]
        first, last = int(state["first_seq"]), int(state["last_seq"])
        # An empty stream's first sequence is 0 before any message, and one above the last after.
        return LogState(f"{said['created']}", first if state["messages"] else last + 1, last)
    except (KeyError, TypeError, ValueError) as error:
        return LogFailure(f"an answer that tells no state: {error!r}")


def timestamp_of(said: Answer) -> int | LogFailure:
    """Read when a message was put into its stream, in nanoseconds since 1970."""
    try:
        return parse_instant(said["message"]["time"])
    except (KeyError, TypeError, ValueError) as error:
        return LogFailure(f"an answer that tells no time: {error!r}")


def consumer_in(said: Answer) -> str | None:
    """Return the name that the server has given to a consumer; None where it tells of none.

    Names go into subjects: one that the server would not have chosen is none of its own.
    """
    name = said.get("name")
    return name if isinstance(name, str) and name.isascii() and name.isalnum() else None


def tells_of_no_jetstream(said: Answer) -> bool:
    """Whether the server knows nobody who could answer: it is alone, or they elect a leader."""
    error = said.get("error", {})
    nobody = f"{error.get('description')}".startswith(_NO_RESPONDERS)
    return error.get("err_code") == _NOBODY_LEADS or ("code" not in error and nobody)


def answer_in(body: bytes, headers: bytes) -> Answer:
    """Read a frame; what is no answer is an error, as the server would say it."""
    if headers and not body:
        status, description = parse_status(headers)
        return failed_answer(f"{status} {description}" if description else f"status {status}")
    try:
        said = orjson.loads(body)
    except ValueError:
        return failed_answer("an answer that is not JSON")
    if not isinstance(said, dict) or not isinstance(said.get("error", {}), dict):
        return failed_answer("an answer of another form")
    return said


def failed_answer(description: str) -> Answer:
    """Make an error of our own, in the server's form."""
    return {"error": {"description": description}}
