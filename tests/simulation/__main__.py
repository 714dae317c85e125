"""``python -m tests.simulation``: let histories happen, or replay one."""

from __future__ import annotations

import sys

import click

from tests.simulation.campaign import run_campaign
from tests.simulation.simulate import run_seed
from tests.simulation.trace import Happening


@click.command()
@click.option("--seeds", default=1000, show_default=True, help="How many histories.")
@click.option("--first", default=0, show_default=True, help="Seed of the first.")
@click.option("--seed", type=int, help="Replay this one alone, and show all of it.")
def main(seeds: int, first: int, seed: int | None) -> None:
    """Let simulated histories happen; exit with status 1 when one breaks a promise."""
    kept = _replay(seed) if seed is not None else _run(range(first, first + seeds))
    sys.exit(0 if kept else 1)


def _replay(seed: int) -> bool:
    outcome = run_seed(seed)
    click.echo("\n".join(outcome.trace.lines()))
    click.echo(f"seed {seed}: {outcome.broken or 'no promise was broken'}")
    return outcome.broken is None


def _run(seeds: range) -> bool:
    with click.progressbar(length=len(seeds), label="histories", file=sys.stderr) as bar:
        report = run_campaign(seeds, bar.update)
    tally = report.tally
    for story in tally.stories:
        click.echo(story)
    click.echo(report.summary())
    for happening in Happening:
        if not tally.happenings[happening]:
            click.echo(f"never happened: {happening}")
    verdict = "PROMISES BROKEN" if tally.stories else "no promise was broken"
    click.echo(f"seeds {seeds[0]} to {seeds[-1]}: {verdict}")
    return not tally.stories


if __name__ == "__main__":
    main()
