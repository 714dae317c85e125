"""``/livez`` and ``/readyz``: 200 or 503, and the reasons as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
from aiohttp import web

if TYPE_CHECKING:
    from ops.monitoring.health import Health, Verdict


def probe_routes(health: Health) -> list[web.RouteDef]:
    """Return the routes."""

    async def live(request: web.Request) -> web.Response:
        del request
        return _answer(health.live())

    async def ready(request: web.Request) -> web.Response:
        del request
        return _answer(health.ready())

    return [web.get("/livez", live), web.get("/readyz", ready)]


def _answer(verdict: Verdict) -> web.Response:
    return web.Response(
        status=200 if verdict.good else 503,
        body=orjson.dumps({"ok": verdict.good, "checks": dict(verdict.checks)}) + b"\n",
        content_type="application/json",
    )
