"""The console: a page and what it asks for. Nothing in it comes from elsewhere or is built."""

from __future__ import annotations

from importlib import resources
from pathlib import PurePath
from typing import TYPE_CHECKING

import orjson
from aiohttp import web

from ops.inquiries.answering import AnswerError
from ops.instance import instance_name
from ops.monitoring.figures import figures
from ops.monitoring.pulse import INTERVAL_S
from ops.version import VERSION
from ops.web.access import Access, RefusedError
from ops.web.console.letter_routes import dead_letter_routes
from ops.web.console.user_routes import user_routes
from ops.web.gate import Gate

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    from ops.monitoring.metrics import Sources
    from ops.monitoring.samples import Samples
    from ops.web.console.data import ConsoleData
    from ops.web.settings import HttpSettings

_TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}

PAGE_HEADERS = {
    # The page runs our files and nothing else; no text ever becomes code or markup.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
}


class Console:
    """Serves page and API. Runs on the event loop."""

    def __init__(self, settings: HttpSettings, sources: Sources, samples: Samples) -> None:
        """Show these; without ``data`` only figures."""
        self.data: ConsoleData | None = None
        self._access = Access(settings)
        self._sources = sources
        self._samples = samples

    def routes(self) -> list[web.RouteDef]:
        """Return all routes."""
        gate = Gate(self._access)
        return [
            *self._files(),
            web.get("/api/about", gate.open(self._about)),
            web.get("/api/figures", gate.open(self._figures)),
            web.get("/api/members", gate.reading(self._members)),
            *user_routes(gate, lambda: self._data_or_refusal().users),
            *dead_letter_routes(gate, lambda: self._data_or_refusal().letters),
        ]

    def _data_or_refusal(self) -> ConsoleData:
        if self.data is None:
            raise AnswerError("503", "the service is starting, or stopping")
        return self.data

    def _files(self) -> list[web.RouteDef]:
        """Return a route a file, read now: no request names a path."""
        folder = resources.files("ops.web") / "static"
        return [
            self._file("/" if file.name == "index.html" else f"/static/{file.name}", file)
            for file in folder.iterdir()
            if PurePath(file.name).suffix in _TYPES
        ]

    def _file(self, path: str, file: Traversable) -> web.RouteDef:
        content = file.read_bytes()
        content_type = _TYPES[PurePath(file.name).suffix]

        async def serve(request: web.Request) -> web.Response:
            try:
                self._access.check_host(request.headers)
            except RefusedError as error:
                return web.Response(status=error.status, text=f"{error.mend}\n")
            return web.Response(
                body=content, content_type=content_type, charset="utf-8", headers=PAGE_HEADERS
            )

        return web.get(path, serve)

    async def _about(self, request: web.Request) -> bytes:
        return orjson.dumps(
            {
                "version": VERSION,
                "instance": instance_name(),
                "interval_s": INTERVAL_S,
                "reading": self._access.reading(request.headers),
                "acting": self._access.acting(),
                "proven": self._access.proven(request.headers),
            }
        )

    async def _figures(self, request: web.Request) -> bytes:
        try:
            since_s = float(request.query.get("since", "-1"))
        except ValueError:
            raise AnswerError("400", "since is not a number of seconds") from None
        shown = figures(self._sources, self._samples, since_s)
        return orjson.dumps({"instance": instance_name(), **shown})

    async def _members(self, request: web.Request) -> bytes:
        del request
        return await self._data_or_refusal().members.show()
