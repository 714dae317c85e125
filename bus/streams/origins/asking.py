"""Asking for the origins of a stream's sources: what they store decides what they bring."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from nats.errors import Error as NatsError

from bus.streams.api import API, describe
from bus.streams.origins.sources import Origin, api_of, is_plain, sources_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nats.js.api import StreamConfig, StreamSource

    from bus.streams.api import JetStreamAPI

logger = logging.getLogger("bus.origins")

ANSWERED_WITHIN_S = 2.0
"""All of them. They may be behind a leaf node that is away, or not for us to see."""

_STREAMS_MAX = 64
_DEPTH = 4
"""Origins of origins of origins, of so many streams in all; what is beyond is not seen."""


async def origins_of(
    api: JetStreamAPI, config: StreamConfig, inputs: Sequence[str]
) -> list[Origin | None]:
    """Return the origins of a stream's sources, in order; None for what cannot be seen.

    Nobody is asked where the sources' own settings leave nothing open.
    """
    if is_plain(config, inputs):
        return []
    return await _Walk(api).origins(config, API, {(API, config.name or ""): config})


class _Walk:
    """One look at all that a stream's sources lead to."""

    def __init__(self, api: JetStreamAPI) -> None:
        self._api = api
        self._left = _STREAMS_MAX
        self._until_s = asyncio.get_running_loop().time() + ANSWERED_WITHIN_S

    async def origins(
        self, config: StreamConfig, of: str, path: Mapping[tuple[str, str], StreamConfig]
    ) -> list[Origin | None]:
        """Ask for the origins of a stream, whose JetStream is asked at ``of``.

        ``path`` are the streams that have led there: sources may go round in a circle, as those of
        a hub and its sites do.
        """
        return await asyncio.gather(*(self._origin(one, of, path) for one in sources_of(config)))

    async def _origin(
        self, source: StreamSource, of: str, path: Mapping[tuple[str, str], StreamConfig]
    ) -> Origin | None:
        if source.external is not None and of != API:
            return None  # how a stream elsewhere sees a third place is nothing that is known here
        at = of if source.external is None else api_of(source)
        if met := path.get((at, source.name)):
            return Origin(met)
        left_s = self._until_s - asyncio.get_running_loop().time()
        if len(path) > _DEPTH or self._left == 0 or left_s <= 0:
            return None
        self._left -= 1
        try:
            facts = await self._api.stream(source.name, at, left_s)
        except NatsError as error:
            logger.info("origin.unseen", extra={"origin": source.name, "error": describe(error)})
            return None
        further = {**path, (at, source.name): facts.config}
        return Origin(facts.config, tuple(await self.origins(facts.config, at, further)))
