"""What server and client say first: is it encrypted, who are we, how large may a message be?"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from nats.aio.client import Client

from bus.connection.access import UnencryptedError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bus.connection.identity import Identity

_SECRETS = ("user", "pass", "auth_token")


class GreetingClient(Client):
    """A client that looks before it speaks, and knows its account's limit.

    It never says who we are over a connection less secure than asked for: nats-py encrypts only
    where the server insists on it, and whoever sits between could tell it that the server does
    not, and be told the password. Runs on the event loop.
    """

    def __init__(self) -> None:
        """Create it, not connected."""
        self._server_max_payload = 0
        self._account_max_payload: int | None = None
        self._told_max_payload: int | None = None
        super().__init__()
        self._tls_demanded = False

    @property
    def greeting(self) -> Mapping[str, Any]:
        """What the server said of itself when we came; empty before. It is in ``_server_info``."""
        return self._server_info

    def demand_tls(self) -> None:
        """Have every connection encrypted, not only those of tls:// URLs."""
        self._tls_demanded = True

    def show(self, identity: Identity) -> None:
        """Prove to be ``identity`` by its NKey, which CONNECT takes from ``_public_nkey``."""
        self._public_nkey = identity.public

    def forget_former_limit(self) -> None:
        """Take what this connection said for the account's limit; call it after a flush.

        Until then the former connection's stands: a server says it behind its first PONG only.
        """
        self._account_max_payload = self._told_max_payload

    # What it does otherwise than nats-py, which calls all of these.

    @property
    def _max_payload(self) -> int:
        """What may be published; nats-py's ``publish`` and ``max_payload`` read it, too."""
        account = self._account_max_payload
        server = self._server_max_payload
        return server if account is None else min(server, account)

    @_max_payload.setter
    def _max_payload(self, server: int) -> None:
        # Set from the server's first greeting, which comes before it knows our account.
        self._server_max_payload = server

    async def _process_info(
        self,
        info: dict[str, Any],
        initial_connection: bool = False,  # noqa: FBT002  # as nats-py has it
    ) -> None:
        """Look at a greeting: the first, before anything is encrypted or said, and later ones."""
        if not initial_connection:
            if "max_payload" in info:
                self._told_max_payload = self._account_max_payload = info["max_payload"]
            await super()._process_info(info, initial_connection)
            return
        self._told_max_payload = None
        server = self._current_server
        assert server is not None
        scheme = server.uri.scheme
        demanded = self._tls_demanded or scheme == "tls"
        if demanded and scheme != "wss":
            if not info.get("tls_required") and not info.get("tls_available"):
                raise UnencryptedError("nats: the server offers no TLS")
            info["tls_required"] = True
        await super()._process_info(info, initial_connection)

    def _connect_command(self) -> bytes:
        """Say who we are; user, password and token of a URL are percent-encoded there."""
        command = super()._connect_command()
        if self.options["user"] is not None or self.options["token"] is not None:
            return command
        verb, _, said = command.partition(b" ")
        options = json.loads(said)
        for name in _SECRETS:
            if name in options:
                options[name] = unquote(options[name])
        return b"%s %s\r\n" % (verb, json.dumps(options, sort_keys=True).encode())
