"""Why messages become dead letters, as a few classes that can be counted.

A dead letter's reason is a sentence for a person, with figures and quotations in it; a metric's
label must be one of few. Sentences come from ``bus.wire.codec`` and from the actors.
"""

from __future__ import annotations

BODY_TOO_LARGE = "body_too_large"
NOT_JSON = "not_json"
NOT_AN_OBJECT = "not_an_object"
BAD_FIELD = "bad_field"
CRASHED = "crashed"
"""The message crashed its user's actor again and again."""
UNSAVABLE = "unsavable"
"""No checkpoint will ever hold it: MongoDB refuses it, or its user has no room for the alarm."""
OTHER = "other"

REASON_CLASSES = (
    BODY_TOO_LARGE,
    NOT_JSON,
    NOT_AN_OBJECT,
    BAD_FIELD,
    CRASHED,
    UNSAVABLE,
    OTHER,
)

_BEGINNINGS = (
    ("the body of ", BODY_TOO_LARGE),
    ("the body is not a JSON object", NOT_AN_OBJECT),
    ("the body is not JSON", NOT_JSON),
    ("UserID ", BAD_FIELD),
    ("AlarmID ", BAD_FIELD),
    ("Status ", BAD_FIELD),
    ("ChangedAt ", BAD_FIELD),
    ("processing failed ", CRASHED),
    ("the checkpoint ", UNSAVABLE),
    ("MongoDB refused ", UNSAVABLE),
    ("the user has ", UNSAVABLE),
)


def reason_class(reason: str) -> str:
    """Return the class of a dead letter's reason."""
    for beginning, kind in _BEGINNINGS:
        if reason.startswith(beginning):
            return kind
    return OTHER
