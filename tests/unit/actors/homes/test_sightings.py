"""What the log says of other instances, once each time."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from actors.homes.sightings import say_what_changed
from actors.rules.partitions import Instance, InstanceID
from actors.rules.watching import NOTHING_SEEN, Watch, observe
from tests.doubles import logged

if TYPE_CHECKING:
    import pytest

LEASE_S = 4.0
ME, OTHER = InstanceID("me"), InstanceID("other")


def instance(name: InstanceID, beat: int, *, leaving: bool = False) -> Instance:
    """Return an instance as it describes itself."""
    return Instance(
        name,
        name,
        beat,
        leaving=leaving,
        reading=True,
        schema=1,
        address=None,
        version="1",
        started_at_s=0,
    )


def test_an_instance_that_comes_goes_and_dies_is_spoken_of_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """And nobody speaks of itself."""
    caplog.set_level(logging.INFO, "actors.home")
    watch: Watch = NOTHING_SEEN
    said: list[list[str]] = []
    looks: list[list[Instance]] = [
        [instance(OTHER, 1)],
        [instance(OTHER, 2)],
        [instance(OTHER, 3)],
        [instance(OTHER, 4, leaving=True)],
        [instance(OTHER, 5, leaving=True)],
        [],
        *([instance(OTHER, 1)] for _ in range(int(LEASE_S) + 2)),
    ]
    for second, others in enumerate(looks):
        before = watch
        watch = observe(before, [instance(ME, second), *others], LEASE_S, second, second)
        caplog.clear()
        say_what_changed(before, watch, ME, LEASE_S)
        said.append([event for _, event in logged(caplog.records, "actors.home")])
    assert said == [
        [],
        ["instance.joined"],
        [],
        ["instance.leaving"],
        [],
        ["instance.left"],
        *([] for _ in range(int(LEASE_S))),
        ["instance.dead"],
        [],
    ]
