"""Gate: what every request of the console's API passes: access, a bound, a time, JSON."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import web

from ops.inquiries.answering import AnswerError
from ops.web.access import RefusedError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from ops.web.access import Access

    Handler = Callable[[web.Request], Awaitable[bytes]]
    Served = Callable[[web.Request], Awaitable[web.Response]]
    Check = Callable[[Mapping[str, str]], None]

logger = logging.getLogger("ops.web.gate")

AT_ONCE_MAX = 8
"""Requests that are worked on at a time; who comes then is told to come again."""
READ_WITHIN_S = 6.0
ACT_WITHIN_S = 12.0
"""Publishing and deleting wait for the server in turn; cut short, the letter is still there."""


class Gate:
    """Wraps handlers, which return JSON and raise ``AnswerError``. Runs on the event loop."""

    def __init__(self, access: Access) -> None:
        """Let in whom ``access`` lets in."""
        self._access = access
        self._under_way = 0

    def open(self, handler: Handler) -> Served:
        """For figures that name nobody."""
        return self._served(handler, self._access.check_host, READ_WITHIN_S)

    def reading(self, handler: Handler) -> Served:
        """For what is about users."""
        return self._served(handler, self._access.check_reading, READ_WITHIN_S)

    def acting(self, handler: Handler) -> Served:
        """For what changes anything."""
        return self._served(handler, self._access.check_acting, ACT_WITHIN_S)

    def _served(self, handler: Handler, check: Check, within_s: float) -> Served:
        async def served(request: web.Request) -> web.Response:
            try:
                check(request.headers)
            except RefusedError as error:
                if "Authorization" in request.headers:
                    # Somebody tries, or an operator has an old token: either is worth knowing.
                    logger.warning(
                        "console.refused", extra={"path": request.path, "why": error.mend}
                    )
                headers = {"WWW-Authenticate": "Bearer"} if error.status == 401 else None
                return _problem(error.status, error.mend, headers)
            if self._under_way >= AT_ONCE_MAX:
                return _problem(503, "too many requests at a time, ask again", {"Retry-After": "1"})
            self._under_way += 1
            try:
                async with asyncio.timeout(within_s):
                    body = await handler(request)
            except AnswerError as error:
                return _problem(int(error.code), error.description)
            except TimeoutError:
                return _problem(504, f"no answer within {within_s:g} s")
            except web.HTTPException:
                raise
            except Exception:
                # What went wrong is for the log, and not for whoever may send a request.
                logger.exception("console.failed", extra={"path": request.path})
                return _problem(500, "the request could not be answered, see the log")
            finally:
                self._under_way -= 1
            return web.Response(body=body, content_type="application/json")

        return served


def _problem(status: int, sentence: str, headers: Mapping[str, str] | None = None) -> web.Response:
    return web.Response(
        status=status,
        body=orjson.dumps({"error": sentence}),
        content_type="application/json",
        headers=headers,
    )


def number(fields: Mapping[str, Any], name: str, default: int | None, most: int) -> int | None:
    """Return a whole number from a query or a body, from 1 to ``most``; raises ``AnswerError``."""
    text = str(fields.get(name, ""))
    if not text:
        return default
    if not (text.isascii() and text.isdecimal() and len(text) < 20 and 1 <= int(text) <= most):
        raise AnswerError("400", f"{name} is not a whole number from 1 to {most}")
    return int(text)
