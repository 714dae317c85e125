"""Serving with servers of its own: which are started, and what is said of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest

from bus.settings import BusSettings
from ops.cli.command_line import Parsed
from ops.cli.serving import start_embedded
from ops.settings import Settings
from ops.web.settings import HttpSettings

if TYPE_CHECKING:
    from ops.process.embedded import EmbeddedServers


class Servers:
    """Starts nothing, and says where it would be."""

    def start_mongodb(self, binary: str | None) -> str:
        """See ``EmbeddedServers``."""
        del binary
        return "mongodb://127.0.0.1:1"

    def start_nats(self, binary: str | None) -> str:
        """See ``EmbeddedServers``."""
        del binary
        return "nats://127.0.0.1:2"


def started(settings: Settings, *given: str) -> Settings:
    """Start what is not given; return the settings that use it."""
    servers = cast("EmbeddedServers", Servers())
    return start_embedded(Parsed(settings, frozenset(given)), servers)


def test_both_are_started_and_used_and_how_to_try_them_is_shown(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """As lines to copy."""
    settings = started(Settings())
    assert settings.store.uri == "mongodb://127.0.0.1:1"
    assert settings.bus.urls == ("nats://127.0.0.1:2",)
    printed = capsys.readouterr().out
    assert "export NATS_URL=nats://127.0.0.1:2\n" in printed
    assert '"AlarmID": "{{ID}}"' in printed
    assert "http://127.0.0.1:8080/" in printed


@pytest.mark.parametrize("name", ["NATS_URL", "MONGODB_URI"])
def test_a_server_that_is_given_is_used_and_said_to_be(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """It may have been set in this terminal for something else, and forgotten."""
    known = Settings()
    settings = started(known, name)
    kept = settings.bus == known.bus if name == "NATS_URL" else settings.store == known.store
    assert kept
    printed = capsys.readouterr().out
    assert f"{name} is set: that server is used, none is started" in printed
    assert ("export NATS_URL" in printed) is (name != "NATS_URL")


@pytest.mark.parametrize("address", ["off", "127.0.0.1:0"])
def test_an_address_that_nobody_could_open_is_not_shown(
    address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With port 0 it is not known yet."""
    started(Settings(bus=BusSettings(), http=HttpSettings(address)))
    assert "Console" not in capsys.readouterr().out
