"""``/api/dead-letters``: pages of them, one of them, and what an operator does to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
from aiohttp import web

from ops.inquiries.answering import AnswerError
from ops.web.gate import number

if TYPE_CHECKING:
    from collections.abc import Callable

    from ops.web.console.letters import ConsoleLetters
    from ops.web.gate import Gate

LETTERS_MAX = 100
_LETTERS = 25
_SEQUENCE_MAX = 2**63 - 1
_TEXT_MAX_CHARS = 256


def dead_letter_routes(gate: Gate, data: Callable[[], ConsoleLetters]) -> list[web.RouteDef]:
    """Return the routes; ``data`` raises ``AnswerError`` while there is none."""

    async def page(request: web.Request) -> bytes:
        before = number(request.query, "before", None, _SEQUENCE_MAX)
        limit = number(request.query, "limit", _LETTERS, LETTERS_MAX) or _LETTERS
        reason, subject = _text(request, "reason"), _text(request, "subject")
        return await data().page(before, limit, reason, subject)

    async def show(request: web.Request) -> bytes:
        return await data().show(_sequence(request))

    async def replay(request: web.Request) -> bytes:
        return await data().replay(_sequence(request), await _time_seen(request))

    async def drop(request: web.Request) -> bytes:
        return await data().drop(_sequence(request), await _time_seen(request))

    return [
        web.get("/api/dead-letters", gate.reading(page)),
        web.get("/api/dead-letters/{sequence}", gate.reading(show)),
        web.post("/api/dead-letters/{sequence}/replay", gate.acting(replay)),
        web.post("/api/dead-letters/{sequence}/drop", gate.acting(drop)),
    ]


def _text(request: web.Request, name: str) -> str | None:
    """Return what letters are chosen by; None when nothing is said."""
    text = request.query.get(name) or None
    if text is not None and len(text) > _TEXT_MAX_CHARS:
        raise AnswerError("400", f"{name} is of {_TEXT_MAX_CHARS} characters at the most")
    return text


def _sequence(request: web.Request) -> int:
    sequence = number(request.match_info, "sequence", None, _SEQUENCE_MAX)
    if sequence is None:
        raise AnswerError("400", "sequence is missing")
    return sequence


async def _time_seen(request: web.Request) -> str:
    """Return the time that the letter bore when the operator decided."""
    try:
        fields = orjson.loads(await request.read())
    except orjson.JSONDecodeError:
        fields = None
    time = fields.get("time") if isinstance(fields, dict) else None
    if not isinstance(time, str):
        raise AnswerError("400", 'the body is not {"time": "…"}, the time of the letter')
    return time
