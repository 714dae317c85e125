"""What answers the console about users and dead letters, once the service runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ops.inquiries.answering import Answering
from ops.web.console.letters import ConsoleLetters
from ops.web.console.users import ConsoleUsers
from store.users.browsing import UserBrowser

if TYPE_CHECKING:
    from nats.aio.client import Client

    from bus.subjects import Subjects
    from ops.users.known import KnownUsers
    from ops.web.console.members import ConsoleMembers
    from store.settings import StoreSettings

_ANSWER_BYTES_MAX = 1024 * 1024


@dataclass(frozen=True, slots=True)
class ConsoleData:
    """One for users, one for dead letters, one for the instances."""

    users: ConsoleUsers
    letters: ConsoleLetters
    members: ConsoleMembers

    def close(self) -> None:
        """Close what was opened for them."""
        self.users.close()


def open_console_data(
    known: KnownUsers,
    store_settings: StoreSettings,
    client: Client,
    subjects: Subjects,
    members: ConsoleMembers,
) -> ConsoleData:
    """Return them; they read MongoDB on connections of their own, made when first used."""
    answering = Answering(known, _ANSWER_BYTES_MAX)
    users = ConsoleUsers(answering, known, UserBrowser(store_settings))
    return ConsoleData(users, ConsoleLetters(client, subjects), members)
