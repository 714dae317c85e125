"""The console's API of a service, as a page or an operator's own program asks it."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import aiohttp

from tests.patience import PATIENCE_S
from tests.probes import ANY_PORT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from tests.deployment import Deployment
    from tests.service import ServiceProcess

TOKEN = "correct-horse-battery-staple"

# Users and alarms of whom a page might make more than text.
HOSTILE_IDS = (
    "<script>alert(1)</script>",
    "\"'><img src=x onerror=alert(1)>",
    "evil\u202egnp.exe",
    "tab\tand\nline \x1b[31m",
    " spaced  out ",
    "..",
    "%2e%2e",
    "a/b?c#d&e=f+g",
    "__proto__",
    "a.b$c",
    "zero\u200bwidth",
    "👨‍👩‍👧",
    "🔥" * 64,
    "x" * 256,
)


class Answer(NamedTuple):
    """What came."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    fields: Any


class ConsoleClient:
    """Asks one service. Runs on the test's event loop."""

    def __init__(self, client: aiohttp.ClientSession) -> None:
        """Ask with ``client``, whose base address is the service's."""
        self._client = client

    async def get(
        self, path: str, query: Mapping[str, str] | None = None, **headers: str
    ) -> Answer:
        """Ask for something; names of headers have underscores here."""
        return await self._ask("GET", path, params=query, headers=_named(headers))

    async def post(self, path: str, fields: object, **headers: str) -> Answer:
        """Have something done."""
        return await self._ask("POST", path, json=fields, headers=_named(headers))

    async def users(self, **query: str) -> list[str]:
        """Return the ids of the users listed."""
        answer = await self.get("/api/users", query)
        assert answer.status == 200, answer.body
        return [line["user_id"] for line in answer.fields["users"]]

    async def _ask(self, method: str, path: str, **options: Any) -> Answer:
        async with self._client.request(method, path, **options) as answer:
            body = await answer.read()
            fields = await answer.json() if answer.content_type == "application/json" else None
            return Answer(answer.status, answer.headers, body, fields)


def start_console(deployment: Deployment, **settings: object) -> ServiceProcess:
    """Start a service that serves its console, with an operator token unless told otherwise."""
    return deployment.start(**{"HTTP_ADDRESS": ANY_PORT, "OPERATOR_TOKEN": TOKEN, **settings})


def console_url(service: ServiceProcess) -> str:
    """Return where a service's console is."""
    service.wait_for("http.serving")
    return f"http://127.0.0.1:{service.events('http.serving')[0]['port']}"


@asynccontextmanager
async def asking(service: ServiceProcess) -> AsyncIterator[ConsoleClient]:
    """Ask a service, for a ``with`` block."""
    timeout = aiohttp.ClientTimeout(total=PATIENCE_S)
    async with aiohttp.ClientSession(console_url(service), timeout=timeout) as client:
        yield ConsoleClient(client)


def _named(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}
