"""docs/asyncapi.yaml describes what the codec reads and writes, and the headers beside it."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any, cast

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.ports import DeliveryToken
from actors.rejections import Rejection, RejectionKind
from actors.rules.alarms import AlarmID, Severity, UserID
from actors.rules.digest import Digest, DigestID, DigestItem, digest_order
from actors.rules.positions import Place
from bus.errors import MessageRejectedError
from bus.inbound.intake import Intake
from bus.inbound.queue_subscription import QueueConsumer
from bus.outbound.dead_letters import DeadLetterSender, Share
from bus.outbound.digests import DigestSender
from bus.settings import BusSettings
from bus.subjects import Subjects
from bus.wire.codec import (
    ID_MAX_BYTES,
    decode_alarm_status_changed,
    decode_send_alarm_digest,
    encode_digest,
)
from bus.wire.instants import format_instant, parse_instant
from bus.wire.message import Message, Rejected
from bus.wire.rejections import missing
from tests.service import ROOT
from tests.unit.bus.letters import RecordingLetters
from tests.unit.bus.transport import RecordingTransport, Sent
from tests.unit.docs.contract import MESSAGES, SCHEMAS, body_of, examples_of, headers_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from bus.connection.connection import Connection

MAX_BYTES = BusSettings().max_body_bytes
ROOMY = 1_000_000
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
DECODERS: dict[str, Callable[[bytes, int], object]] = {
    "alarmStatusChanged": decode_alarm_status_changed,
    "sendAlarmDigest": decode_send_alarm_digest,
}

ids: st.SearchStrategy[Any] = st.one_of(
    st.text(max_size=ID_MAX_BYTES // 4),
    st.sampled_from(["", "\0", "a\0b", "$set", "a.b", "🚨", "i" * 256, "i" * 257, None, 7, []]),
)
statuses = st.sampled_from([*(item.name for item in Severity), "warning", "RED", "", None, 1])
instants = st.one_of(
    st.integers(-(2**63), 2**63 - 1).map(format_instant),
    st.sampled_from(
        [
            "2021-06-07T20:40:15Z",
            "2021-06-07t20:40:15.5z",
            "2021-06-07T20:40:15.123456789-11:30",
            "2021-06-07T20:40:15.1234567890Z",
            "2021-06-07T20:40:15.Z",
            "2021-06-07T20:40:15",
            "2021-06-07 20:40:15Z",
            "yesterday",
            "",
            None,
            1_623_098_415,
        ]
    ),
)
soup = st.fixed_dictionaries(
    {},
    optional={
        "AlarmID": ids,
        "UserID": ids,
        "Status": statuses,
        "ChangedAt": instants,
        "Stranger": st.none(),
    },
)
FIELDS = {"AlarmID": ids, "UserID": ids, "Status": statuses, "ChangedAt": instants}
one_field = st.one_of(
    *(st.tuples(st.just(name), values) for name, values in FIELDS.items()),
)
"""The field of a sound event to be replaced: what is wrong with several says little of each."""
events = st.one_of(
    one_field.map(lambda field: {**examples_of("alarmStatusChanged")[0], field[0]: field[1]}), soup
)


def _reads(message: str, body: object) -> bool:
    try:
        DECODERS[message](orjson.dumps(body), MAX_BYTES)
    except MessageRejectedError:
        return False
    return True


def _digest(body: dict[str, Any]) -> Digest:
    items = tuple(
        DigestItem(
            AlarmID(item["AlarmID"]),
            Severity[item["Status"]],
            parse_instant(item["LatestChangedAt"]),
        )
        for item in body["ActiveAlarms"]
    )
    user_id, digest_id = UserID(body["UserID"]), DigestID(secrets.token_hex(16))
    return Digest(digest_id, user_id, items, TRACEPARENT)


def _sent_digest(max_payload_bytes: int) -> list[Sent]:
    transport = RecordingTransport(max_payload_bytes)
    body = next(iter(examples_of("alarmDigest")))
    DigestSender(transport, Subjects()).send([_digest(body)], lambda _: None)
    return transport.sent


def _sent_dead_letter(message: Message, max_payload_bytes: int = ROOMY) -> list[Sent]:
    transport = RecordingTransport(max_payload_bytes)
    sender = DeadLetterSender(transport, Subjects(), lambda: 1_623_098_415.5, Share(1, 1))
    rejection = Rejection(RejectionKind.BAD_FIELD, "UserID „ü“ is\nmissing" * 20)
    sender.send([Rejected(DeliveryToken(1), message, rejection)], lambda _: None)
    return transport.sent


@pytest.mark.parametrize("message", DECODERS)
def test_the_codec_reads_the_examples(message: str) -> None:
    """Copied into nats-cli they must work."""
    assert all(_reads(message, body) for body in examples_of(message))


@pytest.mark.parametrize("message", DECODERS)
def test_every_field_that_is_described_is_needed(message: str) -> None:
    """No more and no fewer: without one the codec rejects, with another it does not mind."""
    schema = SCHEMAS[message]
    assert set(schema["required"]) == set(schema["properties"])
    for body in examples_of(message):
        for name in schema["required"]:
            assert not _reads(message, {key: body[key] for key in body if key != name})
        assert _reads(message, {**body, "Stranger": 1})


@pytest.mark.parametrize("message", DECODERS)
@given(body=st.one_of(events, st.sampled_from([None, [], "text", 7])))
def test_the_codec_reads_what_the_document_accepts_and_nothing_else(
    message: str, body: object
) -> None:
    """Except what a schema cannot say: bytes, days that do not exist, the range of the years."""
    assert _reads(message, body) == body_of(message).is_valid(body)


def test_an_identifier_is_measured_in_bytes() -> None:
    """The document's ``x-max-bytes``, which its ``maxLength`` only approaches."""
    most = SCHEMAS["identifier"]["x-max-bytes"]
    assert _reads("sendAlarmDigest", {"UserID": "é" * (most // 2)})
    assert not _reads("sendAlarmDigest", {"UserID": "é" * (most // 2) + "e"})


def test_a_body_is_limited_as_described() -> None:
    """To the byte."""
    most = MESSAGES["sendAlarmDigest"]["x-max-body-bytes"]
    body = b'{"UserID":"2"}'
    decode_send_alarm_digest(body.ljust(most), MAX_BYTES)
    with pytest.raises(MessageRejectedError, match="exceeds"):
        decode_send_alarm_digest(body.ljust(most + 1), MAX_BYTES)


@pytest.mark.parametrize("body", examples_of("alarmDigest"))
def test_the_codec_writes_the_examples_of_digests(body: dict[str, Any]) -> None:
    """Keys in that order, compact."""
    assert [part.body for part in encode_digest(_digest(body), ROOMY)] == [orjson.dumps(body)]


def test_digests_are_shown_in_their_order() -> None:
    """In the examples, and in the README: what a reader sees is what the rules do."""
    lines = (ROOT / "README.md").read_text().splitlines()
    shown = [orjson.loads(line) for line in lines if line.startswith('{"UserID"')]
    bodies = [*examples_of("alarmDigest"), *shown]
    digests = [_digest(body) for body in bodies if body["ActiveAlarms"]]
    assert max(len(digest.items) for digest in digests) > 1
    for digest in digests:
        assert list(digest.items) == sorted(digest.items, key=digest_order)


@given(st.integers(-(2**63), 2**63 - 1), st.sampled_from([Severity.WARNING, Severity.CRITICAL]))
def test_every_digest_that_the_codec_writes_is_as_described(at_ns: int, severity: Severity) -> None:
    """Whatever the instant."""
    items = (DigestItem(AlarmID("a"), severity, at_ns),)
    part = encode_digest(Digest(DigestID("d"), UserID("2"), items), ROOMY)[0]
    body_of("alarmDigest").validate(orjson.loads(part.body))


@pytest.mark.parametrize(("max_payload_bytes", "messages"), [(ROOMY, 1), (270, 2)])
def test_a_digest_has_the_headers_described(max_payload_bytes: int, messages: int) -> None:
    """Whole and in several messages; no header that the document does not know."""
    sent = _sent_digest(max_payload_bytes)
    assert len(sent) == messages
    for item in sent:
        headers_of("alarmDigest").validate(item.headers)
        assert set(item.headers) == {"Nats-Msg-Id", "traceparent"}


@pytest.mark.parametrize(
    ("place", "max_payload_bytes", "optional"),
    [
        (Place(17, 1_623_098_415_600_112_233), ROOMY, {"Nats-Msg-Id"}),
        (Place(17, 1_623_098_415_600_112_233), 1_000, {"Nats-Msg-Id", "Dead-Letter-Cut"}),
        (Place(17, 0, "core.1"), ROOMY, {"Nats-Msg-Id"}),
    ],
)
def test_a_dead_letter_has_the_headers_described(
    place: Place, max_payload_bytes: int, optional: set[str]
) -> None:
    """From JetStream, cut, and from core NATS, where it has no sequence."""
    message = Message("AlarmStatusChanged", b"\xff" * 2_000, "", place, TRACEPARENT)
    required = set(MESSAGES["alarmDeadLetter"]["headers"]["required"])
    for item in _sent_dead_letter(message, max_payload_bytes):
        headers_of("alarmDeadLetter").validate(item.headers)
        assert set(item.headers) == required | optional | {"traceparent"}


@pytest.mark.parametrize("rejection", [None, missing("UserID", {}).reason])
def test_a_producer_is_answered_as_described(rejection: str | None) -> None:
    """On core NATS."""
    answers: list[tuple[str, bytes]] = []

    class Wire:
        """Takes down what is written."""

        def write(self, subject: str, body: bytes) -> None:
            answers.append((subject, body))

    settings = BusSettings()
    intake = Intake(
        settings.subjects, MAX_BYTES, 1, lambda _: None, RecordingLetters(), lambda *_: None
    )
    consumer = QueueConsumer(cast("Connection", Wire()), settings, intake)
    consumer.settle(
        [Message("SendAlarmDigest", b"{}", "answer.here", Place(1, 0, "core.1"))], rejection
    )
    [(subject, body)] = answers
    assert subject == "answer.here"
    assert body.decode() in examples_of("settled")
