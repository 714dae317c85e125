"""A rejection's kind stands beside its reason, whatever the sentence says."""

from __future__ import annotations

import inspect

import pytest

from actors.rejections import Rejection, RejectionKind
from bus.errors import MessageRejectedError
from bus.wire import rejections
from bus.wire.codec import decode_alarm_status_changed

GOOD = {
    "UserID": '"u"',
    "AlarmID": '"a"',
    "Status": '"WARNING"',
    "ChangedAt": '"yesterday"',
}


def _with(name: str, value: str) -> bytes:
    fields = ",".join(f'"{key}":{value}' for key, value in {**GOOD, name: value}.items())
    return f"{{{fields}}}".encode()


def _without(name: str) -> bytes:
    fields = ",".join(f'"{key}":{value}' for key, value in GOOD.items() if key != name)
    return f"{{{fields}}}".encode()


REJECTED = [
    (b" " * 1001, RejectionKind.BODY_TOO_LARGE),
    (b"{", RejectionKind.NOT_JSON),
    (b"\xff", RejectionKind.NOT_JSON),
    (b"[]", RejectionKind.NOT_AN_OBJECT),
    (_without("UserID"), RejectionKind.BAD_FIELD),
    (_without("ChangedAt"), RejectionKind.BAD_FIELD),
    (_with("UserID", "7"), RejectionKind.BAD_FIELD),
    (_with("UserID", '""'), RejectionKind.BAD_FIELD),
    (_with("AlarmID", '"' + "x" * 257 + '"'), RejectionKind.BAD_FIELD),
    (_with("AlarmID", '"\\u0000"'), RejectionKind.BAD_FIELD),
    (_with("Status", '"RED"'), RejectionKind.BAD_FIELD),
    (_with("ChangedAt", '"yesterday"'), RejectionKind.BAD_FIELD),
]


@pytest.mark.parametrize(("body", "kind"), REJECTED)
def test_what_the_codec_rejects_has_a_kind(body: bytes, kind: RejectionKind) -> None:
    """And the error's text is the reason."""
    with pytest.raises(MessageRejectedError) as raised:
        decode_alarm_status_changed(body, 1000)
    assert raised.value.rejection == Rejection(kind, str(raised.value))


@pytest.mark.parametrize(("body", "kind"), REJECTED)
def test_a_sentence_may_change_and_the_kind_stays(
    body: bytes, kind: RejectionKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Metrics and alerts are built on kinds; each sentence is replaced, and none of them moves."""
    for name, make in inspect.getmembers(rejections, inspect.isfunction):
        if make.__module__ == rejections.__name__:

            def reworded(*of: object, made: object = make) -> Rejection:
                assert callable(made)
                rejection: Rejection = made(*of)
                return rejection._replace(reason="the wording of the day")

            monkeypatch.setattr(rejections, name, reworded)
    with pytest.raises(MessageRejectedError, match=r"^the wording of the day$") as raised:
        decode_alarm_status_changed(body, 1000)
    assert raised.value.rejection.kind is kind
