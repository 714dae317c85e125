"""A command's own connection to NATS, and one line for whatever goes wrong with it."""

from __future__ import annotations

import asyncio
import logging
from contextlib import contextmanager
from random import Random
from typing import TYPE_CHECKING, Self, TypeVar

from nats.errors import Error as NatsError
from nats.errors import NoRespondersError
from nats.errors import TimeoutError as NatsTimeoutError
from nats.js.errors import APIError, NoStreamResponseError, ServiceUnavailableError

from bus.connection.connection import Connection
from ops.cli.failures import CommandError
from ops.publication import PublicationRefusedError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from bus.connection.client.client import NatsClient
    from bus.settings import BusSettings

T = TypeVar("T")

_OPEN_WITHIN_S = 5.0


def with_client(
    settings: BusSettings,
    work: Callable[[NatsClient], Awaitable[T]],
    tell: Callable[[str], None] | None = None,
) -> T:
    """Run ``work`` on a connection; return what it returns.

    ``tell`` hears of each trouble of the connection by its event. Raises ``CommandError`` where
    NATS is the reason, ``SettingsError`` for refused credentials.
    """
    troubles = Troubles(tell)

    async def connect_and_work() -> T:
        connection = Connection(settings, Random(), troubles.add)
        try:
            async with asyncio.timeout(_OPEN_WITHIN_S):
                await connection.open()
            return await work(connection.client)
        finally:
            await connection.close()

    with troubles, worded(troubles):
        return asyncio.run(connect_and_work())


class Troubles(logging.Handler):
    """Keeps what the connection logs while it is in use: the reason of a silence."""

    def __init__(self, tell: Callable[[str], None] | None = None) -> None:
        """Use it in a ``with`` block; ``tell`` gets the event of each."""
        super().__init__(logging.WARNING)
        self._tell = tell
        self.last: str | None = None
        self._logger = logging.getLogger("bus.connection")

    def add(self, trouble: str) -> None:
        """Remember what the connection gave up for."""
        self.last = trouble

    def emit(self, record: logging.LogRecord) -> None:
        """Remember the error of a log record, if it has one."""
        self.last = getattr(record, "error", None) or self.last
        if self._tell is not None:
            self._tell(record.getMessage())

    def __enter__(self) -> Self:
        self._logger.addHandler(self)
        self._logger.propagate = False
        return self

    def __exit__(self, *_: object) -> None:
        self._logger.removeHandler(self)
        self._logger.propagate = True


@contextmanager
def worded(troubles: Troubles) -> Iterator[None]:
    """Turn what NATS can refuse or leave unanswered into a ``CommandError``."""
    try:
        yield
    except PublicationRefusedError as error:
        raise CommandError(f"refused: {error}") from error
    except (NoRespondersError, NoStreamResponseError):
        raise CommandError("nobody takes this subject: is the service running?") from None
    except ServiceUnavailableError:
        raise CommandError("JetStream is not there, or not ready") from None
    except APIError as error:
        raise CommandError(f"JetStream refused: {error.description}") from error
    except (TimeoutError, NatsTimeoutError):
        why = troubles.last or "is it there?"
        raise CommandError(f"no answer from NATS, see NATS_URL: {why}") from None
    except (NatsError, OSError) as error:
        raise CommandError(f"NATS: {error!r}") from error
