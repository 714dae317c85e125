"""Routes of the console on a server of the test's own."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import aiohttp

from ops.web.access import Access
from ops.web.gate import Gate
from ops.web.server import WebServer
from ops.web.settings import HttpSettings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable

    from aiohttp import web

TOKEN = "0123456789abcdef"
AS_OPERATOR = {"Authorization": f"Bearer {TOKEN}"}
SETTINGS = HttpSettings("127.0.0.1:0", operator_token=TOKEN)


@asynccontextmanager
async def serving(
    routes: Callable[[Gate], Iterable[web.AbstractRouteDef]],
) -> AsyncIterator[aiohttp.ClientSession]:
    """Serve what ``routes`` makes with a gate, to a client on loopback."""
    server = WebServer(SETTINGS, routes(Gate(Access(SETTINGS))))
    await server.start()
    try:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{server.port}") as client:
            yield client
    finally:
        await server.stop()
