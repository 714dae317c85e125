"""Logs: one line an event, with fields; text for people, JSON for machines.

The code logs with the standard library, ``logger.info("digest.published", extra={...})``;
structlog formats it, so that the core needs no logging library.
"""

from __future__ import annotations

import logging
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

import orjson
import structlog

from actors.settings import setting

if TYPE_CHECKING:
    from structlog.typing import EventDict, Processor, WrappedLogger

_ESCAPED = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160))}
"""Characters that move a terminal's cursor or end a line; ids from outside may hold them."""


@dataclass(frozen=True, slots=True)
class LogSettings:
    """How much is logged, and in which form."""

    level: str = setting(
        "LOG_LEVEL",
        "INFO",
        "debug, info, warning, error or critical",
        choices={
            level: level.upper() for level in ("debug", "info", "warning", "error", "critical")
        },
    )
    form: str = setting(
        "LOG_FORMAT",
        "auto",
        "text, json, or auto: text on a terminal, json otherwise",
        choices={form: form for form in ("auto", "text", "json")},
    )


def set_up_logging(settings: LogSettings, stream: TextIO = sys.stderr) -> None:
    """Have everything logged to ``stream`` from here on."""
    as_text = settings.form == "text" or (settings.form == "auto" and stream.isatty())
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_text_formatter(stream) if as_text else _json_formatter())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(settings.level)
    # What the libraries log is theirs to explain; what matters of it is logged here as well.
    for library in ("asyncio", "nats", "pykka", "pymongo"):
        logging.getLogger(library).setLevel(max(logging.WARNING, root.level))


def _text_formatter(stream: TextIO) -> logging.Formatter:
    renderer = structlog.dev.ConsoleRenderer(colors=stream.isatty(), pad_event_to=28)
    stamp = structlog.processors.TimeStamper(fmt="%Y-%m-%d %H:%M:%S.%f", utc=False)
    return _formatter(stamp, _escape_control_characters, renderer)


def _json_formatter() -> logging.Formatter:
    stamp = structlog.processors.TimeStamper(fmt="iso", utc=True)
    renderer = structlog.processors.JSONRenderer(serializer=_to_json)
    return _formatter(stamp, structlog.processors.format_exc_info, renderer)


def _formatter(*processors: Processor) -> logging.Formatter:
    known: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
    ]
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=known,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *processors],
    )


def _to_json(event: EventDict, **_: object) -> str:
    # A lone surrogate, which no JSON may hold, is the only thing orjson refuses in a string.
    try:
        return orjson.dumps(event, default=str).decode()
    except orjson.JSONEncodeError:
        plain = {key: ascii(value) for key, value in event.items()}
        return orjson.dumps(plain).decode()


def _escape_control_characters(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    del logger, method
    return {
        key: value.translate(_ESCAPED) if isinstance(value, str) and key != "exc_info" else value
        for key, value in event.items()
    }
