"""Moments as they are typed: a time, how long ago, or a place in the log."""

from __future__ import annotations

import re

import click

from bus.wire.instants import parse_instant

_AGO = re.compile(r"(\d{1,9})(s|m|h|d)")
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


def moment_ns(text: str, now_s: float) -> int:
    """Return a time in nanoseconds since 1970: ``10m`` ago, or RFC 3339.

    Raises ``click.UsageError``.
    """
    ago = _AGO.fullmatch(text)
    if ago is not None:
        return max(0, int(now_s * 1e9) - int(ago[1]) * _SECONDS[ago[2]] * 1_000_000_000)
    try:
        return parse_instant(text)
    except ValueError:
        raise click.UsageError(
            f"{text!r} is no time: give 10m (s, m, h, d) for so long ago, or RFC 3339, as "
            "2021-06-07T20:40:15Z"
        ) from None
