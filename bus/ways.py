"""Ways: instances that take messages from the log and over core NATS never both answer.

A request that a stream has captured is answered by who reads it, and over core NATS by who is
subscribed to it as well. So whoever begins asks the others first, and waits while one of them takes
the other way: it says so, and goes on by itself once that one has ended.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from functools import partial
from typing import TYPE_CHECKING

from nats.errors import Error as NatsError

from bus.settings import DeliveryMode
from bus.streams.delivery import choose_delivery

if TYPE_CHECKING:
    from collections.abc import Callable

    from nats.aio.msg import Msg
    from nats.aio.subscription import Subscription

    from bus.connection.connection import Connection
    from bus.settings import BusSettings
    from bus.streams.topology import Topology

logger = logging.getLogger("bus.ways")

ANSWERED_WITHIN_S = 0.25
"""How many instances there are, nobody knows: after so long all that are there have answered."""
ASKED_AGAIN_S = 1.0

_QUESTION = b"who"
_OTHERS = {
    DeliveryMode.JETSTREAM: (
        "take messages over core NATS: both would answer a request",
        "restart them: with DELIVERY auto they read the log, as this one does",
    ),
    DeliveryMode.CORE: (
        "read the log on JetStream: both would answer a request",
        "set DELIVERY to auto, and have this one reach the JetStream that they reach",
    ),
}
"""What is said of those who take the other way than the one named, and the mend."""


class Ways:
    """Tells others which way this instance takes, and asks for theirs. On the bus's event loop.

    On the subject of the nudges, where everybody may speak and hear: whoever knows no questions
    takes one for a nudge.
    """

    def __init__(self, connection: Connection, subject: str) -> None:
        """Prepare; ``start`` begins to listen."""
        self._connection = connection
        self._subject = subject
        self._me = secrets.token_hex(8).encode()
        self._mine: DeliveryMode | None = None
        self._heard: dict[bytes, bytes] = {}
        self._subscription: Subscription | None = None

    async def start(self) -> None:
        """Begin to listen; the connection must be open."""
        self._subscription = await self._connection.client.subscribe(self._subject, cb=self._hear)

    async def close(self) -> None:
        """Listen and answer no more."""
        self._mine = None
        subscription, self._subscription = self._subscription, None
        if subscription is not None:
            try:
                await subscription.unsubscribe()
            except NatsError as error:
                logger.debug("ways.not_closed", extra={"error": repr(error)})

    async def choose(self, settings: BusSettings, waits: Callable[[str], None]) -> Topology | None:
        """Return the streams of the way that settings and server allow, and the others take.

        None for core NATS. ``waits`` is told why it takes longer. Raises ``SettingsError``.
        """
        agreed = partial(self.agree, DeliveryMode.JETSTREAM, waits)
        topology = await choose_delivery(self._connection.client, settings, agreed, waits)
        if topology is None:
            await self.agree(DeliveryMode.CORE, waits)
        return topology

    async def agree(self, way: DeliveryMode, waits: Callable[[str], None]) -> None:
        """Return once nobody takes the other way, from when on others are told of ours.

        ``waits`` is told why it takes longer.
        """
        other = (
            DeliveryMode.CORE if way is DeliveryMode.JETSTREAM else DeliveryMode.JETSTREAM
        ).encode()
        while True:
            # Said before it is asked: of two who begin at once, one hears the other. The log goes
            # first, so who wants core NATS takes it back.
            self._mine = way
            ways = await self._ask()
            if other not in ways:
                break
            while other in ways:
                what, mend = _OTHERS[way]
                reason = f"{ways.count(other)} other instance(s) {what}"
                logger.warning("bus.waits_for_others", extra={"reason": reason, "mend": mend})
                waits(f"waits: {reason}; {mend}")
                if way is DeliveryMode.CORE:
                    # Said again each time it is asked, the other would hear it each time as well,
                    # and neither begin.
                    self._mine = None
                await asyncio.sleep(ASKED_AGAIN_S)
                ways = await self._ask()
        if way is DeliveryMode.CORE and ways:
            mend = "run one instance: without JetStream several keep no order"
            logger.warning("bus.not_alone", extra={"others": len(ways), "mend": mend})

    async def _ask(self) -> list[bytes]:
        """Return which ways the others take."""
        self._heard = {}
        self._say(_QUESTION)
        await asyncio.sleep(ANSWERED_WITHIN_S)
        return list(self._heard.values())

    def _say(self, what: bytes) -> None:
        self._connection.write(self._subject, b"%s %s" % (what, self._me))

    async def _hear(self, message: Msg) -> None:
        what, _, who = message.data.partition(b" ")
        if not who or who == self._me:
            return
        if what == _QUESTION and self._mine is not None:
            self._say(self._mine.encode())
        elif what in (DeliveryMode.CORE.encode(), DeliveryMode.JETSTREAM.encode()):
            self._heard[who] = what
