"""How the log stands, as the doctor reads it."""

from __future__ import annotations

import pytest

from bus.settings import BusSettings
from ops.doctor.homes import LogFacts
from ops.doctor.log import read_log
from tests.unit.ops.cli.log.test_rewind import CREATED, Server


@pytest.mark.parametrize(
    ("server", "facts"),
    [
        (Server(3, 9), LogFacts("INPUT", CREATED, 3, 9, 3.0, 0.0)),
        (Server(10, 9), LogFacts("INPUT", CREATED, 10, 9, None, 0.0)),
        (Server(3, 9, gone=(3,)), LogFacts("INPUT", CREATED, 3, 9, None, 0.0)),
    ],
)
async def test_the_log_is_read_with_the_time_of_its_first_message(
    server: Server, facts: LogFacts
) -> None:
    """An empty one has none."""
    assert await read_log(server.client, BusSettings()) == facts
