"""/livez and /readyz: a status for machines, the reasons for people."""

from __future__ import annotations

import aiohttp

from ops.monitoring.health import Phase
from ops.web.probes import probe_routes
from ops.web.server import WebServer
from ops.web.settings import HttpSettings
from tests.unit.ops.monitoring.test_metrics import Desk


async def test_readiness_is_a_status_and_its_reasons() -> None:
    """503 while it is starting, though it is alive."""
    desk = Desk()
    server = WebServer(HttpSettings("127.0.0.1:0"), probe_routes(desk.health))
    await server.start()
    try:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{server.port}") as client:
            starting, alive = await client.get("/readyz"), await client.get("/livez")
            assert (starting.status, alive.status) == (503, 200)
            shown = await starting.json()
            assert (shown["ok"], shown["checks"]["phase"]) == (False, "starting")
            desk.health.phase = Phase.SERVING
            serving = await client.get("/readyz")
            assert (serving.status, (await serving.json())["ok"]) == (200, True)
    finally:
        await server.stop()
