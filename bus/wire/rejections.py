"""Why a body is rejected: each reason beside its kind, so that rewording one changes no metric.

What the actors reject is in ``actors``: a message that crashes, one that cannot be saved.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.rejections import Rejection, RejectionKind

if TYPE_CHECKING:
    from collections.abc import Iterable


def body_too_large(size: int, max_bytes: int) -> Rejection:
    """Over ``MAX_BODY_BYTES``; both in bytes."""
    reason = f"the body of {size} bytes exceeds {max_bytes} bytes"
    return Rejection(RejectionKind.BODY_TOO_LARGE, reason)


def unknown_subject(subject: str) -> Rejection:
    """The stream does not capture it, so it must have been renamed there."""
    reason = (
        f"the stream holds it under {subject}, which it does not capture: renamed by the stream, "
        "or captured before its subjects were changed"
    )
    return Rejection(RejectionKind.UNKNOWN_SUBJECT, reason)


def not_json(error: ValueError) -> Rejection:
    """The parser's error says where."""
    return Rejection(RejectionKind.NOT_JSON, f"the body is not JSON: {error}")


def not_an_object() -> Rejection:
    """JSON, but an array, a text, a number."""
    return Rejection(RejectionKind.NOT_AN_OBJECT, "the body is not a JSON object")


def missing(name: str) -> Rejection:
    """No key is ``name``, whatever its case."""
    return Rejection(RejectionKind.BAD_FIELD, f"{name} is missing")


def not_a_string(name: str) -> Rejection:
    """The field has another type."""
    return Rejection(RejectionKind.BAD_FIELD, f"{name} is not a string")


def empty(name: str) -> Rejection:
    """An id needs a character at least."""
    return Rejection(RejectionKind.BAD_FIELD, f"{name} is empty")


def too_long(name: str, max_bytes: int) -> Rejection:
    """An id of more than ``max_bytes`` as UTF-8."""
    return Rejection(RejectionKind.BAD_FIELD, f"{name} exceeds {max_bytes} bytes")


def has_nul(name: str) -> Rejection:
    """An id with a NUL, which MongoDB takes in no field's name."""
    return Rejection(RejectionKind.BAD_FIELD, f"{name} contains a NUL character")


def unknown_status(known: Iterable[str]) -> Rejection:
    """A status that is not exactly one of the ``known``."""
    return Rejection(RejectionKind.BAD_FIELD, f"Status is not one of {', '.join(known)}")


def not_an_instant(error: ValueError) -> Rejection:
    """A ``ChangedAt`` that cannot be read; the error says why."""
    return Rejection(RejectionKind.BAD_FIELD, f"ChangedAt {error}")
