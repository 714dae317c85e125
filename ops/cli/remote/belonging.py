"""Noticing that the service that is asked and the MongoDB that is read are two deployments."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.errors import StoreUnavailableError
from ops.cli.connection import with_client
from ops.cli.failures import CommandError
from ops.cli.terminal import say
from ops.homes.belonging import MEND, stranger_than
from ops.inquiries.asking import ask_for_figures
from store.homes.browsing import HomeBrowser

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nats.aio.client import Client

    from actors.rules.partitions import InstanceID
    from ops.homes.members import MemberFigures
    from ops.settings import Settings


def read_figures(settings: Settings) -> Mapping[InstanceID, MemberFigures]:
    """Return what each instance that answers says of itself; raises ``CommandError``."""

    async def ask(client: Client) -> dict[InstanceID, MemberFigures]:
        return await ask_for_figures(client, settings.bus.queue_group)

    return with_client(settings.bus, ask)


def say_if_strangers(settings: Settings) -> None:
    """Say that a command mixes two deployments, if it does; a server that is away is its affair."""
    try:
        figures = read_figures(settings)
        if not figures:
            return
        with HomeBrowser(settings.store) as browser:
            found = stranger_than(figures, browser.look().view.instances)
    except (CommandError, StoreUnavailableError):
        return
    if found is not None:
        say(f"{found}; {MEND}")
