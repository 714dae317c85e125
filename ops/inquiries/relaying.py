"""Asking the instance at which a user is at home, from another one."""

from __future__ import annotations

import asyncio
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import TYPE_CHECKING

from nats.errors import Error as NatsError

from ops.inquiries.asking import ask_for_report
from ops.inquiries.form import ShowInquiry, home_subject

if TYPE_CHECKING:
    from nats.aio.client import Client

    from actors.rules.alarms import AlarmID, UserID
    from actors.rules.partitions import InstanceID
    from ops.users.report import UserReport

WITHIN_S = 1.0
"""An instance that lives answers in milliseconds; the checkpoint is there for the others."""


class OtherInstances:
    """Asks over the service's own connection. Called from several threads at a time; blocks."""

    def __init__(self, client: Client, queue_group: str, loop: asyncio.AbstractEventLoop) -> None:
        """Ask on ``loop``, which is the connection's."""
        self._client = client
        self._queue_group = queue_group
        self._loop = loop

    def show(
        self, home: InstanceID, user_id: UserID, limit: int | None, only: AlarmID | None
    ) -> UserReport | None:
        """See ``ops.users.known.Elsewhere``."""
        inquiry = ShowInquiry(user_id, only, limit)
        subject = home_subject(self._queue_group, home)
        asking = ask_for_report(self._client, subject, inquiry, WITHIN_S)
        try:
            future = asyncio.run_coroutine_threadsafe(asking, self._loop)
        except RuntimeError:  # the loop is closed: the service has stopped
            asking.close()
            return None
        try:
            report, _ = future.result(2 * WITHIN_S)
        except (FutureTimeoutError, NatsError, OSError):
            future.cancel()
            return None
        return report
