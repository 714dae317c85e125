"""Whether a NATS user's permissions allow what the service does."""

from __future__ import annotations

from typing import Any

import pytest

from bus.connection.permissions import covers, denied, needed
from bus.settings import BusSettings

NEEDED = list(needed(BusSettings(), "ALARM_INPUT"))
ACKS = "$JS.ACK.ALARM_INPUT.alarm-digester.>"


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


@pytest.mark.parametrize("permissions", [{}, {"publish": {}, "subscribe": {"allow": None}}])
def test_a_user_without_rules_may_do_everything(permissions: dict[str, Any]) -> None:
    """As on a server without authorization."""
    assert denied(permissions, NEEDED) == []


def test_what_is_not_allowed_is_named() -> None:
    """An acknowledgement that is denied is otherwise noticed by redeliveries only."""
    allowed = [one.subject for one in NEEDED if one.verb == "publish" and one.subject != ACKS]
    (missing,) = denied({"publish": {"allow": allowed}}, NEEDED)
    assert (missing.verb, missing.subject) == ("publish", ACKS)


def test_deny_is_above_allow() -> None:
    """As in the server."""
    permissions = {"publish": {"allow": [">"], "deny": ["$JS.ACK.>"]}}
    (missing,) = denied(permissions, NEEDED)
    assert missing.subject == ACKS
