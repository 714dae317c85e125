"""A NATS client that answers by a script: for what only publishes, asks and listens."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from nats.aio.msg import Msg
from nats.errors import TimeoutError as NatsTimeoutError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from nats.aio.client import Client

KEPT = b'{"stream": "INPUT", "seq": 7}'
"""What a stream answers."""


def message(data: bytes, subject: str = "s", **headers: str) -> Msg:
    """Return a message as it arrives; an underscore in a header's name is a dash."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return Msg(_client=cast("Any", None), subject=subject, data=data, headers=named or None)


@dataclass
class Subscription:
    """What is to come on it, in order; then nothing comes in time."""

    messages: deque[Msg]
    ended: bool = False

    async def next_msg(self, timeout: float) -> Msg:  # noqa: ASYNC109  # the client's own name
        """Return the next at once."""
        del timeout
        if not self.messages:
            raise NatsTimeoutError
        return self.messages.popleft()

    async def unsubscribe(self) -> None:
        """See ``nats.aio.subscription.Subscription``."""
        self.ended = True


@dataclass
class ScriptedClient:
    """Remembers what was sent."""

    answers: Sequence[Msg | Exception] = ()
    """To requests, in order, then ``KEPT``; and what a subscription without a callback gets."""
    sent: list[tuple[str, bytes, dict[str, str] | None]] = field(default_factory=list)
    callbacks: dict[str, Callable[[Msg], Awaitable[None]]] = field(default_factory=dict)
    subscriptions: list[Subscription] = field(default_factory=list)
    on_request: Callable[[], Awaitable[None]] | None = None

    def __post_init__(self) -> None:
        """Have them be taken one by one."""
        self._left = list(self.answers)

    @property
    def client(self) -> Client:
        """It, as what it stands for."""
        return cast("Client", self)

    def new_inbox(self) -> str:
        """Return a subject for answers."""
        return "_INBOX.1"

    async def request(
        self,
        subject: str,
        payload: bytes,
        timeout: float,  # noqa: ASYNC109  # the client's own name
        headers: dict[str, str] | None = None,
    ) -> Msg:
        """Answer as scripted."""
        del timeout
        self.sent.append((subject, payload, headers))
        if self.on_request is not None:
            await self.on_request()
        answer = self._left.pop(0) if self._left else message(KEPT)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def publish(self, subject: str, payload: bytes, reply: str = "") -> None:
        """Remember it."""
        del reply
        self.sent.append((subject, payload, None))

    async def subscribe(
        self, subject: str, cb: Callable[[Msg], Awaitable[None]] | None = None
    ) -> Subscription:
        """Have what comes given to ``cb``, by the test; without one, the answers wait in it."""
        if cb is not None:
            self.callbacks[subject] = cb
        self.subscriptions.append(Subscription(deque(() if cb else self._messages())))
        return self.subscriptions[-1]

    def _messages(self) -> list[Msg]:
        return [one for one in self.answers if isinstance(one, Msg)]

    async def flush(self) -> None:
        """Nothing is buffered."""
