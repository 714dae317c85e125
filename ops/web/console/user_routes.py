"""``/api/users`` and ``/api/user``: who is known, and one user with the reasons.

Ids come in the query: as a part of the path, browsers would take ``..`` for a step upwards.
"""

from __future__ import annotations

from functools import partial
from threading import BoundedSemaphore
from typing import TYPE_CHECKING

from aiohttp import web

from actors.rules.alarms import AlarmID, UserID
from ops.inquiries.answering import AnswerError
from ops.inquiries.form import ShowInquiry
from ops.process.daemons import on_daemon_thread
from ops.web.gate import number

if TYPE_CHECKING:
    from collections.abc import Callable

    from ops.web.console.users import ConsoleUsers
    from ops.web.gate import Gate

WORKING_MAX = 6
"""Threads at a time, also those whose answer nobody waits for any more."""
USERS_MAX = 100
ALARMS_MAX = 1_000
_USERS, _ALARMS = 50, 200
_ID_BYTES_MAX = 256


def user_routes(gate: Gate, data: Callable[[], ConsoleUsers]) -> list[web.RouteDef]:
    """Return the routes; ``data`` raises ``AnswerError`` while there is none."""
    working = BoundedSemaphore(WORKING_MAX)

    async def on_thread(work: Callable[[], bytes]) -> bytes:
        if not working.acquire(blocking=False):
            raise AnswerError("503", "others wait for an answer already, ask again")

        def work_and_leave() -> bytes:
            try:
                return work()
            finally:
                working.release()

        return await on_daemon_thread(work_and_leave, "console")

    async def users(request: web.Request) -> bytes:
        query = request.query
        limit = number(query, "limit", _USERS, USERS_MAX) or _USERS
        order = query.get("order", "recent")
        if order == "recent":
            return await on_thread(partial(data().recent, limit))
        if order == "due":
            return await on_thread(partial(data().most_due, limit))
        if order != "id":
            raise AnswerError("400", "order is not recent, id or due")
        prefix, after = _id(query.get("prefix", "")), _id(query.get("after", ""))
        return await on_thread(partial(data().by_id, prefix, after, limit))

    async def user(request: web.Request) -> bytes:
        query = request.query
        user_id, alarm_id = _id(query.get("user", "")), query.get("alarm")
        if not user_id:
            raise AnswerError("400", "user is missing")
        only = None if alarm_id is None else AlarmID(_id(alarm_id))
        limit = number(query, "limit", _ALARMS, ALARMS_MAX)
        inquiry = ShowInquiry(UserID(user_id), only, limit)
        return await on_thread(partial(data().show, inquiry))

    return [
        web.get("/api/users", gate.reading(users)),
        web.get("/api/user", gate.reading(user)),
    ]


def _id(text: str) -> str:
    """Return what may be an id, or the beginning of one; raises ``AnswerError``."""
    if "\0" in text or len(text.encode("utf-8", "surrogatepass")) > _ID_BYTES_MAX:
        raise AnswerError("400", f"an id is of {_ID_BYTES_MAX} bytes at the most, none of them NUL")
    return text
