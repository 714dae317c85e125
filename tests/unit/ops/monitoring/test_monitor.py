"""The monitor's tasks: none ends while probes say that all is well."""

from __future__ import annotations

import asyncio
from random import Random
from typing import TYPE_CHECKING

import pytest
from pykka import ActorRegistry

from actors.runtime.loop import LoopDispatcher
from actors.tally import CoreTally, HomeTally
from bus.bus import NatsBus
from bus.settings import BusSettings
from ops.monitoring.monitor import Monitor
from ops.process.systemd import SystemdNotifier
from ops.web.settings import HttpSettings
from store.settings import StoreSettings
from store.users.mongo import MongoCheckpointStore
from store.users.observed import ObservedCheckpointStore

if TYPE_CHECKING:
    from collections.abc import Callable


def fail() -> None:
    """Raise what nobody expects."""
    raise ZeroDivisionError


async def fail_soon() -> None:
    """Likewise, when awaited."""
    fail()


def nothing(_: object) -> None:
    """Take what nobody sends here."""


def break_pulse(monitor: Monitor, bus: NatsBus, store: ObservedCheckpointStore) -> None:
    """Have a listener of the pulse fail."""
    del bus, store
    monitor._pulse.listeners.append(fail)


def break_lag(monitor: Monitor, bus: NatsBus, store: ObservedCheckpointStore) -> None:
    """Have the look at the backlog fail."""
    del monitor, store
    bus.look_behind = fail_soon  # type: ignore[method-assign]


def break_store(monitor: Monitor, bus: NatsBus, store: ObservedCheckpointStore) -> None:
    """Have the look at the store fail."""
    del monitor, bus
    store.check_if_silent = fail_soon  # type: ignore[method-assign]


@pytest.mark.parametrize("break_it", [break_pulse, break_lag, break_store])
async def test_a_task_of_the_monitor_that_fails_ends_the_process(
    break_it: Callable[[Monitor, NatsBus, ObservedCheckpointStore], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without its look at the store, say, readiness would stay what it was, for ever."""
    monkeypatch.setattr("ops.monitoring.monitor.CHECK_AFTER_S", 0.02)
    settings, failed = BusSettings(), asyncio.Event()
    bus = NatsBus(settings, Random(0), nothing, nothing, nothing)
    mongo = MongoCheckpointStore(StoreSettings())
    store = ObservedCheckpointStore(mongo)
    monitor = Monitor(
        HttpSettings(),
        None,
        SystemdNotifier({}, 0),
        CoreTally(),
        HomeTally(),
        bus,
        store,
        1,
        lambda _: failed.set(),
    )
    dispatcher = LoopDispatcher(asyncio.get_running_loop())
    break_it(monitor, bus, store)
    monitor.watch(dispatcher, dispatcher)
    await asyncio.wait_for(failed.wait(), 10)
    await monitor.close()
    ActorRegistry.stop_all(block=False)
    dispatcher.run_until_idle()
    await mongo.close()
