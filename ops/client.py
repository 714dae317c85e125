"""A command's own connection to NATS, and one line for whatever goes wrong with it."""

from __future__ import annotations

import asyncio
import json
import logging
from random import Random
from typing import TYPE_CHECKING, Protocol, Self, TypeVar

from nats.errors import Error as NatsError
from nats.errors import NoRespondersError
from nats.errors import TimeoutError as NatsTimeoutError
from nats.js.errors import APIError, NoStreamResponseError, ServiceUnavailableError

from bus.connection.connection import Connection
from ops.failures import CommandFailed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from nats.aio.client import Client
    from nats.aio.msg import Msg

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


def with_client(settings: BusSettings, work: Callable[[Client], Awaitable[T]]) -> T:
    """Run ``work`` on a connection; return what it returns.

    Raises ``CommandFailed`` where NATS is the reason, ``SettingsError`` for refused credentials.
    """
    troubles = _Troubles()

    async def connect_and_work() -> T:
        connection = Connection(settings, Random(), troubles.add)
        try:
            async with asyncio.timeout(TIMEOUT_S):
                await connection.open()
            return await work(connection.client)
        finally:
            await connection.close()

    with troubles:
        try:
            return asyncio.run(connect_and_work())
        except (NoRespondersError, NoStreamResponseError):
            raise CommandFailed("nobody takes this subject: is the service running?") from None
        except ServiceUnavailableError:
            raise CommandFailed("JetStream is not there, or not ready") from None
        except APIError as error:
            raise CommandFailed(f"JetStream refused: {error.description}") from error
        except (TimeoutError, NatsTimeoutError):
            why = troubles.last or "is it there?"
            raise CommandFailed(f"no answer from NATS, see NATS_URL: {why}") from None
        except (NatsError, OSError) as error:
            raise CommandFailed(f"NATS: {error!r}") from error


class _Troubles(logging.Handler):
    """Keeps what the connection logs while it is in use: the reason of a silence."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.last: str | None = None
        self._logger = logging.getLogger("bus.connection")

    def add(self, trouble: str) -> None:
        self.last = trouble

    def emit(self, record: logging.LogRecord) -> None:
        self.last = getattr(record, "error", None) or self.last

    def __enter__(self) -> Self:
        self._logger.addHandler(self)
        self._logger.propagate = False
        return self

    def __exit__(self, *_: object) -> None:
        self._logger.removeHandler(self)
        self._logger.propagate = True


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
    refusal = refusal_of(answer)
    if refusal is not None:
        raise CommandFailed(f"refused: {refusal}")


def refusal_of(answer: Msg) -> str | None:
    """Return why a publication was not taken; None when it was.

    A stream answers with its name and a sequence, the service on core NATS with ``+OK``.
    """
    if answer.data == b"+OK":
        return None
    if (answer.headers or {}).get("Status") == "503":
        return "nobody takes this subject: is the service running?"
    try:
        said = json.loads(answer.data)
        if "stream" in said and "seq" in said and "error" not in said:
            return None
    except (ValueError, TypeError):
        pass
    return answer.data.decode(errors="replace")
