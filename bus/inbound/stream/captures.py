"""Captures: what a stream is set to capture, and whether what it holds is what was published.

Somebody may edit a stream while it is read: have it rename subjects, say. Nothing is passed over
then that was not understood: the stream is not read on until that is mended, and what is already
stored under a subject that it does not capture becomes a dead letter, as does what a source brings
under one.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from nats.js.api import StreamConfig

from bus.connection.floods import FloodLog
from bus.inbound.log_source import LogFailure
from bus.streams.origins.sources import own_patterns
from bus.streams.risks import obstacles_of_input_stream
from bus.subjects import covers
from bus.wire.rejections import unknown_subject

if TYPE_CHECKING:
    from actors.rejections import Rejection
    from bus.inbound.stream.answers import Answer
    from bus.subjects import Subjects


logger = logging.getLogger("bus.reader")


class Captures:
    """Knows the stream's settings as of the last look. Runs on the bus's event loop."""

    def __init__(self, subjects: Subjects) -> None:
        """Know nothing yet."""
        self._subjects = subjects
        self._patterns: tuple[str, ...] = (">",)
        self._foreign = FloodLog(_tell_foreign)

    def look(self, said: Answer) -> LogFailure | None:
        """Take in what the server says of the stream; return why it cannot be read, if it cannot.

        What is no description of a stream is for others to judge.
        """
        config = said.get("config")
        if not isinstance(config, dict):
            return None
        stream = StreamConfig.from_response(dict(config))
        # What a source brings under any other subject was not understood.
        self._patterns = own_patterns(stream)
        for obstacle in obstacles_of_input_stream(stream, self._subjects.inputs):
            reason = f"stream {stream.name} {obstacle.what}; {obstacle.mend}"
            return LogFailure(reason, unreadable=True)
        return None

    def judge(self, subject: str) -> Rejection | None:
        """Return why a message of a subject that is not an input is rejected; None to pass it over.

        Whoever has the stream capture more than the inputs wants that.
        """
        ours = (self._subjects.alarm_digest, self._subjects.dead_letter)
        if subject in ours or any(covers(pattern, subject) for pattern in self._patterns):
            return None
        return unknown_subject(subject)

    def note(self, subject: str) -> None:
        """Count one that is passed over."""
        self._foreign.add(subject)

    def close(self) -> None:
        """Tell what was not told yet."""
        self._foreign.close()


def _tell_foreign(total: int, subject: str) -> None:
    mend = "have the stream capture the input subjects only: others are passed over"
    logger.warning("message.foreign", extra={"subject": subject, "total": total, "mend": mend})
