"""Times as they are typed."""

from __future__ import annotations

import click
import pytest

from ops.cli.log.moments import moment_ns

NOW_S = 1_000_000.5


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0s", 1_000_000.5),
        ("90s", 999_910.5),
        ("10m", 999_400.5),
        ("2h", 992_800.5),
        ("1d", 913_600.5),
        ("400d", 0.0),
        ("1970-01-01T00:00:07Z", 7.0),
        ("1970-01-01T01:00:07.5+01:00", 7.5),
    ],
)
def test_a_time_is_so_long_ago_or_written_out(text: str, seconds: float) -> None:
    """Never before 1970."""
    assert moment_ns(text, NOW_S) == int(seconds * 1e9)


@pytest.mark.parametrize("text", ["", "10", "m", "10 m", "-5m", "1.5h", "yesterday", "10M"])
def test_anything_else_is_refused_with_what_can_be_given(text: str) -> None:
    """A number alone is a sequence, and that is said elsewhere."""
    with pytest.raises(click.UsageError, match="RFC 3339"):
        moment_ns(text, NOW_S)
