"""docs/asyncapi.yaml is a sound AsyncAPI document, and says what the code says."""

from __future__ import annotations

import dataclasses
import re

import pytest
from asyncapi3.models import AsyncAPI3
from jsonschema import Draft7Validator

from actors.rules.alarms import Severity
from actors.rules.digest import DIGEST_ALARMS_MAX
from bus.settings import BusSettings
from bus.subjects import Subjects
from bus.wire.codec import ID_MAX_BYTES
from ops.version import VERSION
from tests.unit.docs.contract import (
    CHANNELS,
    DOCUMENT,
    MESSAGES,
    SCHEMAS,
    body_of,
    examples_of,
    headers_of,
    references,
    resolved,
)

SETTINGS = BusSettings()


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)


def test_it_is_an_asyncapi_3_document() -> None:
    """By a model of the specification that refuses unknown and missing fields."""
    assert AsyncAPI3.model_validate(DOCUMENT).asyncapi == "3.0.0"


def test_every_reference_points_at_something() -> None:
    """Generators stop at the first that does not."""
    assert all(resolved(pointer) for pointer in references())


def test_what_describes_bodies_and_headers_is_json_schema() -> None:
    """A misspelt type would accept everything."""
    for schema in (
        *SCHEMAS.values(),
        *(item["headers"] for item in MESSAGES.values() if "headers" in item),
    ):
        Draft7Validator.check_schema(schema)


def test_its_subjects_are_those_of_the_code() -> None:
    """Each by the name of its setting; the subject of an answer is the producer's choice."""
    subjects = {
        _camel(field.name): getattr(Subjects(), field.name)
        for field in dataclasses.fields(Subjects)
    }
    assert {name: item["address"] for name, item in CHANNELS.items()} == {
        **subjects,
        "reply": None,
    }


def test_the_service_takes_the_inputs_and_sends_the_others() -> None:
    """``receive`` and ``send`` are from the service's point of view."""
    taken = {
        resolved(operation["channel"]["$ref"])["address"]
        for operation in DOCUMENT["operations"].values()
        if operation["action"] == "receive"
    }
    sent = {
        resolved(operation["channel"]["$ref"])["address"]
        for operation in DOCUMENT["operations"].values()
        if operation["action"] == "send"
    }
    assert taken == set(Subjects().inputs)
    assert sent == {Subjects().alarm_digest, Subjects().dead_letter}


def test_it_names_the_version_the_server_and_the_queue() -> None:
    """As they are without settings."""
    assert DOCUMENT["info"]["version"] == VERSION
    server = DOCUMENT["servers"]["nats"]
    assert f"{server['protocol']}://{server['host']}" == SETTINGS.urls[0]
    bindings = [
        operation["bindings"]["nats"]["queue"]
        for operation in DOCUMENT["operations"].values()
        if operation["action"] == "receive"
    ]
    assert bindings == [SETTINGS.queue_group] * 2


def test_it_names_the_stream_of_each_subject() -> None:
    """As they are created when none captures the subject."""
    streams = SETTINGS.streams
    named = {
        name: re.findall("ALARM_[A-Z_]+", item["description"]) for name, item in CHANNELS.items()
    }
    assert named == {
        "alarmStatusChanged": [streams.input_stream],
        "sendAlarmDigest": [streams.input_stream],
        "alarmDigest": [streams.digest_stream],
        "deadLetter": [streams.dead_letter_stream],
        "reply": [],
    }


def test_its_limits_are_those_of_the_code() -> None:
    """Bytes of an id and of a body, alarms of a digest."""
    assert SCHEMAS["alarmDigest"]["properties"]["ActiveAlarms"]["maxItems"] == DIGEST_ALARMS_MAX
    identifier = SCHEMAS["identifier"]
    assert identifier["x-max-bytes"] == identifier["maxLength"] == ID_MAX_BYTES
    limits = {name: item.get("x-max-body-bytes") for name, item in MESSAGES.items()}
    assert limits == {
        "alarmStatusChanged": SETTINGS.max_body_bytes,
        "sendAlarmDigest": SETTINGS.max_body_bytes,
        "alarmDigest": None,
        "alarmDeadLetter": None,
        "settled": None,
    }


def test_its_statuses_are_those_of_the_code() -> None:
    """A digest never carries a cleared alarm."""
    statuses = [severity.name for severity in Severity]
    assert SCHEMAS["status"]["enum"] == statuses
    told = SCHEMAS["activeAlarm"]["properties"]["Status"]["enum"]
    assert told == [status for status in statuses if status != Severity.CLEARED.name]


@pytest.mark.parametrize("message", MESSAGES)
def test_its_examples_are_what_it_describes(message: str) -> None:
    """Bodies by their schema, headers by theirs."""
    assert examples_of(message)
    for body in examples_of(message):
        body_of(message).validate(body)
    for example in MESSAGES[message]["examples"]:
        if "headers" in example:
            headers_of(message).validate(example["headers"])
