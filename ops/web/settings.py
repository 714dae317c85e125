"""Settings of the HTTP server, checked at construction."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from typing import NamedTuple

from actors.settings import require, setting

DEFAULT_ADDRESS = "127.0.0.1:8080"
OFF = "off"
TOKEN_CHARS_MIN = 16
"""A token that is shorter can be guessed by asking often."""


class Address(NamedTuple):
    """Where a server listens."""

    host: str
    """A name or a number, the latter without brackets."""
    port: int


_NOWHERE = Address("", 0)


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """Where probes, metrics and the console are served, and to whom."""

    address: str = setting(
        "HTTP_ADDRESS",
        DEFAULT_ADDRESS,
        "host:port of the console, /livez, /readyz and /metrics; port 0 for any that is free; off "
        "for none",
    )
    hosts: tuple[str, ...] = setting(
        "HTTP_HOSTS",
        (),
        "names under which the console may be opened beside localhost and addresses, "
        "comma-separated",
    )
    operator_token: str | None = setting(
        "OPERATOR_TOKEN",
        None,
        "what operators prove themselves with in the console; without one it only reads, and "
        "shows users on loopback only",
        secret=True,
    )

    def __post_init__(self) -> None:
        """Raise ``SettingsError`` for a value that cannot work; never with the token in it."""
        token = self.operator_token
        require(
            token is None or (len(token) >= TOKEN_CHARS_MIN and _is_one_word(token)),
            "OPERATOR_TOKEN",
            f"is not {TOKEN_CHARS_MIN} or more ASCII characters without spaces, such as "
            "`openssl rand -hex 16` prints",
        )
        for name in self.hosts:
            require(
                _is_one_word(name) and not set(name) & set("/:*@"),
                "HTTP_HOSTS",
                f"{name!r} is not the name of a host, without scheme and port",
            )
        require(
            self.address == OFF or parse_address(self.address) is not None,
            "HTTP_ADDRESS",
            f"{self.address!r} is not host:port, such as {DEFAULT_ADDRESS} or [::1]:8080, nor off",
        )

    @property
    def wanted(self) -> bool:
        """Whether anything is served."""
        return self.address != OFF

    @property
    def host(self) -> str:
        """The name or number to listen at."""
        return self._parsed.host

    @property
    def port(self) -> int:
        """The port to listen at; 0 for any that is free."""
        return self._parsed.port

    @property
    def _parsed(self) -> Address:
        return parse_address(self.address) or _NOWHERE

    @property
    def loopback(self) -> bool:
        """Whether only this computer can come."""
        return is_loopback(self.host)


def parse_address(text: str) -> Address | None:
    """Return what ``host:port`` means; None where it is none. IPv6 addresses stand in brackets."""
    host, separator, port = text.rpartition(":")
    if not (host and separator and port.isascii() and port.isdigit() and int(port) < 65536):
        return None
    bracketed = host.startswith("[") and host.endswith("]")
    if not bracketed and ":" in host:
        return None
    return Address(host.strip("[]"), int(port))


def is_loopback(host: str) -> bool:
    """Whether a host's name or address means this computer and no other."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _is_one_word(text: str) -> bool:
    return bool(text) and text.isascii() and text.isprintable() and " " not in text
