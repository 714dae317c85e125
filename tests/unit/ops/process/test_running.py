"""Running until it is to stop: the exit status tells an orderly stop from a failure."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from actors.errors import SettingsError
from ops.process.running import run_until_stopped
from ops.process.stopping import EXIT_FAILURE, EXIT_OK, LastResort, StopRequest

if TYPE_CHECKING:
    from collections.abc import Callable


class Companions:
    """Servers of which one may have ended."""

    def __init__(self, ended: str | None = None) -> None:
        """Have ``ended`` be it."""
        self._ended = ended

    def dead(self) -> str | None:
        """See ``ops.process.running.Companions``."""
        return self._ended


class Service:
    """Does something at its start, then waits for a stop."""

    def __init__(
        self, stop: StopRequest, at_start: Callable[[], object], *, finishes: bool
    ) -> None:
        """Finish what was taken in time, or not."""
        self._stop = stop
        self._at_start = at_start
        self._finishes = finishes

    async def run(self) -> bool:
        """See ``Runnable``."""
        self._at_start()
        await self._stop.wait()
        return self._finishes


def nothing() -> None:
    """Do nothing."""


def interrupt() -> None:
    """Send this process what a supervisor sends."""
    os.kill(os.getpid(), signal.SIGTERM)


async def run(make: Callable[[StopRequest], Service], companions: Companions) -> int:
    """Run it; the last resort, which would end this process, is called off in the end."""
    last_resort = LastResort(lambda _: pytest.fail("it took a minute"))
    try:
        return await run_until_stopped(make, companions, last_resort, 60)
    finally:
        last_resort.call_off()


@pytest.mark.parametrize(("finishes", "status"), [(True, EXIT_OK), (False, EXIT_FAILURE)])
async def test_an_orderly_stop_is_no_failure_and_an_unfinished_one_is(
    *, finishes: bool, status: int
) -> None:
    """A restart finds what was left."""
    ended = await run(lambda stop: Service(stop, interrupt, finishes=finishes), Companions())
    assert ended == status


async def test_a_server_of_its_own_that_ends_ends_the_service() -> None:
    """It cannot be without."""
    ended = await run(lambda stop: Service(stop, nothing, finishes=True), Companions("mongod"))
    assert ended == EXIT_FAILURE


async def test_a_watch_that_fails_ends_the_service() -> None:
    """Nobody would notice a server of its own that has ended."""

    class Broken(Companions):
        def dead(self) -> str | None:
            raise OSError("no such process")

    ended = await run(lambda stop: Service(stop, nothing, finishes=True), Broken())
    assert ended == EXIT_FAILURE


async def test_a_failure_inside_ends_it_as_one() -> None:
    """Also where all was finished."""
    ended = await run(
        lambda stop: Service(stop, lambda: stop.escalate("crashed"), finishes=True), Companions()
    )
    assert ended == EXIT_FAILURE


async def test_a_setting_that_turns_out_wrong_is_raised() -> None:
    """A restart does not cure it."""

    def refuse() -> None:
        raise SettingsError("NATS_USER: wrong")

    with pytest.raises(SettingsError):
        await run(lambda stop: Service(stop, refuse, finishes=True), Companions())
