"""What is wrong with a stream that exists: said, with its mend, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from nats.js.api import StreamConfig

from bus.streams.origins.sources import Origin
from bus.streams.risks import (
    obstacle_of_name,
    obstacle_of_split,
    obstacles_of_input_stream,
    obstacles_of_output_stream,
    risks_of_input_stream,
    risks_of_output_stream,
)

INPUTS = ["AlarmStatusChanged", "SendAlarmDigest"]
SOUND = {
    "name": "S",
    "subjects": INPUTS,
    "retention": "limits",
    "storage": "file",
    "discard": "new",
    "duplicate_window": 120_000_000_000,
    "max_msgs": -1,
    "max_bytes": -1,
    "max_consumers": -1,
    "max_msgs_per_subject": -1,
}


def config(**differs: Any) -> StreamConfig:
    """Return a sound stream's configuration but for this, as the server tells it."""
    found: StreamConfig = StreamConfig.from_response({**SOUND, **differs})
    return found


@pytest.mark.parametrize(
    ("max_msg_size", "warned"),
    [(None, False), (-1, False), (0, False), (8192, True), (1024 * 1024, False)],
)
def test_a_stream_that_takes_small_messages_only_is_warned_about(
    max_msg_size: int | None, *, warned: bool
) -> None:
    """Digests come in parts there, and dead letters are cut: nobody should find that out late."""
    risks = list(risks_of_output_stream(config(max_msg_size=max_msg_size), "AlarmDigest"))
    assert [risk.event for risk in risks] == ["stream.limits_message_size"] * warned
    for risk in risks:
        assert "max_msg_size" in risk.mend


def test_a_sound_stream_is_not_complained_of() -> None:
    """A warning that is always there is read by nobody."""
    assert list(risks_of_input_stream(config(), INPUTS)) == []
    assert list(obstacles_of_input_stream(config(), INPUTS)) == []
    assert list(risks_of_output_stream(config(), "AlarmDigest")) == []


@pytest.mark.parametrize(
    ("differs", "mend"),
    [
        ({"max_age": 1}, "unread messages vanish"),
        ({"max_msgs": 9, "discard": "old"}, "unread messages vanish"),
        ({"max_bytes": 9, "discard": "old"}, "unread messages vanish"),
        ({"max_msgs_per_subject": 9}, "unread messages vanish"),
        ({"storage": "memory"}, "memory does not survive"),
        ({"allow_msg_ttl": True}, "allow_msg_ttl"),
        ({"max_consumers": 2}, "max_consumers to -1"),
    ],
)
def test_what_may_lose_unread_messages_is_a_risk(differs: dict[str, Any], mend: str) -> None:
    """The operator's stream is used all the same."""
    (risk,) = risks_of_input_stream(config(**differs), INPUTS)
    assert mend in risk.mend
    assert list(obstacles_of_input_stream(config(**differs), INPUTS)) == []


@pytest.mark.parametrize(
    ("differs", "what"),
    [
        ({"no_ack": True}, "acknowledges no publication"),
        ({"sealed": True}, "is sealed"),
        ({"allow_msg_counter": True}, "takes numbers only"),
    ],
)
def test_a_stream_that_takes_nothing_of_ours_is_an_obstacle(
    differs: dict[str, Any], what: str
) -> None:
    """A digest would be published to it again and again, for ever."""
    [obstacle] = obstacles_of_output_stream(config(**differs), "AlarmDigest")
    assert what in obstacle.what
    assert "give AlarmDigest a stream of its own" in obstacle.mend
    assert list(obstacles_of_output_stream(config(), "AlarmDigest")) == []


def test_a_stream_that_keeps_what_somebody_wants_may_lose_digests() -> None:
    """It acknowledges what nobody consumes, and keeps nothing of it."""
    (risk,) = risks_of_output_stream(config(retention="interest"), "AlarmDigest")
    assert "no consumer" in risk.what


@pytest.mark.parametrize(
    "differs",
    [
        {"max_msgs": 9},
        {"max_bytes": 9},
        {"max_msgs_per_subject": 9, "discard_new_per_subject": True},
        {"max_msgs": -1, "discard": "old"},
    ],
)
def test_what_refuses_new_messages_loses_none(differs: dict[str, Any]) -> None:
    """The producer is told, and keeps what it has; without a limit nothing is discarded."""
    assert list(risks_of_input_stream(config(**differs), INPUTS)) == []


@pytest.mark.parametrize(
    ("differs", "what", "mend"),
    [
        ({"retention": "workqueue"}, "work queue", "python main.py migrate"),
        ({"retention": "interest"}, "interest retention", "--retention limits"),
        (
            {"subject_transform": {"src": ">", "dest": "in.>"}},
            "renames AlarmStatusChanged and SendAlarmDigest",
            "subject_transform",
        ),
        (
            {"subject_transform": {"src": "Send*", "dest": "in.>"}},
            "",
            "",
        ),
        (
            {"subject_transform": {"src": "SendAlarmDigest", "dest": "Other"}},
            "renames SendAlarmDigest (",
            "subject_transform",
        ),
        (
            {"sources": [{"name": "O", "subject_transforms": [{"src": ">", "dest": "o.>"}]}]},
            "from O under other subjects",
            "transforms of that source",
        ),
        ({"subjects": [], "mirror": {"name": "O"}}, "is a mirror of O", "delete it"),
    ],
)
def test_what_lets_nothing_work_is_an_obstacle(
    differs: dict[str, Any], what: str, mend: str
) -> None:
    """Named with what to do; a wildcard stands for whole tokens, so ``Send*`` is none of ours."""
    found = list(obstacles_of_input_stream(config(**differs), INPUTS))
    if not what:
        assert found == []
        return
    (obstacle,) = found
    assert what in obstacle.what
    assert mend in obstacle.mend


@pytest.mark.parametrize(
    "differs",
    [
        {"subject_transform": {"src": "other.>", "dest": "in.>"}},
        {"subject_transform": {"src": ">", "dest": ">"}},
        {"sources": [{"name": "LEAF", "filter_subject": "AlarmStatusChanged"}]},
    ],
)
def test_what_leaves_our_subjects_alone_is_none(differs: dict[str, Any]) -> None:
    """A stream that also takes in another's messages, as they are, is read like any."""
    assert list(obstacles_of_input_stream(config(**differs), INPUTS)) == []


def test_a_source_that_is_open_is_warned_about() -> None:
    """What it will bring nobody knows: it may be nothing but our subjects, so the start goes on."""
    open_one = config(sources=[{"name": "LEAF"}])
    (risk,) = risks_of_input_stream(open_one, INPUTS)
    assert risk.event == "stream.takes_unknown_subjects"
    assert "filter_subject" in risk.mend
    assert list(obstacles_of_input_stream(open_one, INPUTS)) == []
    assert list(risks_of_input_stream(open_one, INPUTS, [Origin(config())])) == []


def test_a_name_that_a_mirror_has_is_not_to_be_made_to_capture() -> None:
    """No mirror can; any other stream may."""
    assert "have it capture that" in obstacle_of_name(config(), "A").mend
    taken = obstacle_of_name(config(mirror={"name": "O"}), "A")
    assert "a mirror of O" in taken.what
    assert "set another name" in taken.mend


@pytest.mark.parametrize(
    ("found", "obstacle"),
    [
        ({"a": None, "b": None}, None),
        ({"a": "S", "b": "S"}, None),
        ({"a": "S", "b": None}, "a in S, b in none"),
        ({"a": "S", "b": "T"}, "a in S, b in T"),
    ],
)
def test_both_inputs_are_in_one_stream(found: dict[str, str | None], obstacle: str | None) -> None:
    """Else an event and its request have no order."""
    split = obstacle_of_split(found)
    assert (split is None) == (obstacle is None)
    assert split is None or (obstacle is not None and obstacle in split.what)


def test_a_digest_stream_tells_no_digest_twice() -> None:
    """Nor hides it under another subject."""
    (risk,) = risks_of_output_stream(config(duplicate_window=0), "AlarmDigest")
    assert "duplicate window" in risk.mend
    renamed = config(subject_transform={"src": ">", "dest": "out.>"})
    (risk,) = risks_of_output_stream(renamed, "AlarmDigest")
    assert "subject_transform" in risk.mend
