"""Rejections: why a message becomes a dead letter, as a sentence and as one of few kinds.

The sentence is for a person and may be reworded at will; the kind is what is counted.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class RejectionKind(StrEnum):
    """What a metric's label says of a dead letter; see docs/operations/metrics.md."""

    BODY_TOO_LARGE = "body_too_large"
    NOT_JSON = "not_json"
    NOT_AN_OBJECT = "not_an_object"
    BAD_FIELD = "bad_field"
    UNKNOWN_SUBJECT = "unknown_subject"
    """The stream holds it under a subject that is none of ours, nor one that it captures."""
    INTERNAL = "internal"
    """Decoding it raised what nobody foresaw: a fault of this service."""
    CRASHED = "crashed"
    """The message crashed its user's actor again and again."""
    DEADLY = "deadly"
    """The message ended the process again and again."""
    UNSAVABLE = "unsavable"
    """No checkpoint will ever hold it: MongoDB refuses it, or its user has no more room."""


class Rejection(NamedTuple):
    """Why a message is rejected."""

    kind: RejectionKind
    reason: str
    """One sentence that a person understands; may quote what somebody sent."""
