"""A client of MongoDB from settings, and what its errors mean in one line without a secret."""

from __future__ import annotations

import asyncio
import re
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any, Self, TypeVar

import pymongo
from bson.errors import BSONError
from pymongo import AsyncMongoClient, MongoClient
from pymongo.errors import ConfigurationError, InvalidURI, OperationFailure, PyMongoError

from actors.errors import SettingsError, StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from types import TracebackType

    from store.settings import StoreSettings

_DEFAULT_OPTIONS: dict[str, Any] = {
    "appname": "alarm-digest",
    "connect": False,
    "connectTimeoutMS": 5_000,
    # What waits for a primary that stands still is given up after both together: another one may
    # be elected long before.
    "heartbeatFrequencyMS": 2_000,
    "serverSelectionTimeoutMS": 5_000,
    "socketTimeoutMS": 20_000,
}

_DRIVERS_SHARE = 0.9
"""Of a deadline."""

_Client = TypeVar("_Client")

_UNAUTHORIZED = 13
_HUNG_UP = ("connection closed", "connection is already closed", "UNEXPECTED_EOF")
"""How the driver puts it, depending on when it notices."""
_COMMAND = re.compile(r"to execute command \{ (\w+)")
NOT_ALLOWED_CODES = frozenset({_UNAUTHORIZED, 18, 8000})
"""Unauthorized, AuthenticationFailed, and Atlas' own word for them."""


def client_for(settings: StoreSettings) -> AsyncMongoClient[dict[str, Any]]:
    """Return a client, which connects when first used; for one event loop.

    Raises ``SettingsError`` for a URI that is malformed or names files that are no use.
    """
    return _create(AsyncMongoClient, settings)


def blocking_client_for(settings: StoreSettings) -> MongoClient[dict[str, Any]]:
    """Return a client that blocks; otherwise like ``client_for``."""
    return _create(MongoClient, settings)


class BlockingReader:
    """Reads what is stored, for a command or a thread. Use it in a ``with`` block, or close it."""

    def __init__(self, settings: StoreSettings) -> None:
        """Prepare; it connects when first used. Raises ``SettingsError`` like the store."""
        self._client = blocking_client_for(settings)

    def __enter__(self) -> Self:
        """Nothing to do."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the connections."""
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


def _create(kind: Callable[..., _Client], settings: StoreSettings) -> _Client:
    options = {
        name: value
        for name, value in _DEFAULT_OPTIONS.items()
        if f"{name}=".lower() not in settings.uri.lower()
    }
    try:
        return kind(settings.uri, **options)
    except OSError as error:
        message = (
            "MONGODB_URI: what tlsCAFile or tlsCertificateKeyFile names cannot be used "
            f"({type(error).__name__})"
        )
        raise SettingsError(message) from None
    except (ConfigurationError, InvalidURI, ValueError) as error:
        # The driver's own words may quote the URI, and with it a password.
        message = f"MONGODB_URI: is not a URI that MongoDB takes ({type(error).__name__})"
        raise SettingsError(message) from None


@contextmanager
def opening(collection: str) -> Iterator[None]:
    """Translate what the driver raises while an adapter sees whether it can work.

    Raises ``SettingsError`` when the server refuses our credentials or what we need to do on
    ``collection``, or is not trusted; otherwise ``StoreUnavailableError``.
    """
    try:
        yield
    except OperationFailure as error:
        if error.code in NOT_ALLOWED_CODES:
            raise SettingsError(describe_refusal(error, collection)) from None
        raise StoreUnavailableError(describe(error)) from error
    except PyMongoError as error:
        if "certificate verify failed" in str(error):
            raise SettingsError(
                "MONGODB_URI: the server's certificate is not trusted; see tlsCAFile"
            ) from None
        raise StoreUnavailableError(describe(error)) from error


@asynccontextmanager
async def answered_within(within_s: float) -> AsyncIterator[None]:
    """End a block of calls to the driver in time, and translate what the driver raises.

    Raises ``StoreUnavailableError``, at the latest after ``within_s``.
    """
    try:
        async with asyncio.timeout(within_s):
            # The driver's own deadline comes first: it says what it waited for, and keeps a
            # connection that still may be used. The other one is for what it does not bound, as
            # a name server that hangs.
            with pymongo.timeout(within_s * _DRIVERS_SHARE):
                yield
    except PyMongoError as error:
        raise StoreUnavailableError(describe(error)) from error
    except BSONError as error:
        raise StoreUnavailableError(f"what is stored cannot be decoded: {error}") from error
    except TimeoutError as error:
        raise StoreUnavailableError(f"no answer within {within_s:g} s") from error


def describe(error: PyMongoError) -> str:
    """Return a driver's error in one line; the driver adds its view of the whole deployment."""
    text = str(error).partition(", Timeout:")[0]
    # All that mongod lets a client see when one side speaks TLS and the other does not.
    if any(words in text for words in _HUNG_UP):
        text += "; does one side only demand TLS, or the server a client certificate?"
    return f"{type(error).__name__}: {text}"


def describe_refusal(error: OperationFailure, collection: str) -> str:
    """Return in one line what we are not allowed to do on ``collection``."""
    if error.code != _UNAUTHORIZED:
        return f"MONGODB_URI: the server refused our credentials (code {error.code})"
    if "requires authentication" in str(error):
        return "MONGODB_URI: the server demands credentials (code 13)"
    command = _COMMAND.search(str(error))
    what = "a command" if command is None else command[1]
    return (
        f"MONGODB_URI: the server refused {what} on {collection}: grant our user the role in "
        "docs/security.md, or readWrite and dbAdmin (code 13)"
    )
