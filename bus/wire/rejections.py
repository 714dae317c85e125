"""Why a body is rejected: each reason beside its kind, so that rewording one changes no metric.

What the actors reject is in ``actors``: a message that crashes, one that cannot be saved.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from actors.rejections import Rejection, RejectionKind
from bus.errors import MessageRejectedError
from bus.wire import mistakes

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    import orjson

logger = logging.getLogger("bus.intake")

_SAID_MAX = 200
"""Characters of an error that nobody foresaw: some quote the whole body."""


class Faults:
    """Makes rejections of what decoding raises, also of what nobody foresaw: a fault of ours.

    Decoding depends on nothing but the message, so it would be raised again by whoever reads that:
    it costs this message, and no other.
    """

    def __init__(self) -> None:
        """Know of none yet."""
        self._told: set[tuple[type[Exception], str, int]] = set()

    def rejection_of(self, error: Exception) -> Rejection:
        """Return why the message is rejected; raises what is no fault of the message's.

        The log has each place that raises once, with its traceback: the messages are counted and
        told of as other rejected ones.
        """
        if isinstance(error, MessageRejectedError):
            return error.rejection
        if isinstance(error, MemoryError):
            raise error
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        where = ("", 0) if trace is None else (trace.tb_frame.f_code.co_filename, trace.tb_lineno)
        if (type(error), *where) not in self._told:
            self._told.add((type(error), *where))
            mend = "report it; the message is a dead letter, to be replayed with a version that can"
            logger.error("message.undecodable", extra={"mend": mend}, exc_info=error)
        said = f"{type(error).__name__}: {error}"[:_SAID_MAX]
        reason = f"decoding it failed, by a fault of this service: {said}"
        return Rejection(RejectionKind.INTERNAL, reason)


def body_too_large(size: int, max_bytes: int) -> Rejection:
    """Over ``MAX_BODY_BYTES``; both in bytes."""
    reason = f"the body of {size} bytes exceeds {max_bytes} bytes"
    return Rejection(RejectionKind.BODY_TOO_LARGE, reason)


def unknown_subject(subject: str) -> Rejection:
    """The stream does not capture it, so it must have been renamed there or brought there."""
    reason = (
        f"the stream holds it under {subject}, which it does not capture: renamed by the stream, "
        "brought by one of its sources, or captured before its subjects were changed"
    )
    return Rejection(RejectionKind.UNKNOWN_SUBJECT, reason)


def not_json(error: orjson.JSONDecodeError, body: bytes) -> Rejection:
    """Something else, or the parser's error says where."""
    said = mistakes.in_text(body, error) or str(error)
    return Rejection(RejectionKind.NOT_JSON, f"the body is not JSON: {said}")


def not_an_object(value: object) -> Rejection:
    """JSON, but an array, a text, a number."""
    said = f"the body is not a JSON object: {mistakes.in_shape(value)}"
    return Rejection(RejectionKind.NOT_AN_OBJECT, said)


def missing(name: str, fields: Mapping[str, object]) -> Rejection:
    """No key is ``name``, whatever its case."""
    said = mistakes.in_keys(fields, name) or ""
    return Rejection(RejectionKind.BAD_FIELD, f"{name} is missing{said}")


def not_a_string(name: str, value: object) -> Rejection:
    """The field has another type."""
    said = mistakes.in_type(name, value)
    return Rejection(RejectionKind.BAD_FIELD, f"{name} is not a string{said}")


def empty(name: str) -> Rejection:
    """An id needs a character at least."""
    return Rejection(RejectionKind.BAD_FIELD, f"{name} is empty")


def too_long(name: str, max_bytes: int) -> Rejection:
    """An id of more than ``max_bytes`` as UTF-8."""
    return Rejection(RejectionKind.BAD_FIELD, f"{name} exceeds {max_bytes} bytes")


def has_nul(name: str) -> Rejection:
    """An id with a NUL, which MongoDB takes in no field's name."""
    return Rejection(RejectionKind.BAD_FIELD, f"{name} contains a NUL character")


def unknown_status(text: str, known: Collection[str]) -> Rejection:
    """A status that is not exactly one of the ``known``."""
    reason = f"Status is not one of {', '.join(known)}"
    return _bad_field(reason, mistakes.in_status(text, known))


def not_an_instant(text: str, error: ValueError) -> Rejection:
    """A ``ChangedAt`` that cannot be read; the error says why."""
    return _bad_field(f"ChangedAt {error}", mistakes.in_time(text))


def _bad_field(reason: str, mistake: str | None) -> Rejection:
    return Rejection(RejectionKind.BAD_FIELD, f"{reason}: {mistake}" if mistake else reason)
