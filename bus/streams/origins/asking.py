"""Asking for the origins of a stream's sources: what they store decides what they bring."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from nats.errors import Error as NatsError

from bus.streams.api import describe
from bus.streams.origins.sources import api_of, faults_of_sources

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nats.js.api import StreamConfig, StreamSource

    from bus.streams.api import JetStreamAPI

logger = logging.getLogger("bus.origins")

_ANSWERED_WITHIN_S = 2.0
"""It may be behind a leaf node that is away, or not for us to see: the start waits no longer."""


async def origins_of(
    api: JetStreamAPI, config: StreamConfig, inputs: Sequence[str]
) -> list[StreamConfig | None]:
    """Return the origins of a stream's sources, in order; None for what cannot be seen.

    Nobody is asked where the sources' own settings leave nothing open.
    """
    if not any(faults_of_sources(config, inputs, ())):
        return []
    return await asyncio.gather(*(_origin(api, source) for source in config.sources or ()))


async def _origin(api: JetStreamAPI, source: StreamSource) -> StreamConfig | None:
    try:
        facts = await api.stream(source.name, api_of(source), _ANSWERED_WITHIN_S)
    except NatsError as error:
        logger.info("origin.unseen", extra={"origin": source.name, "error": describe(error)})
        return None
    return facts.config
