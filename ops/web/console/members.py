"""ConsoleMembers: the instances side by side, from whichever of them is looked at."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING

import orjson
from nats.errors import Error as NatsError

from ops.homes.members import MemberFigures, members_of
from ops.inquiries.asking import ask_for_figures

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from nats.aio.client import Client

    from actors.rules.partitions import InstanceID
    from actors.tally import HomeTally


class ConsoleMembers:
    """Shows what this instance has seen last, and asks the others. Runs on the event loop."""

    def __init__(
        self,
        client: Client,
        queue_group: str,
        me: InstanceID,
        lease_s: float,
        home: HomeTally,
        own_figures: Callable[[], Mapping[str, Any]],
    ) -> None:
        """Be ``me``, which has seen what ``home`` says; its own figures need not be asked for."""
        self._client = client
        self._queue_group = queue_group
        self._me = me
        self._lease_s = lease_s
        self._home = home
        self._own_figures = own_figures

    async def show(self) -> bytes:
        """Return a ``Members`` as JSON, and who says so."""
        figures: dict[InstanceID, MemberFigures] = {}
        with suppress(NatsError, OSError):
            figures = await ask_for_figures(self._client, self._queue_group)
        figures[self._me] = MemberFigures.from_fields(self._own_figures())
        home = self._home
        found = members_of(home.view, home.watch, self._me, self._lease_s, time.time(), figures)
        return orjson.dumps({"me": self._me, **found.to_fields()})
