"""Which deployment a command speaks to: by its addresses, without the secrets in them."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

from ops.cli.terminal import say

if TYPE_CHECKING:
    from bus.settings import BusSettings
    from ops.cli.command_line import Parsed
    from ops.settings import Settings
    from store.settings import StoreSettings

_END_OF_HOSTS = re.compile(r"[/?#]")
_NATS_ONLY = frozenset({"send", "watch", "dead-letters"})
"""Commands that read no MongoDB."""
_SERVERS_OF_ITS_OWN = frozenset({"demo"})


def without_secrets(url: str) -> str:
    """Return a URL's scheme and hosts; the hosts too are left out where they cannot be told."""
    scheme, _, rest = url.partition("://")
    hosts, *others = _END_OF_HOSTS.split(rest)
    if "@" in hosts:
        hosts = hosts.rpartition("@")[2]
    elif any("@" in other for other in others):
        # A password with a bare slash, perhaps.
        hosts = "…"
    return f"{scheme}://{hosts}"


def nats_of(settings: BusSettings) -> str:
    """Return where NATS is."""
    return ", ".join(map(without_secrets, settings.urls))


def mongodb_of(settings: StoreSettings) -> str:
    """Return where MongoDB is, and which of its databases is meant."""
    return f"database {settings.database} at {without_secrets(settings.uri)}"


def deployment_of(settings: Settings, stream: str | None) -> str:
    """Return in words what a command is about to change; ``stream`` is the log, where known."""
    log = "NATS" if stream is None else f"stream {stream}"
    return f"{mongodb_of(settings.store)}, {log} at {nats_of(settings.bus)}"


def say_if_by_default(parsed: Parsed[Settings], command: str) -> None:
    """Tell whoever sits at a terminal which servers are meant because nobody has said which.

    There is always one at the usual ports: perhaps not the one that was meant.
    """
    if command in _SERVERS_OF_ITS_OWN or not sys.stderr.isatty():
        return
    settings = parsed.settings
    meant: list[str] = []
    if "NATS_URL" not in parsed.given:
        meant.append(f"NATS at {nats_of(settings.bus)} (NATS_URL)")
    if "MONGODB_URI" not in parsed.given and command not in _NATS_ONLY:
        meant.append(f"{mongodb_of(settings.store)} (MONGODB_URI)")
    if meant:
        say(f"by default: {', '.join(meant)}")
