"""Dead letters as people and machines see them. Pure."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bus.dead_letters.stored import DeadLetter


def fits(letter: DeadLetter, reason: str | None, subject: str | None) -> bool:
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
