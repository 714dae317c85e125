"""``python -m tests.fuzz [COUNT] [SEED]``: judge so many bodies and show what came of them."""

from __future__ import annotations

import sys
import time

import click

from tests.fuzz.judging import APPLIED, EVENTS, REQUESTS, survey


def main(arguments: list[str]) -> None:
    """Judge three events for each request; ends with the first body that is judged wrongly."""
    count, number = (int(argument) for argument in [*arguments, "100000", "1"][:2])
    started_s = time.monotonic()
    total = 0
    for subject, share in ((EVENTS, count - count // 4), (REQUESTS, count // 4)):
        outcomes, distinct = survey(subject, share, number)
        total += outcomes.total()
        click.echo(f"{subject.name}: {outcomes.total()} bodies, {distinct} of them different")
        for outcome, times in outcomes.most_common():
            said = outcome if outcome == APPLIED else f"rejected: {outcome} …"
            click.echo(f"  {times:>7} {said}")
    click.echo(f"{total} bodies read as the contract says, in {time.monotonic() - started_s:.0f} s")


if __name__ == "__main__":
    main(sys.argv[1:])
