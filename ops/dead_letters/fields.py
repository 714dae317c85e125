"""Dead letters as people and machines see them. Pure."""

from __future__ import annotations

import base64
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import orjson

from bus.dead_letters.pages import LetterHead

if TYPE_CHECKING:
    from bus.dead_letters.stored import DeadLetter

_BEGIN_BYTES = 160


@dataclass(frozen=True, slots=True)
class LetterLine(LetterHead):
    """One letter in a list of many."""

    user: str | None
    """Whose the body seems to be; None where it does not say."""
    begin: str | None
    """How the body begins; None where it was not read."""


def line_of(head: LetterHead, body: bytes | None) -> LetterLine:
    """Return a letter as a list shows it; None is a body too large to be read for one."""
    if body is None:
        return LetterLine(**asdict(head), user=None, begin=None)
    # A character that is cut in two at the end is left out, others that are none are shown so.
    begin = body[:_BEGIN_BYTES].decode("utf-8", "replace")
    if len(body) > _BEGIN_BYTES:
        begin = begin.rstrip("\ufffd")
    return LetterLine(**asdict(head), user=user_in(body), begin=begin)


def user_in(body: bytes) -> str | None:
    """Return whose a rejected body seems to be: what it calls its user, here or a level down."""
    try:
        fields = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(fields, dict):
        return None
    for level in (fields, *(inner for inner in fields.values() if isinstance(inner, dict))):
        for key, value in level.items():
            if key.casefold().replace("_", "").replace("-", "") == "userid":
                return str(value) if isinstance(value, str | int | float) else None
    return None


def fits(letter: DeadLetter | LetterHead, reason: str | None, subject: str | None) -> bool:
    """Whether a letter's reason contains ``reason``, and it was published to ``subject``."""
    return (reason is None or reason.lower() in letter.reason.lower()) and (
        subject is None or subject == letter.subject
    )


def to_fields(letter: DeadLetter) -> dict[str, Any]:
    """Return a letter as JSON can hold it: the body as text, or in Base64 where it is not text."""
    fields: dict[str, Any] = {
        "sequence": letter.sequence,
        "time": letter.time,
        "reason": letter.reason,
        "subject": letter.subject,
        "original_sequence": letter.original_sequence,
        "bytes": len(letter.body),
        "cut_from": letter.cut_from,
    }
    try:
        return {**fields, "body": letter.body.decode()}
    except UnicodeDecodeError:
        return {**fields, "body_base64": base64.b64encode(letter.body).decode()}
