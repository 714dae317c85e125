"""The way from the actors' threads to the bus's event loop."""

from __future__ import annotations

from collections import deque
from itertools import chain
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterable

    from actors.errors import PublishFailedError
    from actors.ports import DeliveryToken
    from actors.rejections import Rejection
    from actors.rules.digest import Digest
    from bus.inbound.intake import Intake
    from bus.outbound.digests import DigestSender


class Crossing:
    """``Acknowledger`` and ``DigestPublisher`` for actors, on whatever thread they run.

    Calls are carried out on the loop in their order, all that have come together at one wake-up.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Cross to ``loop``; ``connect`` tells what is on the other side."""
        self._loop = loop
        self._calls: deque[tuple[Callable[..., None], tuple[Any, ...]]] = deque()
        self._wake_up_is_coming = False
        self._intake: Intake
        self._digests: DigestSender

    def connect(self, intake: Intake, digests: DigestSender) -> None:
        """Set the far side, once, before any call."""
        self._intake = intake
        self._digests = digests

    def acknowledge(self, tokens: Iterable[DeliveryToken]) -> None:
        """See ``Acknowledger``."""
        self._post(self._intake.settle, tokens)

    def dead_letter(self, tokens: Iterable[DeliveryToken], rejection: Rejection) -> None:
        """See ``Acknowledger``."""
        self._post(self._intake.dead_letter, tokens, rejection)

    def publish(self, digest: Digest, settled: Callable[[PublishFailedError | None], None]) -> None:
        """See ``DigestPublisher``."""
        self._post(self._digests.send, digest, settled)

    def _post(self, function: Callable[..., None], *arguments: Any) -> None:
        self._calls.append((function, arguments))
        if self._wake_up_is_coming:
            return
        self._wake_up_is_coming = True
        try:
            self._loop.call_soon_threadsafe(self._carry_out)
        except RuntimeError:
            # The loop is closed: the process ends, and what is not settled comes back.
            self._calls.clear()

    def _carry_out(self) -> None:
        # Lowered first: a call posted from here on brings its own wake-up.
        self._wake_up_is_coming = False
        calls, settle = self._calls, self._intake.settle
        while calls:
            function, arguments = calls.popleft()
            if function != settle:
                function(*arguments)
                continue
            # Acknowledgements that follow each other go out as one burst.
            bursts = [arguments[0]]
            while calls and calls[0][0] == settle:
                bursts.append(calls.popleft()[1][0])
            settle(chain.from_iterable(bursts))
