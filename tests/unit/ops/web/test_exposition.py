"""/metrics: in the form that the scraper asks for."""

from __future__ import annotations

import aiohttp

from ops.web.exposition import metrics_routes
from ops.web.server import WebServer
from ops.web.settings import HttpSettings
from tests.unit.ops.monitoring.test_metrics import Desk


async def test_figures_come_in_the_form_that_is_asked_for() -> None:
    """OpenMetrics to those who name it, the older text to others."""
    server = WebServer(HttpSettings("127.0.0.1:0"), metrics_routes(Desk().registry))
    await server.start()
    try:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{server.port}") as client:
            plain = await client.get("/metrics")
            open_metrics = await client.get(
                "/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"}
            )
            assert plain.headers["Content-Type"].startswith("text/plain")
            assert open_metrics.headers["Content-Type"].startswith("application/openmetrics-text")
            assert "alarm_digest_ready" in await plain.text()
            assert (await open_metrics.text()).endswith("# EOF\n")
    finally:
        await server.stop()
