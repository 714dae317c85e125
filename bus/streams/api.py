"""JetStream's API, as documents.

nats-py's own classes lose what they do not know: a setting of a newer server would vanish when a
stream is edited, and the nanoseconds of a stream's creation, which tell one log from another.
"""

from __future__ import annotations

import asyncio
import json
import logging
from copy import deepcopy
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from nats.errors import Error as NatsError
from nats.errors import NoRespondersError
from nats.errors import TimeoutError as NatsTimeoutError
from nats.js.api import StreamConfig
from nats.js.errors import APIError, NotFoundError, ServerError, ServiceUnavailableError

from bus.wire.instants import format_instant

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from nats.aio.client import Client
    from nats.js import JetStreamContext

    from bus.connection.client.client import NatsClient

logger = logging.getLogger("bus.api")

T = TypeVar("T")

API = "$JS.API"
"""Where JetStream is asked; another domain's, or account's, is elsewhere."""
TIMEOUT_S = 5.0
_PROBE_S = 5.0
"""After so long without anybody asking, the server removes a consumer that only looked."""


class MalformedAnswerError(NatsError):
    """Raised when what came for an answer is none; asking again is worth it."""


PASSING = (
    NatsTimeoutError,
    NoRespondersError,
    ServiceUnavailableError,
    ServerError,
    MalformedAnswerError,
)
"""What an election of the server's, say, ends by itself: asking again is worth it."""

_ASKED_FOR_S = 25.0
"""Longer than an election takes; whoever may not ask at all is not answered either."""
_ASKED_AGAIN_S = 1.0


_PASSING_CODES = (408, 429)
_NO_SUITABLE_PEERS = 10005
"""A 400, and yet what a cluster says while some of its servers are away."""


def is_passing(error: APIError) -> bool:
    """Whether a refusal may be another one in a moment: nobody needs to change a setting."""
    return (
        error.code is None
        or error.code >= 500
        or error.code in _PASSING_CODES
        or error.err_code == _NO_SUITABLE_PEERS
    )


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


def describe(error: NatsError) -> str:
    """Return what the server said, in its own words and without those of a library around them."""
    if isinstance(error, APIError) and error.description:
        return f"{error.description} (code {error.err_code})"
    if isinstance(error, ServiceUnavailableError):
        return "nobody answers for JetStream"
    if isinstance(error, NoRespondersError | ServiceUnavailableError):
        return "nobody answers"
    return str(error).removeprefix("nats: ") or type(error).__name__


class StreamFacts(NamedTuple):
    """A stream as the server describes it."""

    name: str
    created: str
    """As the server prints it; what tells it from another of the same name: ``Place.log``."""
    settings: dict[str, Any]
    """Its configuration, with what nats-py does not know."""
    state: dict[str, Any]
    asked_at: str | None
    """The server's clock, RFC 3339; servers before 2.10 do not tell."""

    @property
    def config(self) -> StreamConfig:
        """Its configuration as nats-py reads it."""
        # It changes what it is given.
        config: StreamConfig = StreamConfig.from_response(deepcopy(self.settings))
        return config

    @property
    def subjects(self) -> list[str]:
        """The subjects that it captures."""
        return list(self.settings.get("subjects") or ())


class JetStreamAPI:
    """Asks JetStream. Runs on the connection's event loop.

    Every method raises ``nats.errors.Error`` when the server does not answer or refuses:
    ``APIError`` with its code, ``NotFoundError`` for what is not there.
    """

    def __init__(self, client: Client) -> None:
        """Ask over this connection."""
        self._client = client

    @property
    def client(self) -> Client:
        """The connection."""
        return self._client

    async def ask(
        self,
        operation: str,
        about: dict[str, Any] | None = None,
        timeout_s: float = TIMEOUT_S,
        api: str = API,
    ) -> dict[str, Any]:
        """Ask for an operation, ``STREAM.INFO.<name>`` say; return the answer."""
        body = json.dumps(about).encode() if about else b""
        try:
            answer = await self._client.request(f"{api}.{operation}", body, timeout=timeout_s)
        except NoRespondersError:
            raise ServiceUnavailableError from None
        try:
            said = json.loads(answer.data)
            error = said.get("error")
            refused = None if error is None else APIError.from_error(error)
        except (ValueError, AttributeError, TypeError) as malformed:
            # Whoever can write to our inbox may have sent it: no reason to end.
            raise MalformedAnswerError(f"{operation}: no answer of JetStream's") from malformed
        if refused is not None:
            raise refused
        answered: dict[str, Any] = said
        return answered

    async def stream_of(self, subject: str) -> str | None:
        """Return the stream that captures a subject; None if none does."""
        return await stream_of(self._client.jetstream(timeout=TIMEOUT_S), subject)

    async def stream(self, name: str, api: str = API, timeout_s: float = TIMEOUT_S) -> StreamFacts:
        """Return a stream as it is now; ``api`` is where its JetStream is asked."""
        return _facts(await self.ask(f"STREAM.INFO.{name}", timeout_s=timeout_s, api=api))

    async def create(self, settings: dict[str, Any]) -> StreamFacts:
        """Create a stream; one that is there with these very settings is returned."""
        return _facts(await self.ask(f"STREAM.CREATE.{settings['name']}", settings))

    async def edit(self, settings: dict[str, Any]) -> StreamFacts:
        """Give a stream other settings; all of them, also those that stay."""
        return _facts(await self.ask(f"STREAM.UPDATE.{settings['name']}", settings))

    async def delete(self, name: str) -> None:
        """Delete a stream; it is fine if it is gone already."""
        try:
            await self.ask(f"STREAM.DELETE.{name}")
        except NotFoundError:
            return

    async def message(self, stream: str, sequence: int) -> dict[str, Any] | None:
        """Return the message at a sequence as the API tells it; None if there is none."""
        return await self._message(stream, {"seq": sequence})

    async def message_from(self, stream: str, sequence: int) -> dict[str, Any] | None:
        """Return the first message at a sequence or behind it; None if there is none."""
        return await self._message(stream, {"seq": max(1, sequence), "next_by_subj": ">"})

    async def sequence_since(self, stream: str, since_ns: int) -> int:
        """Return the first sequence put into the stream at a time or later, in ns since 1970.

        One above the last where there is none. A consumer that begins at a time is told where that
        is, in one question; a search by halves takes twenty and more.
        """
        config = {
            "description": "alarm digest service: finds how old the log is",
            "ack_policy": "none",
            "deliver_policy": "by_start_time",
            "opt_start_time": format_instant(since_ns),
            "mem_storage": True,
            "num_replicas": 1,
            "inactive_threshold": int(_PROBE_S * 1e9),
        }
        about = {"stream_name": stream, "config": config}
        # The server chooses the name: on this subject it makes nothing that outlives who asked.
        made = await self.ask(f"CONSUMER.CREATE.{stream}", about)
        await self.ask(f"CONSUMER.DELETE.{stream}.{made['name']}")
        return int(made["delivered"]["stream_seq"]) + 1

    async def _message(self, stream: str, which: dict[str, Any]) -> dict[str, Any] | None:
        try:
            answer = await self.ask(f"STREAM.MSG.GET.{stream}", which)
        except NotFoundError:
            return None
        message = answer.get("message")
        if not isinstance(message, dict):
            raise MalformedAnswerError("an answer without a message")
        return message


async def stream_of(js: JetStreamContext, subject: str) -> str | None:
    """Return the stream that captures a subject; None if none does.

    Raises ``nats.errors.Error`` when the server does not answer or refuses.
    """
    try:
        return await js.find_stream_name_by_subject(subject)
    except NotFoundError:
        return None


async def insist(question: Callable[[], Awaitable[T]]) -> T:
    """Ask again for a while where the trouble may pass; then raise what it was."""
    loop = asyncio.get_running_loop()
    give_up_at_s = loop.time() + _ASKED_FOR_S
    while True:
        try:
            return await question()
        except PASSING as error:
            if loop.time() > give_up_at_s:
                raise
            logger.warning("jetstream.asked_again", extra={"error": repr(error)})
            await asyncio.sleep(_ASKED_AGAIN_S)


def _facts(answer: dict[str, Any]) -> StreamFacts:
    try:
        config = answer["config"]
        return StreamFacts(
            config["name"], answer["created"], config, answer.get("state") or {}, answer.get("ts")
        )
    except (KeyError, TypeError) as error:
        raise MalformedAnswerError(f"an answer that describes no stream: {error!r}") from error
