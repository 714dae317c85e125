"""HTTP_ADDRESS: what it may be."""

from __future__ import annotations

import pytest

from actors.errors import SettingsError
from ops.web.settings import HttpSettings


@pytest.mark.parametrize(
    ("address", "host", "port"),
    [
        ("127.0.0.1:8080", "127.0.0.1", 8080),
        ("0.0.0.0:0", "0.0.0.0", 0),  # noqa: S104  # what containers want
        ("[::1]:9090", "::1", 9090),
        ("localhost:80", "localhost", 80),
    ],
)
def test_an_address_is_host_and_port(address: str, host: str, port: int) -> None:
    """A number of version 6 in brackets, as in a URL."""
    settings = HttpSettings(address)
    assert (settings.wanted, settings.host, settings.port) == (True, host, port)


def test_off_means_no_server() -> None:
    """For those who run many on one computer."""
    assert not HttpSettings("off").wanted


@pytest.mark.parametrize(
    "address",
    ["", "8080", ":8080", "host", "host:", "host:x", "host:65536", "::1:80", "h:-1", "OFF"],
)
def test_what_is_no_address_is_refused_with_the_mend(address: str) -> None:
    """One line that names the setting."""
    with pytest.raises(SettingsError, match=r"^HTTP_ADDRESS: .*such as 127\.0\.0\.1:8080"):
        HttpSettings(address)
