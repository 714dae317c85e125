"""Who answers over NATS is known to the database, or the two are of two deployments."""

from __future__ import annotations

from actors.rules.partitions import InstanceID
from ops.homes.belonging import stranger_than
from ops.homes.members import MemberFigures
from tests.unit.ops.homes.views import instance

ON_LOG, ON_CORE = MemberFigures(partitions=64), MemberFigures(partitions=None)


def said(answering: dict[str, MemberFigures], *known: str) -> str | None:
    """Return what is said of those who answer, where the database knows these."""
    figures = {InstanceID(name): one for name, one in answering.items()}
    return stranger_than(figures, [instance(name) for name in known])


def test_where_all_are_known_nothing_is_said() -> None:
    """Nor where nobody answers: one that is silent is a matter of its beats."""
    assert said({"a": ON_LOG}, "a", "b") is None
    assert said({}, "a") is None
    assert said({}) is None


def test_on_core_nats_nobody_is_written_down() -> None:
    """So that nobody is missed."""
    assert said({"a": ON_CORE}) is None


def test_a_stranger_is_told_of() -> None:
    """One of several too: whom a question reaches is chance."""
    assert "the service that answers" in str(said({"a": ON_LOG}, "b"))
    assert "1 of 2 instances" in str(said({"a": ON_LOG, "b": ON_LOG}, "b"))
