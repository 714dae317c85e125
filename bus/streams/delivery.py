"""Choosing the way of delivery: JetStream with its streams ready, or core NATS without."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from nats.errors import Error as NatsError
from nats.errors import NoRespondersError
from nats.errors import TimeoutError as NatsTimeoutError
from nats.js.errors import APIError, ServiceUnavailableError

from bus.errors import BusSetupError
from bus.settings import DeliveryMode
from bus.streams.topology import ensure_topology

if TYPE_CHECKING:
    from bus.connection.client import NatsClient
    from bus.settings import BusSettings
    from bus.streams.topology import Topology

logger = logging.getLogger("bus")

_SETUP_RETRY_S = 1.0


async def choose_delivery(client: NatsClient, settings: BusSettings) -> Topology | None:
    """Return what JetStream has ready for us, or None for core NATS.

    Waits for a JetStream that is not ready; raises ``BusSetupError`` where waiting is no use.
    """
    if settings.delivery is DeliveryMode.CORE:
        return None
    while True:
        try:
            return await ensure_topology(client, settings)
        except (NoRespondersError, ServiceUnavailableError, NatsTimeoutError) as error:
            # Only the server's greeting tells a server without JetStream from one not ready yet.
            if not client.greeting.get("jetstream", False):
                if settings.delivery is DeliveryMode.JETSTREAM:
                    message = "DELIVERY: jetstream is asked for, the server has it disabled"
                    raise BusSetupError(message) from error
                logger.warning(
                    "bus.without_jetstream",
                    extra={"mend": "enable JetStream: core NATS delivers at most once"},
                )
                return None
            logger.warning("jetstream.not_ready", extra={"error": repr(error)})
        except APIError as error:
            if error.code is not None and error.code < 500:
                message = (
                    f"INPUT_STREAM: the server refused the streams: "
                    f"{error.description} (code {error.err_code})"
                )
                raise BusSetupError(message) from error
            logger.warning("jetstream.not_ready", extra={"error": repr(error)})
        except NatsError as error:
            logger.warning("jetstream.not_ready", extra={"error": repr(error)})
        await asyncio.sleep(_SETUP_RETRY_S)
