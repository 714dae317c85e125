"""What tells the two streams of a migration from all others. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from bus.subjects import Subjects

MIGRATE = "python main.py migrate"
"""What brings a deployment of the earlier version here."""

MOVING_DESCRIPTION = "alarm digest service: being filled by main.py migrate"
"""Of a stream that does not hold yet what it is to hold, though it may take new messages."""


class Marks(NamedTuple):
    """Subjects that nobody but a migration uses."""

    left: str
    """What the old stream captures once its own subjects are taken from it."""
    prefix: str
    """Of the subjects under which the new stream is filled."""

    def into(self, subject: str) -> str:
        """Return where to publish a copy of what stands under ``subject``."""
        return f"{self.prefix}.{subject}"


def marks_of(subjects: Subjects) -> Marks:
    """Return the marks of a deployment."""
    begin = "alarm-digest-migrate"
    return Marks(f"{begin}.left.{subjects.alarm_status_changed}", f"{begin}.into")
