"""Actors at work on a thread of their own, between twins, for what blocks until they answer."""

from __future__ import annotations

import itertools
from contextlib import contextmanager
from random import Random
from typing import TYPE_CHECKING, Any

from pykka import ActorRegistry

from actors.messages.inputs import AlarmStatusChanged, Delivery
from actors.messages.router import CountLiveUsers, RouteDeliveries
from actors.ports import DeliveryToken
from actors.rules.alarms import AlarmID, Severity, UserID
from actors.rules.digest import DigestID
from actors.runtime.simulated import ManualClock
from actors.settings import CoreSettings
from actors.system import Dispatchers, Ports, start_actors
from store.users.memory import PromptStore
from tests.doubles import FaultyStore, RecordingAcknowledger
from tests.patience import PATIENCE_S
from tests.unit.actors.loop_thread import loop_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from actors.errors import PublishFailedError
    from actors.rules.digest import Digest
    from actors.runtime.loop import LoopDispatcher


class Published:
    """A publisher that is always done at once."""

    def publish(
        self, digests: Sequence[Digest], settled: Callable[[PublishFailedError | None], None]
    ) -> None:
        """See ``DigestPublisher``."""
        del digests
        settled(None)


class Running:
    """The actors, and the store that they save to once an hour."""

    def __init__(self, router: Any, store: FaultyStore) -> None:
        """HandleDeliveries to ``router``."""
        self.router = router
        self.store = store
        self._tokens = itertools.count(1)

    def event(self, user: str, alarm: str = "a", severity: Severity = Severity.WARNING) -> None:
        """Have an event arrive, and the actors come to rest."""
        body = AlarmStatusChanged(UserID(user), AlarmID(alarm), severity, 5)
        self.router.tell(RouteDeliveries((Delivery(DeliveryToken(next(self._tokens)), body),)))
        for _ in range(5):  # router, user, recovery, user: each answer is behind that work
            self.router.ask(CountLiveUsers(), timeout=10)


@contextmanager
def running() -> Iterator[Running]:
    """Start the actors for the time of a ``with``."""
    store = FaultyStore()
    others = ActorRegistry.get_all()
    with loop_thread() as dispatcher:
        ports = Ports(
            PromptStore(store),
            Published(),
            RecordingAcknowledger(),
            ManualClock(),
            Random(0),
            lambda: DigestID("d"),
        )
        # Saved so late that what is shown can only come from memory.
        settings = CoreSettings(checkpoint_interval_s=3600, idle_timeout_s=7200)
        router = start_actors(_all_on(dispatcher), ports, settings, _fail).router
        try:
            yield Running(router, store)
        finally:
            # Not those that a test before has left: their loop is gone, and they would never end.
            for ref in ActorRegistry.get_all():
                if ref not in others:
                    ref.stop(timeout=PATIENCE_S)


def _all_on(one: LoopDispatcher) -> Dispatchers:
    return Dispatchers(one, one, one, one.begin)


def _fail(reason: str) -> None:
    raise AssertionError(reason)
