"""``python -m bench``: run the scenarios, print the goals, write the report; or check the CPU."""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING

import click
import uvloop

from bench import report
from bench.goals import HELD, regressions, shares_table, table
from bench.scenarios import digests, instances, many_users, throughput
from bench.scenarios.monitoring import monitoring
from bench.scenarios.scale import FULL, QUICK
from bench.stage import stage

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping

    from bench.scenarios.scale import Figures, Scale
    from bench.stage import Stage

SCENARIOS: Mapping[str, Callable[[Stage, Scale], Awaitable[Figures]]] = {
    "idle": digests.idle,
    "known_users": throughput.known_users,
    "new_users": throughput.new_users,
    "digest_rate": digests.digest_rate,
    "latency": digests.latency,
    "interval": digests.interval,
    "scale_out": instances.scale_out,
    "foreign": instances.foreign,
    "joining": instances.joining,
    "large_user": many_users.large_user,
    "monitoring": monitoring,
    "memory": many_users.memory,
    "growth": many_users.growth,
}
"""In this order: what leaves the servers large comes last."""

_CHECKED = {path.partition(".")[0] for path in HELD}


async def run(scale: Scale, only: Collection[str]) -> dict[str, Figures]:
    """Run scenarios on servers of the benchmark's own; return their figures."""
    results: dict[str, Figures] = {}
    with stage() as on:
        for name, scenario in SCENARIOS.items():
            if name not in only:
                continue
            began_s = time.perf_counter()
            click.echo(f"{name} …", err=True, nl=False)
            results[name] = await scenario(on, scale)
            click.echo(f" {time.perf_counter() - began_s:.0f} s", err=True)
    return results


@click.command()
@click.option("--quick", is_flag=True, help="In about a minute.")
@click.option("--check", is_flag=True, help="Fail when CPU a message grew by a tenth.")
@click.option("--only", help="These scenarios, with commas between; print their figures.")
def main(*, quick: bool, check: bool, only: str | None) -> None:
    """Measure; print the goals beside what was measured; write docs/benchmarks."""
    scale = QUICK if quick else FULL
    if check:
        _check(uvloop.run(run(scale, _CHECKED)), quick=quick)
    elif only:
        wanted = only.split(",")
        if strange := set(wanted) - set(SCENARIOS):
            raise click.BadParameter(f"no such scenario: {', '.join(sorted(strange))}")
        results = uvloop.run(run(scale, wanted))
        click.echo(json.dumps(results, indent=1))
    else:
        results = uvloop.run(run(scale, SCENARIOS))
        click.echo(f"{table(results)}\n\n{shares_table(results)}")
        click.echo(f"written to {report.write(results, quick=quick)}", err=True)


def _check(results: Mapping[str, Figures], *, quick: bool) -> None:
    found = regressions(results, report.recorded(quick=quick))
    for line in found:
        click.echo(line)
    if found:
        sys.exit(1)
    click.echo("no message costs a tenth more CPU, of the baseline's, than when it was recorded")


if __name__ == "__main__":
    main()
