"""``python -m bench.profile``: where the service spends its time over a backlog of known users.

Prints the functions that are on the processor most, and writes a flame graph.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import click
import uvloop

from bench.scenarios import ALARMS, bodies, drained
from bench.stage import Stopwatch, stage
from tests.broker import Names
from tests.load import events

if TYPE_CHECKING:
    from bench.stage import Stage

_SHOWN = 45
_RATE = 400


async def profile(on: Stage, folder: Path, *, backlog: int, users: int) -> tuple[str, Path]:
    """Drain a backlog under py-spy; return its samples as collapsed stacks, and the figures."""
    names = Names()
    stacks = folder / "stacks.txt"
    async with on.broker(names) as broker:
        with on.service(names) as service:
            await broker.put_all(bodies(events(Random(1), users, ALARMS, backlog)))
            await drained(broker)
            service.terminate()
        await broker.put_all(bodies(events(Random(2), users, ALARMS, backlog)))
        with on.service(names) as service:
            watch = Stopwatch(service.pid)
            command = ["py-spy", "record", "--pid", str(service.pid), "--format", "raw"]
            command += ["--output", str(stacks), "--rate", str(_RATE), "--threads", "--gil", "--function"]
            with subprocess.Popen(
                [str(Path(sys.executable).parent / command[0]), *command[1:]],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            ) as spy:
                await drained(broker)
                rate = backlog / watch.wall_s()
                cpu_us = watch.cpu_us_per(backlog)
                service.terminate()
                await asyncio.to_thread(spy.wait, 30)
    return f"{rate:,.0f} events/s, {cpu_us:.1f} us of CPU an event (under the profiler)", stacks


def table(stacks: str) -> str:
    """Return the functions with most samples of their own, and each thread's share."""
    own: Counter[str] = Counter()
    threads: Counter[str] = Counter()
    for line in stacks.splitlines():
        path, _, count = line.rpartition(" ")
        frames = path.split(";")
        threads[frames[0]] += int(count)
        own[frames[-1]] += int(count)
    total = max(1, sum(own.values()))
    lines = [f"{count / total:6.1%}  {name}" for name, count in threads.most_common()]
    lines.append("")
    lines += [f"{count / total:6.1%}  {name}" for name, count in own.most_common(_SHOWN)]
    return "\n".join(lines)


async def run() -> None:
    """Profile and print."""
    folder = Path(tempfile.mkdtemp(prefix="alarm-digest-profile-"))
    with stage() as on:
        figures, stacks = await profile(on, folder, backlog=100_000, users=10_000)
    click.echo(table(stacks.read_text()))
    click.echo(f"\n{figures}\ncollapsed stacks, for flamegraph.pl or speedscope.app: {stacks}")


if __name__ == "__main__":
    uvloop.run(run())
