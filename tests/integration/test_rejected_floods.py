"""Floods of what cannot be read: the log stays short, rejecting costs little, nothing is lost."""

from __future__ import annotations

import os
from itertools import islice
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.deployment import Deployment
    from tests.service import ServiceProcess

COUNT = 100_000
ROUNDS = 5
AT_MOST = 2.0
"""Times the processor's time of an event that is taken; 1.7 here, 5 when each went by itself."""


def event(number: int, status: str = "WARNING") -> bytes:
    """Return an event of one of a thousand users, later than all before."""
    return (
        f'{{"AlarmID":"alarm-{number % 7}","UserID":"user-{number % 1000}","Status":"{status}",'
        f'"ChangedAt":"2021-06-07T20:40:15.{number:09}Z"}}'
    ).encode()


def good() -> Iterator[bytes]:
    """Yield events that are taken."""
    return (event(number) for number in range(COUNT))


def bad() -> Iterator[bytes]:
    """Yield as many that are not: half no JSON, half with a status that there is not."""
    for number in range(COUNT // 2):
        yield b"disk %d is full" % number
        yield event(number, "critical")


def used_s(service: ServiceProcess) -> float:
    """Return the processor's time that a process has taken so far."""
    fields = Path(f"/proc/{service.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.long
async def test_a_flood_of_rejected_messages_is_cheap_and_told_in_a_few_lines(
    deployment: Deployment,
) -> None:
    """A line of the log for each, and five times the time of an event, was worse than the flood."""
    service = deployment.start()
    cost_s: list[float] = []
    began_s = monotonic()
    async with deployment.broker() as broker:
        # By turns: a busy machine makes both dearer.
        all_good, all_bad = good(), bad()
        for bodies in (all_good, all_bad) * ROUNDS:
            before_s = used_s(service)
            await broker.put_all(islice(bodies, COUNT // ROUNDS))
            await broker.settled(120, poll_s=0.2)
            cost_s.append(used_s(service) - before_s)
        lasted_s = monotonic() - began_s
        letters = await broker.dead_letters()
    assert sorted(letter.data for letter in letters) == sorted(bad())
    assert service.terminate() == 0
    lines = service.events("message.dead_lettered")
    totals = {line["kind"]: line["total"] for line in lines}
    assert totals == {"not_json": COUNT // 2, "bad_field": COUNT // 2}
    assert len(lines) <= 2 * (lasted_s + 3)
    assert {line["reason"][:20] for line in lines if line["kind"] == "bad_field"} == {
        "Status is not one of"
    }
    taken_s, rejected_s = sum(cost_s[::2]), sum(cost_s[1::2])
    assert rejected_s <= AT_MOST * taken_s, f"{taken_s:.2f} s taken, {rejected_s:.2f} s rejected"
