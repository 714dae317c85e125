"""Logs: one line an event, with fields; text for people, JSON for machines.

The code logs with the standard library, ``logger.info("digest.published", extra={...})``, so that
the core needs no logging library; structlog makes it legible on a terminal.
"""

from __future__ import annotations

import logging
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TextIO

import orjson

from actors.settings import setting
from ops.process.logs.writer import LogWriter, sink_of
from ops.safe_text import safe_text

if TYPE_CHECKING:
    from structlog.typing import EventDict, Processor, WrappedLogger

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
"""What every record has; the rest are the event's own fields."""


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
    handler = QueuedHandler(stream, _text_formatter(stream) if as_text else JsonFormatter())
    # Nobody asks for the line of code, the thread or the process: finding them costs more than
    # the rest of a record. The documented way to leave the first out is this.
    logging._srcfile = None  # noqa: SLF001
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    close_logging()
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(settings.level)
    # What the libraries log is theirs to explain; what matters of it is logged here as well.
    for library in ("asyncio", "nats", "pykka", "pymongo"):
        logging.getLogger(library).setLevel(max(logging.WARNING, root.level))


def flush_logging() -> None:
    """Have what was logged written; what nobody reads is waited for a second at the most."""
    for handler in logging.getLogger().handlers:
        handler.flush()


def close_logging() -> None:
    """Flush, likewise, and log no more."""
    root = logging.getLogger()
    for handler in list(root.handlers):
        if isinstance(handler, QueuedHandler):
            root.removeHandler(handler)
            handler.close()


class QueuedHandler(logging.Handler):
    """Writes records to a stream that may block, without blocking whoever logs."""

    def __init__(self, stream: TextIO, formatter: logging.Formatter) -> None:
        """Begin to write to ``stream``, on a thread."""
        super().__init__()
        self.setFormatter(formatter)
        self._writer = LogWriter(sink_of(stream), self._say_dropped)

    def emit(self, record: logging.LogRecord) -> None:
        """Format and queue a record. Runs on the thread that logs."""
        try:
            self._writer.write(f"{self.format(record)}\n")
        except Exception:
            self.handleError(record)

    def flush(self) -> None:
        """Have what is queued written, within a second."""
        self._writer.flush()

    def close(self) -> None:
        """Flush, and end the thread."""
        self._writer.close()
        super().close()

    def _say_dropped(self, lines: int) -> str:
        about = {
            "name": "ops.logs",
            "msg": "log.dropped",
            "levelname": "ERROR",
            "levelno": logging.ERROR,
            "lines": lines,
            "mend": "read what the service writes to standard error",
        }
        return f"{self.format(logging.makeLogRecord(about))}\n"


def _text_formatter(stream: TextIO) -> logging.Formatter:
    # Here, because it loads rich for its tracebacks; JSON needs neither.
    import structlog  # noqa: PLC0415

    renderer = structlog.dev.ConsoleRenderer(colors=stream.isatty(), pad_event_to=28)
    stamp = structlog.processors.TimeStamper(fmt="%Y-%m-%d %H:%M:%S.%f", utc=False)
    known: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
    ]
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=known,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            stamp,
            _escape_control_characters,
            renderer,
        ],
    )


class JsonFormatter(logging.Formatter):
    """One JSON object a line: event, level, logger and timestamp, then the event's fields.

    At thousands of digests a second the line that tells of each must cost little; structlog's
    chain of processors took a sixth of the service's time.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Format a record. Runs on the thread that logs."""
        fields = {
            "event": record.getMessage(),
            "level": record.levelname.lower(),
            "logger": record.name,
            "timestamp": datetime.fromtimestamp(record.created, UTC),
        }
        about = record.__dict__
        fields |= {name: about[name] for name in about.keys() - _STANDARD}
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        # A lone surrogate, which no JSON may hold, is the only thing orjson refuses in a string.
        try:
            return orjson.dumps(fields, default=str, option=orjson.OPT_UTC_Z).decode()
        except orjson.JSONEncodeError:
            plain = {name: ascii(value) for name, value in fields.items()}
            return orjson.dumps(plain).decode()


def _escape_control_characters(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    del logger, method
    return {
        key: safe_text(value) if isinstance(value, str) and key != "exc_info" else value
        for key, value in event.items()
    }
