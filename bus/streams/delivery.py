"""Choosing the way of delivery: JetStream with its streams ready, or core NATS without.

Core NATS delivers at most once: nobody is to get it because JetStream was out of reach for a
moment. It is chosen only on the word of a server, that it has no JetStream or our account has not,
said several times in a row: what a server says while it starts is not its last word.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, NamedTuple

from nats.errors import Error as NatsError
from nats.errors import NoRespondersError
from nats.js.errors import APIError, ServiceUnavailableError

from bus.errors import BusSetupError
from bus.settings import DeliveryMode
from bus.streams.api import is_passing
from bus.streams.topology import ensure_topology

if TYPE_CHECKING:
    from bus.connection.client import NatsClient
    from bus.settings import BusSettings
    from bus.streams.topology import Topology

logger = logging.getLogger("bus")

_SETUP_RETRY_S = 1.0
_SAID_TIMES = 3
"""In a row, that there is no JetStream; only then it is believed."""

_ACCOUNT_WITHOUT = 10039
_SERVER_WITHOUT = 10076


class Lack(NamedTuple):
    """Who has no JetStream, and what to do about it."""

    who: str
    mend: str


_ACCOUNT = Lack(
    "our account has no JetStream, the server has",
    "give the account limits (`jetstream: enabled` in its block, or `nsc edit account "
    "--js-enable`), or connect with another",
)
_SERVER = Lack(
    "the server has JetStream disabled", "start it with JetStream (-js, or a `jetstream` block)"
)


def lack_of(client: NatsClient, error: NatsError) -> Lack | None:
    """Return who has no JetStream, if an error says so; None for one that may pass.

    Nobody who answers is no proof where the server has others beside it, in its cluster: those
    with JetStream may be away. A time-out never is.
    """
    code = error.err_code if isinstance(error, APIError) else None
    if code == _ACCOUNT_WITHOUT:
        return _ACCOUNT
    greeting = client.greeting
    if greeting.get("jetstream", False):
        return None
    nobody = isinstance(error, NoRespondersError) or (
        isinstance(error, ServiceUnavailableError) and code is None
    )
    alone = not greeting.get("cluster") and not greeting.get("connect_urls")
    return _SERVER if code == _SERVER_WITHOUT or (nobody and alone) else None


async def choose_delivery(client: NatsClient, settings: BusSettings) -> Topology | None:
    """Return what JetStream has ready for us, or None for core NATS.

    Waits for a JetStream that is not ready; raises ``BusSetupError`` where waiting is no use.
    """
    if settings.delivery is DeliveryMode.CORE:
        return None
    said, before = 0, None
    while True:
        try:
            return await ensure_topology(client, settings)
        except NatsError as error:
            if isinstance(error, APIError) and not is_passing(error):
                message = (
                    f"INPUT_STREAM: the server refused the streams: "
                    f"{error.description} (code {error.err_code})"
                )
                raise BusSetupError(message) from error
            lack = lack_of(client, error)
            said = said + 1 if lack is not None and lack == before else int(lack is not None)
            before = lack
            if lack is not None and said >= _SAID_TIMES:
                _go_without(lack, settings, error)
                return None
            logger.warning("jetstream.not_ready", extra={"error": str(error) or repr(error)})
        await asyncio.sleep(_SETUP_RETRY_S)


def _go_without(lack: Lack, settings: BusSettings, error: NatsError) -> None:
    if settings.delivery is DeliveryMode.JETSTREAM:
        message = f"DELIVERY: jetstream is asked for, {lack.who}; {lack.mend}"
        raise BusSetupError(message) from error
    logger.warning(
        "bus.without_jetstream",
        extra={"reason": lack.who, "mend": f"{lack.mend}: core NATS delivers at most once"},
    )
