"""ConsoleLetters: dead letters for the console: looked at, put back, dropped."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING

import orjson
from nats.errors import Error as NatsError

from bus.dead_letters.pages import newest_letters
from bus.dead_letters.stored import DeadLetters
from ops.dead_letters.fields import LetterLine, fits, line_of, to_fields
from ops.dead_letters.replay import UnreplayableError, replay_letter
from ops.inquiries.answering import AnswerError
from ops.publication import PublicationRefusedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nats.aio.client import Client

    from bus.dead_letters.pages import LetterHead
    from bus.dead_letters.stored import DeadLetter
    from bus.subjects import Subjects

logger = logging.getLogger("ops.letter_desk")

BODY_CHARS_MAX = 64 * 1024
"""Of a body that much is shown; the command line writes all of it."""
LISTED_BYTES_MAX = 8 * 1024
"""Bodies that are larger are not read for a list, which shows how they begin."""


class ConsoleLetters:
    """Works on the service's own connection. Runs on the event loop.

    Every method raises ``AnswerError``. What changes something is told the time of the letter that
    the operator has seen: its place may be another letter's by now, in a stream made anew.
    """

    def __init__(self, client: Client, subjects: Subjects) -> None:
        """Look after what ``subjects`` names."""
        self._client = client
        self._inputs = subjects.inputs
        self._letters = DeadLetters(client.jetstream(), subjects.dead_letter)
        self._subject = subjects.dead_letter

    async def page(
        self, before: int | None, limit: int, reason: str | None, subject: str | None
    ) -> bytes:
        """Return the newest letters below a place that fit, newest first."""

        def wanted(head: LetterHead) -> bool:
            return fits(head, reason, subject)

        all_of_them = reason is None and subject is None
        with _worded():
            stream = await self._stream()
            page = await newest_letters(
                self._letters, stream, before, limit, None if all_of_them else wanted
            )
            lines = await asyncio.gather(*(self._line(stream, head) for head in page.heads))
        return orjson.dumps(
            {
                "letters": [dataclasses.asdict(line) for line in lines],
                "older": page.older,
                "stored": page.stored,
                "looked_at": page.looked_at,
                "fitting": page.fitting,
                "subjects": self._inputs,
            }
        )

    async def _line(self, stream: str, head: LetterHead) -> LetterLine:
        if head.size > LISTED_BYTES_MAX:
            return line_of(head, None)
        letter = await self._letters.find(stream, head.sequence)
        return line_of(head, None if letter is None else letter.body)

    async def show(self, sequence: int) -> bytes:
        """Return one letter."""
        with _worded():
            fields = to_fields(await self._find(await self._stream(), sequence))
        for name in ("body", "body_base64"):
            if name in fields:
                fields["cut"] = len(fields[name]) > BODY_CHARS_MAX
                fields[name] = fields[name][:BODY_CHARS_MAX]
        return orjson.dumps(fields)

    async def replay(self, sequence: int, time: str) -> bytes:
        """Publish a letter to where it came from, then delete it."""
        with _worded():
            stream = await self._stream()
            letter = await self._find(stream, sequence, time)
            target = await replay_letter(self._client, self._letters, stream, letter, self._inputs)
        logger.info("dead_letter.replayed", extra={"letter": letter.sequence, "subject": target})
        return orjson.dumps({"sequence": letter.sequence, "done": "replayed", "subject": target})

    async def drop(self, sequence: int, time: str) -> bytes:
        """Delete a letter for good."""
        with _worded():
            stream = await self._stream()
            letter = await self._find(stream, sequence, time)
            await self._letters.delete(stream, letter)
        logger.info(
            "dead_letter.dropped", extra={"letter": letter.sequence, "subject": letter.subject}
        )
        return orjson.dumps({"sequence": letter.sequence, "done": "dropped"})

    async def _stream(self) -> str:
        stream = await self._letters.stream()
        if stream is None:
            raise AnswerError("404", f"no stream keeps {self._subject}")
        return stream

    async def _find(self, stream: str, sequence: int, time: str | None = None) -> DeadLetter:
        letter = await self._letters.find(stream, sequence)
        if letter is None:
            raise AnswerError("404", f"there is no dead letter {sequence}, or no more")
        if time is not None and time != letter.time:
            raise AnswerError("409", f"the dead letter {sequence} is another one by now")
        return letter


@contextmanager
def _worded() -> Iterator[None]:
    """Turn what can go wrong into an answer."""
    try:
        yield
    except UnreplayableError as error:
        raise AnswerError("409", f"{error}") from error
    except PublicationRefusedError as error:
        raise AnswerError("502", f"refused: {error}") from error
    except (NatsError, TimeoutError) as error:
        why = str(error) or type(error).__name__
        raise AnswerError("503", f"no answer from JetStream: {why}") from error
