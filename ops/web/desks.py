"""Desks: what answers the console about users and dead letters, once the service runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ops.dead_letters.desk import LetterDesk
from ops.inquiries.answering import Answering
from ops.instance import instance_name
from ops.users.desk import UserDesk
from ops.users.inspector import Inspector
from store.users.browsing import UserBrowser

if TYPE_CHECKING:
    from nats.aio.client import Client

    from bus.subjects import Subjects
    from ops.users.finding import StoredUsers
    from ops.users.live import LiveUsers
    from store.settings import StoreSettings

_ANSWER_BYTES_MAX = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Desks:
    """One for users, one for dead letters."""

    users: UserDesk
    letters: LetterDesk

    def close(self) -> None:
        """Close what was opened for them."""
        self.users.close()


def open_desks(
    live: LiveUsers,
    store: StoredUsers,
    store_settings: StoreSettings,
    client: Client,
    subjects: Subjects,
) -> Desks:
    """Return them; they read MongoDB on connections of their own, made when first used."""
    inspector = Inspector(live, store, instance_name())
    answering = Answering(inspector, _ANSWER_BYTES_MAX)
    users = UserDesk(answering, inspector, UserBrowser(store_settings))
    return Desks(users, LetterDesk(client, subjects))
