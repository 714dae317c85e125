"""``python -m bench.profile [events | digests | paced]``: where the service spends its time.

Over a backlog of events or of requests, or under a steady load of both.

Prints the functions that hold the interpreter most, and writes collapsed stacks.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import click
import uvloop

from bench.loads import ALARMS, bodies, one_active_alarm, requests, touches
from bench.pacing import Paced, paced
from bench.stage import settled, stage
from tests.broker import Names
from tests.load import SPAN_NS, START_NS, events

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.stage import Stage
    from bench.usage import Usage
    from tests.broker import Broker

_SHOWN = 45
_RATE = 400


async def events_of_known_users(on: Stage, broker: Broker) -> int:
    """Put a backlog of users that are stored into the stream."""
    with on.service(broker.names) as service:
        await broker.put_all(bodies(events(Random(1), 10_000, ALARMS, 100_000)))
        await settled([service], 100_000)
        service.process.terminate()
    later_ns = START_NS + SPAN_NS
    return await broker.put_all(bodies(events(Random(2), 10_000, ALARMS, 100_000, later_ns)))


async def digest_requests(on: Stage, broker: Broker) -> int:
    """Put a backlog of requests into the stream, each of a user with something to tell."""
    with on.service(broker.names) as service:
        await broker.put_all(bodies(one_active_alarm(20_000)))
        await settled([service], 20_000)
        service.process.terminate()
    return await broker.put_many(requests(broker.names, range(20_000)))


LOADS = {"events": events_of_known_users, "digests": digest_requests}
PACED = "paced"
_PACED = Paced(9_000)
_PACED_USERS = 20_000
_PACED_S = 15.0


@contextmanager
def _spying(pid: int, stacks: Path) -> Iterator[None]:
    """Sample a process for the time of a ``with`` block, at the end of which it must end."""
    spy = subprocess.Popen(  # noqa: S603  # the profiler that setup has installed
        [
            str(Path(sys.executable).parent / "py-spy"),
            *("record", "--pid", str(pid), "--rate", str(_RATE), "--threads", "--gil"),
            *("--function", "--format", "raw", "--output", str(stacks)),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    yield
    spy.wait(30)


async def profile(on: Stage, folder: Path, load: str) -> tuple[str, Path]:
    """Load the service under py-spy; return the figures and its samples as collapsed stacks."""
    stacks = folder / "stacks.txt"
    usage = await (_steadily(on, stacks) if load == PACED else _drained(on, stacks, load))
    return (
        f"{usage.per_s:,.0f} {load}/s, {usage.cpu_us():.1f} us of CPU each (under the profiler)",
        stacks,
    )


async def _drained(on: Stage, stacks: Path, load: str) -> Usage:
    async with on.broker(Names()) as broker:
        count = await LOADS[load](on, broker)
        with on.service(broker.names) as service:
            watch = on.watch(service)
            with _spying(service.pid, stacks):
                await settled([service], count)
                usage = watch.read(count)
                service.process.terminate()
    return usage


async def _steadily(on: Stage, stacks: Path) -> Usage:
    names = Names()
    async with on.broker(names) as broker, on.broker(names) as listener:
        with on.service(names) as service:
            await broker.put_all(bodies(touches(range(_PACED_USERS))))
            await settled([service], _PACED_USERS)
            with _spying(service.pid, stacks):
                watch = on.watch(service)
                sent, figures = await paced(broker, listener, _PACED, _PACED_USERS, _PACED_S)
                usage = watch.read(sent)
                service.process.terminate()
    click.echo(f"a digest after {figures['p50_ms']:.1f} ms, 99 % after {figures['p99_ms']:.1f} ms")
    return usage


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


async def run(load: str) -> None:
    """Profile and print."""
    folder = Path(tempfile.mkdtemp(prefix="alarm-digest-profile-"))
    with stage() as on:
        figures, stacks = await profile(on, folder, load)
    click.echo(table(stacks.read_text()))
    click.echo(f"\n{figures}\ncollapsed stacks, for flamegraph.pl or speedscope.app: {stacks}")


@click.command()
@click.argument("load", type=click.Choice([*LOADS, PACED]), default="events")
def main(load: str) -> None:
    """Show where the service spends its time over such a backlog, or under a steady load."""
    uvloop.run(run(load))


if __name__ == "__main__":
    main()
