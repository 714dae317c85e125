"""What an examination finds: how bad it is, and how to mend it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

_DISK_FULL = 0.9


class Level(StrEnum):
    """How bad a finding is."""

    OK = "ok"
    NOTE = "note"
    """Worth knowing; no promise depends on it."""
    RISK = "risk"
    """Data may be lost, or a digest repeated."""
    AWAY = "away"
    """A server cannot be reached, or does not let us in."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    level: Level
    about: str
    """Which server, stream, consumer or collection."""
    says: str
    mend: str | None = None

    def to_fields(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        return asdict(self)


def ok(about: str, says: str) -> Finding:
    """Return a finding that needs no mend."""
    return Finding(Level.OK, about, says)


def note(about: str, says: str, mend: str | None = None) -> Finding:
    """Return something worth knowing."""
    return Finding(Level.NOTE, about, says, mend)


def risk(about: str, says: str, mend: str) -> Finding:
    """Return something that may lose data."""
    return Finding(Level.RISK, about, says, mend)


def away(about: str, says: str, mend: str) -> Finding:
    """Return a server that cannot be used."""
    return Finding(Level.AWAY, about, says, mend)


def worst(findings: Iterable[Finding]) -> Level:
    """Return the worst level there is."""
    levels = list(Level)
    return max((finding.level for finding in findings), key=levels.index, default=Level.OK)


def on_clock(about: str, skew_s: float, uncertainty_s: float) -> Finding:
    """Judge how far a server's clock is from ours, known no better than ``uncertainty_s``."""
    if abs(skew_s) - uncertainty_s > 1.0:
        return note(
            about,
            f"its clock is {skew_s:+.1f} s from this machine's",
            "run an NTP client on both: cleared alarms are forgotten, and dead letters dated, by "
            "the clock",
        )
    return ok(about, "its clock agrees with this machine's to a second")


def on_disk(about: str, used: float) -> Finding:
    """Judge how much of a server's disk is used, from 0 to 1."""
    says = f"its disk is {used:.0%} full"
    if used > _DISK_FULL:
        return note(
            about,
            says,
            "make room: when it is full nothing is saved, and nothing is acknowledged",
        )
    return ok(about, says)
