"""Subjects: the defaults, and what is refused."""

from __future__ import annotations

import pytest

from actors.errors import SettingsError
from bus.subjects import Subjects, covers

SETTING_OF = {
    "alarm_status_changed": "ALARM_STATUS_CHANGED_SUBJECT",
    "send_alarm_digest": "SEND_ALARM_DIGEST_SUBJECT",
    "alarm_digest": "ALARM_DIGEST_SUBJECT",
    "dead_letter": "DEAD_LETTER_SUBJECT",
}


def test_the_default_subjects_are_those_of_the_contract() -> None:
    """Other services publish and subscribe by these names."""
    assert Subjects() == Subjects(
        alarm_status_changed="AlarmStatusChanged",
        send_alarm_digest="SendAlarmDigest",
        alarm_digest="AlarmDigest",
        dead_letter="AlarmDeadLetter",
    )


def test_both_inputs_are_consumed_and_no_output() -> None:
    """What the service publishes must not come back to it."""
    assert Subjects().inputs == ["AlarmStatusChanged", "SendAlarmDigest"]


@pytest.mark.parametrize("field", SETTING_OF)
@pytest.mark.parametrize(
    "subject",
    ["", ".", "a.", ".a", "a..b", "a b", "a\tb", "a\r\n", "a.*", "a.>", "*", ">", "a\0"],
)
def test_what_is_no_subject_is_refused_by_its_setting(field: str, subject: str) -> None:
    """The error names the one setting that is wrong."""
    with pytest.raises(SettingsError) as refusal:
        Subjects(**{field: subject})
    assert str(refusal.value).startswith(f"{SETTING_OF[field]}: ")
    assert "\n" not in str(refusal.value)


def test_subjects_of_several_tokens_are_taken() -> None:
    """Dots make a hierarchy and any script is allowed."""
    assert Subjects(alarm_digest="tenant-1.alarms.Übersicht").alarm_digest.count(".") == 2


@pytest.mark.parametrize("field", [field for field in SETTING_OF if field != "alarm_digest"])
def test_two_messages_on_one_subject_are_refused(field: str) -> None:
    """A digest that came back as an event would be rejected for ever."""
    with pytest.raises(
        SettingsError, match=r"^ALARM_DIGEST_SUBJECT: the four subjects must differ"
    ):
        Subjects(**{field: "AlarmDigest"})


@pytest.mark.parametrize(
    ("pattern", "subject"),
    [
        (">", "a.b"),
        ("a.>", "a.b.c"),
        ("a.*", "a.b"),
        ("a.b", "a.b"),
        ("a.>", "a.>"),
        ("a.>", "a.b.>"),
        (">", ">"),
        ("*.b", "a.b"),
    ],
)
def test_a_pattern_covers_what_it_matches(pattern: str, subject: str) -> None:
    """By the rules of NATS subjects."""
    assert covers(pattern, subject)


@pytest.mark.parametrize(
    ("pattern", "subject"),
    [
        ("a", "a.b"),
        ("a.b", "a"),
        ("a.>", "a"),
        ("a.*", "a.b.c"),
        ("a.*", "a.>"),
        ("a.b.>", "a.>"),
        ("*", ">"),
        ("A", "a"),
    ],
)
def test_a_pattern_does_not_cover_what_it_matches_in_part(pattern: str, subject: str) -> None:
    """A subject that stands for many must be covered whole."""
    assert not covers(pattern, subject)
