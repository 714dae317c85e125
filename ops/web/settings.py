"""Settings of the HTTP server, checked at construction."""

from __future__ import annotations

from dataclasses import dataclass

from actors.settings import require, setting

DEFAULT_ADDRESS = "127.0.0.1:8080"
OFF = "off"


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """Where probes and metrics are served."""

    address: str = setting(
        "HTTP_ADDRESS",
        DEFAULT_ADDRESS,
        "host:port of /livez, /readyz and /metrics; off for none",
    )

    def __post_init__(self) -> None:
        """Raise ``SettingsError`` for what is not host:port."""
        if self.address == OFF:
            return
        host, separator, port = self.address.rpartition(":")
        usable = bool(host) and bool(separator) and port.isascii() and port.isdigit()
        bracketed = host.startswith("[") and host.endswith("]")
        require(
            usable and int(port) < 65536 and (bracketed or ":" not in host),
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
        return self.address.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        """The port to listen at; 0 for any that is free."""
        return int(self.address.rpartition(":")[2])
