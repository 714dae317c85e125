"""Asking the store again: later each time, until it answers."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from actors.checkpoints.backoff import Backoff
from actors.settings import CoreSettings
from tests.doubles import Inbox, RecordingScheduler, logged
from tests.unit.actors.router_desk import NoJitter

if TYPE_CHECKING:
    import pytest

SETTINGS = CoreSettings(retry_wait_initial_s=1.0, retry_wait_max_s=4.0)


def test_each_failure_waits_longer_until_an_answer(caplog: pytest.LogCaptureFixture) -> None:
    """Up to the most that is set; whoever watches is told each time."""
    scheduler, ref = RecordingScheduler(), Inbox().actor_ref
    backoff = Backoff(SETTINGS, scheduler, NoJitter())

    def fail() -> None:
        logger = logging.getLogger("actors.checkpointer")
        backoff.failed("away", 3, ref, "again", logger=logger, event="store.retried")

    for _ in range(4):
        fail()
    backoff.answered()
    fail()
    waits = [SETTINGS.backoff_s(attempt, 0.0) for attempt in (1, 2, 3, 4, 1)]
    assert scheduler.later == [(wait_s, "again") for wait_s in waits]
    assert waits[0] < waits[1] <= waits[3] <= SETTINGS.retry_wait_max_s
    assert logged(caplog.records, "actors.checkpointer") == [("WARNING", "store.retried")] * 5
    last = caplog.records[-1].__dict__
    assert (last["users"], last["attempt"], last["error"]) == (3, 1, "away")
