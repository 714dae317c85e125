"""Spans: what tracing wants to know of messages that bear a trace context. A role, like the ports.

Messages without a context, nearly all of them, never come here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from actors.messages.inputs import SendDigest

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors.errors import PublishFailedError
    from actors.messages.inputs import AlarmStatusChanged
    from actors.ports import DeliveryToken
    from actors.rules.digest import Digest
    from bus.wire.message import Message


class Spans(Protocol):
    """Records spans. Runs on the bus's thread, must not block."""

    records: bool
    """Whether anything is recorded at all."""

    def taken(
        self,
        token: DeliveryToken,
        name: str,
        traceparent: str,
        body: AlarmStatusChanged | SendDigest,
    ) -> str:
        """Begin the span of a message's handling; return the context for what comes of it.

        ``name`` is the same when the broker delivers the message again.
        """

    def settled(self, token: DeliveryToken, rejection: str | None) -> None:
        """End it: the message is acknowledged, or a dead letter for the reason ``rejection``."""

    def sending(
        self, digest: Digest, settled: Callable[[PublishFailedError | None], None]
    ) -> Callable[[PublishFailedError | None], None]:
        """Begin the span of an attempt to publish; what is returned ends it, calls ``settled``."""

    def stop(self) -> None:
        """Hand over what is recorded; may block for a few seconds."""


class NoSpans:
    """Records nothing; contexts are passed on all the same."""

    records = False

    def taken(
        self,
        token: DeliveryToken,
        name: str,
        traceparent: str,
        body: AlarmStatusChanged | SendDigest,
    ) -> str:
        """See ``Spans``."""
        del token, name, body
        return traceparent

    def settled(self, token: DeliveryToken, rejection: str | None) -> None:
        """See ``Spans``."""

    def sending(
        self, digest: Digest, settled: Callable[[PublishFailedError | None], None]
    ) -> Callable[[PublishFailedError | None], None]:
        """See ``Spans``."""
        del digest
        return settled

    def stop(self) -> None:
        """See ``Spans``."""


class TracedMessages:
    """The messages whose spans have begun and not ended. Runs on the bus's thread."""

    def __init__(self, spans: Spans) -> None:
        """Begin with none; ``spans`` records."""
        self._spans = spans
        self._begun: set[DeliveryToken] = set()

    def __contains__(self, token: DeliveryToken) -> bool:
        """Whether a span of this message has begun."""
        return token in self._begun

    def __len__(self) -> int:
        """How many there are."""
        return len(self._begun)

    def begin(
        self, token: DeliveryToken, message: Message, body: AlarmStatusChanged | SendDigest
    ) -> AlarmStatusChanged | SendDigest:
        """Begin the message's span; a request hands the context on to its digest."""
        traceparent = message.traceparent
        if traceparent is None:
            return body
        if self._spans.records:
            self._begun.add(token)
            traceparent = self._spans.taken(token, message.identity, traceparent, body)
        return body._replace(traceparent=traceparent) if isinstance(body, SendDigest) else body

    def end(self, token: DeliveryToken, rejection: str | None) -> None:
        """End the message's span; see ``Spans.settled``."""
        self._begun.discard(token)
        self._spans.settled(token, rejection)
