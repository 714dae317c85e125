"""``python -m bench [full | quick]``: run the scenarios, print the goals, write the report."""

from __future__ import annotations

import time

import click
import uvloop

from bench import report, scenarios
from bench.monitoring import monitoring
from bench.stage import stage


async def run(*, quick: bool) -> dict[str, scenarios.Figures]:
    """Run every scenario on servers of the benchmark's own; return the figures."""
    scale = scenarios.QUICK if quick else scenarios.FULL
    results: dict[str, scenarios.Figures] = {}
    with stage() as on:
        for scenario in (
            scenarios.known_users,
            scenarios.new_users,
            scenarios.digest_rate,
            scenarios.digest_latency,
            scenarios.memory,
            scenarios.large_user,
            monitoring,
        ):
            began_s = time.perf_counter()
            click.echo(f"{scenario.__name__} …", err=True, nl=False)
            results[scenario.__name__] = await scenario(on, scale)
            click.echo(f" {time.perf_counter() - began_s:.0f} s", err=True)
        hot = await scenarios.digest_latency(on, scale, hot=True)
        results["digest_latency_hot"] = hot
        calm = results["digest_latency"]
        results["fairness"] = {"p99_ratio": hot["p99_ms"] / calm["p99_ms"]}
    return results


@click.command()
@click.argument("size", type=click.Choice(["full", "quick"]), default="full")
def main(size: str) -> None:
    """Measure; print the goals beside what was measured; write docs/benchmarks."""
    quick = size == "quick"
    results = uvloop.run(run(quick=quick))
    click.echo(report.table(results))
    click.echo(f"written to {report.write(results, quick=quick)}", err=True)


if __name__ == "__main__":
    main()
