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


@pytest.mark.parametrize(
    "token", ["", "short", "0123456789abcde", "with a space in it", "ünïcode-token-16"]
)
def test_a_token_that_is_no_good_is_refused_and_not_told(token: str) -> None:
    """It could be guessed, or not be sent in a header."""
    with pytest.raises(SettingsError, match=r"^OPERATOR_TOKEN: .*openssl") as refused:
        HttpSettings(operator_token=token)
    assert not token or token not in str(refused.value)


def test_the_token_is_not_shown() -> None:
    """Settings end up in tracebacks and logs."""
    settings = HttpSettings(operator_token="0123456789abcdef")
    assert "0123456789abcdef" not in repr(settings)


@pytest.mark.parametrize("name", ["", "http://console.test", "console.test:8080", "a b", "*"])
def test_a_host_is_a_name_alone(name: str) -> None:
    """Ports are not compared, and no pattern lets everybody in."""
    with pytest.raises(SettingsError, match=r"^HTTP_HOSTS: "):
        HttpSettings(hosts=(name,))


@pytest.mark.parametrize(
    ("address", "loopback"),
    [
        ("127.0.0.1:8080", True),
        ("127.9.9.9:8080", True),
        ("[::1]:8080", True),
        ("localhost:8080", True),
        ("0.0.0.0:8080", False),  # what containers want
        ("[::]:8080", False),
        ("10.0.0.1:8080", False),
        ("localhost.test:8080", False),
    ],
)
def test_it_is_known_who_can_come(address: str, loopback: bool) -> None:
    """Users are shown freely on loopback only."""
    assert HttpSettings(address).loopback is loopback
