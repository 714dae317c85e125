"""Access: who may read and who may act, judged by a request's headers. Pure.

A page of somebody else, open in an operator's browser, can send requests here. What it cannot do
is read an answer, or set the headers that are looked at here: unless its own name was made to
mean our address (DNS rebinding). So a request must call us by a name that is ours.
"""

from __future__ import annotations

import hmac
from enum import StrEnum
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ops.web.settings import is_loopback

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ops.web.settings import HttpSettings


class Grant(StrEnum):
    """On what condition something may be done."""

    FREE = "free"
    TOKEN = "token"  # noqa: S105  # a word, not one
    NEVER = "never"


class RefusedError(Exception):
    """Raised for a request that may not be answered; the text says how to mend it."""

    def __init__(self, status: int, mend: str) -> None:
        """Refuse with an HTTP status and a sentence."""
        super().__init__(mend)
        self.status = status
        self.mend = mend


_PROVE = "give the operator token"


class Access:
    """Judges requests by the settings."""

    def __init__(self, settings: HttpSettings) -> None:
        """Judge by these."""
        self._loopback = settings.loopback
        self._token = settings.operator_token
        self._names = {"localhost", settings.host.lower(), *map(str.lower, settings.hosts)}

    def acting(self) -> Grant:
        """On what condition anything may be changed."""
        return Grant.NEVER if self._token is None else Grant.TOKEN

    def reading(self, headers: Mapping[str, str]) -> Grant:
        """On what condition this one may read about users.

        Free is only who must be on this computer: a name from ``HTTP_HOSTS`` speaks for a proxy.
        """
        if self._loopback and is_loopback(_name_of(headers.get("Host", ""))):
            return Grant.FREE
        return Grant.NEVER if self._token is None else Grant.TOKEN

    def proven(self, headers: Mapping[str, str]) -> bool:
        """Whether the request bears the operator token."""
        scheme, _, token = headers.get("Authorization", "").partition(" ")
        if self._token is None or scheme.lower() != "bearer":
            return False
        given = token.strip().encode("utf-8", "surrogateescape")
        return hmac.compare_digest(given, self._token.encode())

    def check_host(self, headers: Mapping[str, str]) -> None:
        """Raise ``RefusedError`` where we are called by a name that is not ours.

        An address is nobody's name: it cannot be made to mean another one.
        """
        name = _name_of(headers.get("Host", ""))
        if name in self._names or _is_address(name):
            return
        raise RefusedError(421, "this host name is not known here: add it to HTTP_HOSTS")

    def check_reading(self, headers: Mapping[str, str]) -> None:
        """Raise ``RefusedError`` for one who may not read about users."""
        self.check_host(headers)
        grant = self.reading(headers)
        if grant is Grant.NEVER:
            raise RefusedError(
                403,
                "users are shown on loopback only: set OPERATOR_TOKEN, or open the console there",
            )
        if grant is Grant.TOKEN and not self.proven(headers):
            raise RefusedError(401, _PROVE)

    def check_acting(self, headers: Mapping[str, str]) -> None:
        """Raise ``RefusedError`` for one who may not change anything, or whom a page sends."""
        self.check_host(headers)
        if self._token is None:
            raise RefusedError(403, "this console only reads: set OPERATOR_TOKEN to act in it")
        if not _from_our_page(headers):
            raise RefusedError(403, "the request comes from another site's page")
        if not self.proven(headers):
            raise RefusedError(401, _PROVE)


def _from_our_page(headers: Mapping[str, str]) -> bool:
    """Whether no other page sends this; what is no browser sends neither header."""
    site = headers.get("Sec-Fetch-Site")
    if site is not None and site != "same-origin":
        return False
    origin = headers.get("Origin")
    return origin is None or urlsplit(origin).netloc.lower() == headers.get("Host", "").lower()


def _name_of(host: str) -> str:
    """Return the name in a ``Host`` header: a port does not make it another's."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower()


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
