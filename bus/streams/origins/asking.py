"""Asking for the origins of a stream's sources: what they store decides what they bring."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from nats.errors import Error as NatsError

from bus.streams.api import API, describe
from bus.streams.origins.sources import Origin, api_of, is_plain, sources_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nats.js.api import StreamConfig, StreamSource

    from bus.streams.api import JetStreamAPI

logger = logging.getLogger("bus.origins")

_ANSWERED_WITHIN_S = 2.0
"""It may be behind a leaf node that is away, or not for us to see: the start waits no longer."""

_DEPTH = 4
"""Origins of origins of origins: a chain may go round."""


async def origins_of(
    api: JetStreamAPI, config: StreamConfig, inputs: Sequence[str]
) -> list[Origin | None]:
    """Return the origins of a stream's sources, in order; None for what cannot be seen.

    Nobody is asked where the sources' own settings leave nothing open.
    """
    if is_plain(config, inputs):
        return []
    return await _origins(api, config, API, _DEPTH)


async def _origins(
    api: JetStreamAPI, config: StreamConfig, of: str, depth: int
) -> list[Origin | None]:
    """Ask for the origins of a stream, whose JetStream is asked at ``of``."""
    return await asyncio.gather(*(_origin(api, one, of, depth) for one in sources_of(config)))


async def _origin(api: JetStreamAPI, source: StreamSource, of: str, depth: int) -> Origin | None:
    if depth == 0 or (source.external is not None and of != API):
        return None  # how a stream elsewhere sees a third place is nothing that is known here
    at = of if source.external is None else api_of(source)
    try:
        facts = await api.stream(source.name, at, _ANSWERED_WITHIN_S)
    except NatsError as error:
        logger.info("origin.unseen", extra={"origin": source.name, "error": describe(error)})
        return None
    return Origin(facts.config, tuple(await _origins(api, facts.config, at, depth - 1)))
