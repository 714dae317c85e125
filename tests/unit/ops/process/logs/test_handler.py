"""Logs: a line an event with its fields, for people and for machines, whatever is in them."""

from __future__ import annotations

import io
import json
import logging
from typing import TYPE_CHECKING, Any

import pytest

from ops.process.logs.handler import (
    JsonFormatter,
    LogSettings,
    close_logging,
    flush_logging,
    set_up_logging,
)
from ops.safe_text import safe_text

if TYPE_CHECKING:
    from collections.abc import Iterator

HOSTILE = "\x1b[31m\r\n\u202egnp 🔥"


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    root, source = logging.getLogger(), logging._srcfile
    handlers, level = root.handlers, root.level
    flags = (logging.logThreads, logging.logProcesses, logging.logMultiprocessing)
    libraries = [logging.getLogger(name) for name in ("asyncio", "nats", "pykka", "pymongo")]
    levels = [library.level for library in libraries]
    yield
    close_logging()
    root.handlers, logging._srcfile = handlers, source
    root.setLevel(level)
    logging.logThreads, logging.logProcesses, logging.logMultiprocessing = flags
    for library, known in zip(libraries, levels, strict=True):
        library.setLevel(known)


def record(event: str = "user.passivated", **fields: Any) -> logging.LogRecord:
    """Return a record with fields of its own."""
    made = logging.makeLogRecord({"msg": event, "name": "actors.user", "levelname": "INFO"})
    made.created = 1.5
    vars(made).update(fields)
    return made


def test_a_record_becomes_one_json_object_with_its_fields() -> None:
    """The time is in UTC, to the microsecond."""
    line = JsonFormatter().format(record(user=HOSTILE, idle_s=2.5))
    assert "\n" not in line
    assert json.loads(line) == {
        "event": "user.passivated",
        "level": "info",
        "logger": "actors.user",
        "timestamp": "1970-01-01T00:00:01.500000Z",
        "user": HOSTILE,
        "idle_s": 2.5,
    }


def test_what_json_does_not_know_is_shown_as_text() -> None:
    """And costs the other fields nothing."""
    shown = json.loads(JsonFormatter().format(record(value={1})))
    assert (shown["value"], shown["event"]) == ("{1}", "user.passivated")


def test_what_json_cannot_hold_is_shown_with_escapes() -> None:
    """A line that is missing would be missed most."""
    shown = json.loads(JsonFormatter().format(record(value="\ud800")))
    assert shown["value"] == "'\\ud800'"


def test_an_exception_is_a_field() -> None:
    """On the line of its event."""
    error = ArithmeticError("boom")
    line = JsonFormatter().format(record(exc_info=(type(error), error, None)))
    assert json.loads(line)["exception"].endswith("ArithmeticError: boom")


@pytest.mark.parametrize(("form", "is_json"), [("json", True), ("auto", True), ("text", False)])
def test_the_form_is_as_set_and_json_where_nobody_looks(form: str, *, is_json: bool) -> None:
    """A file is no terminal; in text nothing commands one."""
    stream = io.StringIO()
    set_up_logging(LogSettings("INFO", form), stream)
    logging.getLogger("actors.user").info("user.passivated", extra={"user": HOSTILE})
    flush_logging()
    (line,) = stream.getvalue().splitlines()
    assert line.startswith("{") is is_json
    if is_json:
        assert json.loads(line)["user"] == HOSTILE
    else:
        assert line == safe_text(line)
        assert "user.passivated" in line
        assert "x1b[31m" in line


def test_libraries_speak_of_warnings_only_and_less_where_we_do() -> None:
    """What they say is ours to explain."""
    set_up_logging(LogSettings("DEBUG", "json"), io.StringIO())
    assert logging.getLogger("nats").level == logging.WARNING
    assert logging.getLogger().level == logging.DEBUG
    set_up_logging(LogSettings("ERROR", "json"), io.StringIO())
    assert logging.getLogger("nats").level == logging.ERROR
