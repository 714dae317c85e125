"""Mending: streams that were deleted while the service runs are made again."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from bus.connection.tasks import begin
from bus.streams.topology import ensure_topology

if TYPE_CHECKING:
    from bus.connection.connection import Connection
    from bus.settings import BusSettings
    from bus.streams.topology import Topology

logger = logging.getLogger("bus.mending")

MENDED_AT_MOST_EVERY_S = 1.0
"""However many publications and questions find no stream: each is tried again by its owner."""


class StreamMender:
    """Creates what a publication or the reader did not find. Runs on the bus's event loop."""

    def __init__(
        self, connection: Connection, settings: BusSettings, topology: Topology | None
    ) -> None:
        """Prepare; ``topology`` is what is there now, None on core NATS."""
        self.topology = topology
        """The streams as they were last found or made."""
        self._client = connection.client
        self._settings = settings
        self._task: asyncio.Task[None] | None = None

    @property
    def known(self) -> Topology:
        """The streams, as they were found last; on JetStream only."""
        assert self.topology is not None
        return self.topology

    def mend_soon(self) -> None:
        """Find or create the streams, for one is missing, unless that is being done already."""
        if self._rests():
            logger.warning("stream.missing")
            self._task = begin("stream mending", self._mend())

    def look_soon(self) -> None:
        """Do the same where a stream may be missing: whoever publishes hears nothing."""
        if self._rests():
            self._task = begin("stream mending", self._mend())

    async def close(self) -> None:
        """End."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _rests(self) -> bool:
        return self._task is None or self._task.done()

    async def _mend(self) -> None:
        try:
            self.topology = await ensure_topology(self._client, self._settings)
        except Exception as error:
            # Whatever it is: who found the stream missing asks again.
            logger.warning("stream.not_mended", extra={"error": str(error) or repr(error)})
        await asyncio.sleep(MENDED_AT_MOST_EVERY_S)
