"""What a stream is set to capture: what is passed over, rejected, and what stops the reading."""

from __future__ import annotations

from typing import Any

import pytest

from actors.rejections import RejectionKind
from bus.inbound.stream.captures import Captures
from bus.subjects import Subjects

SUBJECTS = Subjects()


def info(**config: Any) -> dict[str, Any]:
    """Return what the server says of a sound stream that is otherwise so."""
    sound = {"name": "S", "subjects": SUBJECTS.inputs, "retention": "limits", "storage": "file"}
    return {"config": {**sound, **config}, "state": {}, "created": "2026-01-01T00:00:00Z"}


def looked(**config: Any) -> Captures:
    """Return captures that have seen such a stream."""
    captures = Captures(SUBJECTS)
    assert captures.look(info(**config)) is None
    return captures


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ({"subject_transform": {"src": ">", "dest": "in.>"}}, "take its subject_transform away"),
        (
            {
                "sources": [
                    {"name": "X", "subject_transforms": [{"src": ">", "dest": "in.>"}]},
                ]
            },
            "take the transforms of that source away",
        ),
    ],
    ids=["stream", "source"],
)
def test_a_stream_that_was_edited_to_rename_is_not_read_on(
    config: dict[str, Any], reason: str
) -> None:
    """What it stores from then on is not known again."""
    failure = Captures(SUBJECTS).look(info(**config))
    assert failure is not None
    assert failure.unreadable
    assert reason in failure.reason


@pytest.mark.parametrize(
    ("config", "subject"),
    [
        ({"subjects": [*SUBJECTS.inputs, "Other"]}, "Other"),
        ({"subjects": ["*"]}, "Anything"),
        (
            {
                "subjects": [*SUBJECTS.inputs, "old.*"],
                "subject_transform": {"src": "old.*", "dest": "new.$1"},
            },
            "new.Thing",
        ),
        ({}, SUBJECTS.alarm_digest),
        ({}, SUBJECTS.dead_letter),
    ],
    ids=["named", "a wildcard", "named and renamed", "our digests", "our dead letters"],
)
def test_what_somebody_wants_in_the_stream_is_passed_over(
    config: dict[str, Any], subject: str
) -> None:
    """Our own dead letters would make dead letters without end."""
    assert looked(**config).judge(subject) is None


def test_what_the_stream_does_not_capture_is_rejected() -> None:
    """It was renamed: an alarm that was passed over would be lost without a word."""
    rejection = looked().judge(f"in.{SUBJECTS.alarm_status_changed}")
    assert rejection is not None
    assert rejection.kind is RejectionKind.UNKNOWN_SUBJECT
    assert "in.AlarmStatusChanged" in rejection.reason


def test_what_a_source_brings_under_another_subject_is_rejected() -> None:
    """Its origin renames: those alarms were passed over, with nothing but a warning."""
    captures = looked(sources=[{"name": "X"}])
    rejection = captures.judge(f"in.{SUBJECTS.alarm_status_changed}")
    assert rejection is not None
    assert rejection.kind is RejectionKind.UNKNOWN_SUBJECT
    assert "sources" in rejection.reason


def test_before_anything_is_known_nothing_is_rejected() -> None:
    """Nor is what is no description of a stream taken for one."""
    captures = Captures(SUBJECTS)
    assert captures.look({"error": {"description": "no answer in time"}}) is None
    assert captures.judge("in.AlarmStatusChanged") is None
