"""What streams take: a stream's own limit on the size of a message, below the account's."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from nats.js.errors import NotFoundError

from bus.connection.tasks import begin

if TYPE_CHECKING:
    from bus.connection.connection import Connection
    from bus.subjects import Subjects

logger = logging.getLogger("bus.limits")

LEARNED_AT_MOST_EVERY_S = 1.0
"""However many publications are refused for their size."""


class StreamLimits:
    """Knows the ``max_msg_size`` of the streams of digests and dead letters. Runs on the loop.

    The warning about a small one is in ``bus.streams.risks``, for the start and for doctor alike.
    """

    def __init__(self, connection: Connection, subjects: Subjects) -> None:
        """Know nothing yet."""
        self._js = connection.client.jetstream()
        self._subjects = (subjects.alarm_digest, subjects.dead_letter)
        self._max_bytes: dict[str, int] = {}
        self._task: asyncio.Task[None] | None = None

    def of(self, subject: str) -> int | None:
        """Return the bytes of a message, headers included, that its stream takes; None: any."""
        limit = self._max_bytes.get(subject)
        if limit is not None:
            # It may be raised at any time, and nobody says so: what is too large for what is known
            # is not sent, so that no refusal tells either.
            self.learn_soon()
        return limit

    async def learn(self) -> None:
        """Ask the server; what cannot be known now stays as it was."""
        for subject in self._subjects:
            try:
                stream = await self._js.find_stream_name_by_subject(subject)
                size = (await self._js.stream_info(stream)).config.max_msg_size
            except NotFoundError:
                size = None
            except Exception as error:
                # Whatever it is: what is known stays, and the next refusal has it asked again.
                logger.warning("stream.limit_unknown", extra={"error": str(error) or repr(error)})
                continue
            if size is not None and size > 0:
                self._max_bytes[subject] = size
            else:
                self._max_bytes.pop(subject, None)

    def learn_soon(self) -> None:
        """Ask the server, unless that is being done already."""
        if self._task is None or self._task.done():
            self._task = begin("stream limits", self._learn_then_rest())

    async def close(self) -> None:
        """End."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _learn_then_rest(self) -> None:
        await self.learn()
        await asyncio.sleep(LEARNED_AT_MOST_EVERY_S)
