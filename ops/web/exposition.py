"""``/metrics``: the figures, in the form that the scraper asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web
from prometheus_client.exposition import choose_encoder

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry


def metrics_routes(registry: CollectorRegistry) -> list[web.RouteDef]:
    """Return the route."""

    async def metrics(request: web.Request) -> web.Response:
        # On the loop: it takes two milliseconds, and so it reads the bus's own figures in peace.
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        return web.Response(body=encode(registry), headers={"Content-Type": content_type})

    return [web.get("/metrics", metrics)]
