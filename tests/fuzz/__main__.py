"""``python -m tests.fuzz [COUNT] [SEED]``: judge so many bodies and show what came of them."""

from __future__ import annotations

import time

import click

from tests.fuzz.judging import APPLIED, EVENTS, REQUESTS, survey


@click.command()
@click.argument("count", type=click.IntRange(min=4), default=100_000)
@click.argument("seed", type=int, default=1)
def main(count: int, seed: int) -> None:
    """Judge COUNT bodies, three events for each request; end with the first judged wrongly."""
    started_s = time.monotonic()
    total = 0
    for subject, share in ((EVENTS, count - count // 4), (REQUESTS, count // 4)):
        outcomes, distinct = survey(subject, share, seed)
        total += outcomes.total()
        click.echo(f"{subject.name}: {outcomes.total()} bodies, {distinct} of them different")
        for outcome, times in outcomes.most_common():
            said = outcome if outcome == APPLIED else f"rejected: {outcome} …"
            click.echo(f"  {times:>7} {said}")
    click.echo(f"{total} bodies read as the contract says, in {time.monotonic() - started_s:.0f} s")


if __name__ == "__main__":
    main()
