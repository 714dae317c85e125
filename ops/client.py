"""A command's own connection to NATS, and one line for whatever goes wrong with it."""

from __future__ import annotations

import asyncio
import json
from random import Random
from typing import TYPE_CHECKING, Protocol, TypeVar

from nats.errors import Error as NatsError
from nats.errors import NoRespondersError
from nats.errors import TimeoutError as NatsTimeoutError
from nats.js.errors import APIError, NoStreamResponseError, ServiceUnavailableError

from bus.connection import Connection
from ops.failures import CommandFailed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from nats.aio.client import Client

    from bus.settings import BusSettings
    from store.settings import StoreSettings

T = TypeVar("T")

TIMEOUT_S = 5.0


class HasServers(Protocol):
    """Settings that say where NATS and MongoDB are."""

    @property
    def bus(self) -> BusSettings:
        """Where NATS is."""

    @property
    def store(self) -> StoreSettings:
        """Where MongoDB is."""


def with_client(
    settings: BusSettings, work: Callable[[Client], Awaitable[T]], interrupted: T | None = None
) -> T:
    """Run ``work`` on a connection; return what it returns, or ``interrupted`` after Ctrl-C.

    Raises ``CommandFailed`` where NATS is the reason, ``SettingsError`` for refused credentials.
    """

    async def connect_and_work() -> T:
        connection = Connection(settings, Random(), lambda _: None)
        try:
            async with asyncio.timeout(TIMEOUT_S):
                await connection.open()
            return await work(connection.client)
        finally:
            await connection.close()

    try:
        return asyncio.run(connect_and_work())
    except KeyboardInterrupt:
        if interrupted is None:
            raise
        return interrupted
    except (NoRespondersError, NoStreamResponseError):
        raise CommandFailed("nobody takes this subject: is the service running?") from None
    except ServiceUnavailableError:
        raise CommandFailed("JetStream is not there, or not ready") from None
    except APIError as error:
        raise CommandFailed(f"JetStream refused: {error.description}") from error
    except (TimeoutError, NatsTimeoutError):
        raise CommandFailed("no answer from NATS: is it there? See NATS_URL") from None
    except (NatsError, OSError) as error:
        raise CommandFailed(f"NATS: {error!r}") from error


async def publish_proved(
    client: Client, subject: str, body: bytes, headers: Mapping[str, str] | None = None
) -> None:
    """Publish and wait for the word of whoever takes it.

    A stream answers that it has the message; on core NATS the service answers after its
    checkpoint. Raises ``CommandFailed`` when it was refused.
    """
    answer = await client.request(
        subject, body, timeout=TIMEOUT_S, headers=dict(headers) if headers else None
    )
    if answer.data == b"+OK":
        return
    try:
        said = json.loads(answer.data)
        taken = "stream" in said and "seq" in said and "error" not in said
    except (ValueError, TypeError):
        taken = False
    if not taken:
        raise CommandFailed(f"refused: {answer.data.decode(errors='replace')}")
