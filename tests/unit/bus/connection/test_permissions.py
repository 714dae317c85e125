"""Whether a NATS user's permissions allow what the service does."""

from __future__ import annotations

from typing import Any

import pytest

from bus.connection.permissions import denied, needed
from bus.settings import BusSettings

NEEDED = list(needed(BusSettings(), "ALARM_INPUT"))
PURGE = "$JS.API.STREAM.PURGE.ALARM_INPUT"


@pytest.mark.parametrize("permissions", [{}, {"publish": {}, "subscribe": {"allow": None}}])
def test_a_user_without_rules_may_do_everything(permissions: dict[str, Any]) -> None:
    """As on a server without authorization."""
    assert denied(permissions, NEEDED) == []


def test_what_is_not_allowed_is_named() -> None:
    """A purge that is denied is otherwise noticed by a full disk only."""
    allowed = [one.subject for one in NEEDED if one.verb == "publish" and one.subject != PURGE]
    (missing,) = denied({"publish": {"allow": allowed}}, NEEDED)
    assert (missing.verb, missing.subject) == ("publish", PURGE)


def test_deny_is_above_allow() -> None:
    """As in the server."""
    permissions = {"publish": {"allow": [">"], "deny": ["$JS.API.STREAM.PURGE.>"]}}
    (missing,) = denied(permissions, NEEDED)
    assert missing.subject == PURGE


def test_nothing_is_acknowledged_any_more() -> None:
    """The input is read as a log; a list that still permits it permits too much."""
    assert not [one for one in NEEDED if "ACK" in one.subject or "DURABLE" in one.subject]


def test_instances_hear_each_other() -> None:
    """A nudge goes to the subject that it is heard on."""
    nudges = [one for one in NEEDED if one.subject == BusSettings().nudge_subject]
    assert sorted(one.verb for one in nudges) == ["publish", "subscribe"]
