"""The HTTP server, on the bus's event loop: small, bounded, and never in anybody's way."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from ipaddress import ip_address
from typing import TYPE_CHECKING

from aiohttp import web

from actors.errors import SettingsError
from ops.web.settings import DEFAULT_ADDRESS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ops.web.settings import HttpSettings

logger = logging.getLogger("ops.web")

MAX_CONNECTIONS = 64
"""Who comes when so many are open is turned away: what the server holds is bounded."""
MAX_BODY_BYTES = 64 * 1024
_KEEPALIVE_S = 15.0
_SHUTDOWN_S = 1.0
_NAME_S = 2.0


class WebServer:
    """Serves routes. Runs on the event loop; a handler must not wait for anything but it."""

    def __init__(self, settings: HttpSettings, routes: Iterable[web.AbstractRouteDef]) -> None:
        """Prepare; ``start`` listens."""
        self._settings = settings
        application = web.Application(client_max_size=MAX_BODY_BYTES)
        application.on_response_prepare.append(_harden)
        application.add_routes(routes)
        self._runner = web.AppRunner(
            application,
            access_log=None,
            handle_signals=False,
            keepalive_timeout=_KEEPALIVE_S,
            shutdown_timeout=_SHUTDOWN_S,
        )
        self._listening: asyncio.Server | None = None
        self._host = settings.host

    @property
    def port(self) -> int:
        """Where it listens; 0 when it does not."""
        if self._listening is None:
            return 0
        port: int = self._listening.sockets[0].getsockname()[1]
        return port

    @property
    def address(self) -> str | None:
        """``host:port`` at which others find it; None when it does not listen.

        The port is the one that was bound, where any was asked for; instead of all addresses of
        the machine it is the one that the machine's own name stands for.
        """
        if self._listening is None:
            return None
        return f"[{self._host}]:{self.port}" if ":" in self._host else f"{self._host}:{self.port}"

    async def start(self) -> None:
        """Listen; raises ``SettingsError`` for an address that cannot be had.

        The default address may be somebody else's: then there is a warning, and no server.
        """
        if not self._settings.wanted:
            return
        await self._runner.setup()
        host, port = self._settings.host, self._settings.port
        try:
            loop = asyncio.get_running_loop()
            self._listening = await loop.create_server(self._accept, host, port, backlog=64)
        except OSError as error:
            address, why = self._settings.address, _describe(error)
            if address != DEFAULT_ADDRESS:
                message = f"HTTP_ADDRESS: cannot listen at {address}: {why}; set another, or off"
                raise SettingsError(message) from error
            mend = "set HTTP_ADDRESS: port 0 is any that is free"
            fields = {"address": address, "error": why, "mend": mend}
            logger.warning("http.not_served", extra=fields)
            return
        if _is_every_address(host):
            self._host = await _address_of_this_machine()
        logger.info("http.serving", extra={"host": host, "port": self.port})

    async def stop(self) -> None:
        """Answer what has been asked, and end; harmless when it was not started."""
        if self._listening is not None:
            self._listening.close()
            self._listening = None
        await self._runner.cleanup()

    def _accept(self) -> asyncio.Protocol:
        server = self._runner.server
        assert server is not None
        if len(server.connections) >= MAX_CONNECTIONS:
            return _Refusal()
        return server()


class _Refusal(asyncio.Protocol):
    """Hangs up."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Hang up."""
        transport.close()


async def _harden(request: web.Request, response: web.StreamResponse) -> None:
    """Keep answers out of caches, browsers from guessing, and our versions to ourselves."""
    del request
    response.headers["Server"] = "alarm-digest"
    response.headers.setdefault("Cache-Control", "no-store")
    response.headers.setdefault("X-Content-Type-Options", "nosniff")


def _is_every_address(host: str) -> bool:
    try:
        return ip_address(host).is_unspecified
    except ValueError:
        return False


async def _address_of_this_machine() -> str:
    """Return the address that the machine's name stands for, else the name.

    In a container it is the container's: Docker and Kubernetes write it into /etc/hosts. Where the
    name stands for the loopback interface, as on Debian, others look it up and find more.
    """
    name = socket.gethostname()
    try:
        found = await asyncio.wait_for(_look_up(name), _NAME_S)
    except (OSError, TimeoutError):
        return name
    return next((one for one in found if not ip_address(one).is_loopback), name)


async def _look_up(name: str) -> list[str]:
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


def _describe(error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return "it is in use"
    return error.strerror or str(error)
