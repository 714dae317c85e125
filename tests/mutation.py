"""``python -m tests.mutation``: what came of ``mutmut run``, module by module."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import NamedTuple

import click

MUTANTS = Path("mutants")
RULES = ("actors/rules/alarms.py", "actors/rules/digest.py")
RULES_SCORE = 95.0
"""Percent of the mistakes in the rules that the tests must find."""

_SURVIVED = 0
"""Exit status of a test run that found nothing wrong with a mutant."""


class Score(NamedTuple):
    """How many mistakes in a module were found."""

    module: str
    mutants: int
    survivors: list[str]

    @property
    def found(self) -> int:
        """Mutants that made a test fail, or never end."""
        return self.mutants - len(self.survivors)

    @property
    def percent(self) -> float:
        """Those that were found, of all."""
        return 100.0 * self.found / self.mutants


def scores(folder: Path) -> list[Score]:
    """Read the results that mutmut keeps beside each module; raises ``ValueError`` unless whole."""
    found: list[Score] = []
    for meta in sorted(folder.rglob("*.py.meta")):
        results: dict[str, int | None] = json.loads(meta.read_text())["exit_code_by_key"]
        unfinished = [name for name, status in results.items() if status is None]
        if unfinished:
            raise ValueError(f"not tested yet: {unfinished}")
        survivors = [name for name, status in results.items() if status == _SURVIVED]
        if results:
            module = meta.relative_to(folder).as_posix().removesuffix(".meta")
            found.append(Score(module, len(results), survivors))
    return found


def main() -> None:
    """Print a table and the survivors' names; exit with status 1 when the rules score too low."""
    found = scores(MUTANTS)
    click.echo("| module | mutants | found | score |\n|---|---|---|---|")
    for score in found:
        row = f"| `{score.module}` | {score.mutants} | {score.found} | {score.percent:.1f} % |"
        click.echo(row)
    click.echo("\nSurvivors; `mutmut show NAME` shows one:")
    click.echo("\n".join(name for score in found for name in score.survivors))
    measured = {score.module: score.percent for score in found}
    sys.exit(0 if all(measured.get(module, 0.0) >= RULES_SCORE for module in RULES) else 1)


if __name__ == "__main__":
    main()
