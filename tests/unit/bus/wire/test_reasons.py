"""A dead letter's reason and its class; the sentences are the codec's and the actors' own."""

from __future__ import annotations

import pytest

from bus.errors import MessageRejectedError
from bus.wire.codec import decode_alarm_status_changed
from bus.wire.reasons import (
    BAD_FIELD,
    BODY_TOO_LARGE,
    CRASHED,
    NOT_AN_OBJECT,
    NOT_JSON,
    OTHER,
    REASON_CLASSES,
    UNSAVABLE,
    reason_class,
)

GOOD = {
    "UserID": '"u"',
    "AlarmID": '"a"',
    "Status": '"WARNING"',
    "ChangedAt": '"yesterday"',
}


def _without(name: str) -> bytes:
    fields = ",".join(f'"{key}":{value}' for key, value in GOOD.items() if key != name)
    return f"{{{fields}}}".encode()


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b" " * 1001, BODY_TOO_LARGE),
        (b"{", NOT_JSON),
        (b"\xff", NOT_JSON),
        (b"[]", NOT_AN_OBJECT),
        (_without("UserID"), BAD_FIELD),
        (_without("AlarmID"), BAD_FIELD),
        (_without("Status"), BAD_FIELD),
        (_without("ChangedAt"), BAD_FIELD),
        (_without(""), BAD_FIELD),
    ],
)
def test_what_the_codec_rejects_has_a_class(body: bytes, kind: str) -> None:
    """A sentence that is reworded must not fall among the others in silence."""
    with pytest.raises(MessageRejectedError) as rejection:
        decode_alarm_status_changed(body, 1000)
    assert reason_class(str(rejection.value)) == kind
    assert kind in REASON_CLASSES


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("processing failed 5 times, last with: ValueError()", CRASHED),
        ("the checkpoint cannot be stored: too large", UNSAVABLE),
        ("MongoDB refused the checkpoint: too large", UNSAVABLE),
        ("the user has 9000 alarms and no room for another", UNSAVABLE),
        ("something new", OTHER),
    ],
)
def test_what_the_actors_give_up_has_a_class(reason: str, kind: str) -> None:
    """See ``actors.router``, ``actors.user.actor`` and ``store.users.mongo``."""
    assert reason_class(reason) == kind
    assert kind in REASON_CLASSES
