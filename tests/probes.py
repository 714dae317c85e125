"""A service's probes and metrics, as its supervisor and Prometheus see them."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from tests.patience import PATIENCE_S

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.service import ServiceProcess

ANY_PORT = "127.0.0.1:0"
_POLL_S = 0.05


class Probe(NamedTuple):
    """A probe's answer."""

    status: int
    checks: dict[str, str]


class Monitoring:
    """Asks a service over HTTP. Runs on the test's event loop."""

    def __init__(self, client: aiohttp.ClientSession) -> None:
        """Ask with ``client``, whose base address is the service's."""
        self._client = client

    async def probe(self, path: str) -> Probe:
        """Ask ``/livez`` or ``/readyz``."""
        async with self._client.get(path) as answer:
            content: dict[str, Any] = await answer.json()
            assert content["ok"] is (answer.status == 200)
            return Probe(answer.status, content["checks"])

    async def becomes(self, check: str, found: str, timeout_s: float = PATIENCE_S) -> Probe:
        """Return what ``/readyz`` says once ``check`` begins with ``found``."""
        async with asyncio.timeout(timeout_s):
            while True:
                probe = await self.probe("/readyz")
                if probe.checks.get(check, "").startswith(found):
                    return probe
                await asyncio.sleep(_POLL_S)

    async def becomes_not(self, check: str, found: str, timeout_s: float = PATIENCE_S) -> None:
        """Return once what ``/readyz`` says of ``check`` begins otherwise than with ``found``."""
        async with asyncio.timeout(timeout_s):
            while (await self.probe("/readyz")).checks[check].startswith(found):  # noqa: ASYNC110
                await asyncio.sleep(_POLL_S)

    async def becomes_ready(self, timeout_s: float = PATIENCE_S) -> None:
        """Return once ``/readyz`` says that all is well: one check is ahead of another."""
        async with asyncio.timeout(timeout_s):
            while (await self.probe("/readyz")).status != 200:  # noqa: ASYNC110  # asks a server
                await asyncio.sleep(_POLL_S)

    async def metrics(self) -> dict[str, float]:
        """Return each sample, its labels' words behind its name."""
        async with self._client.get("/metrics") as answer:
            text = await answer.text()
        return {
            " ".join((sample.name, *sample.labels.values())): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    async def metric_becomes(self, name: str, value: float, timeout_s: float = PATIENCE_S) -> None:
        """Return once a sample has a value."""
        async with asyncio.timeout(timeout_s):
            while (await self.metrics()).get(name) != value:  # noqa: ASYNC110  # asks a server
                await asyncio.sleep(_POLL_S)


@asynccontextmanager
async def monitoring(service: ServiceProcess) -> AsyncIterator[Monitoring]:
    """Ask a service that was started with ``HTTP_ADDRESS=ANY_PORT``, for a ``with`` block."""
    service.wait_for("http.serving")
    port = service.events("http.serving")[0]["port"]
    timeout = aiohttp.ClientTimeout(total=PATIENCE_S)
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}", timeout=timeout) as client:
        yield Monitoring(client)
