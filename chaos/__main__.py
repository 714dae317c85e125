"""``python -m chaos``: play the scenarios, print the table, write the report of full plays."""

from __future__ import annotations

import logging
import shutil
import signal
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console

from chaos import report
from chaos.cluster_scenarios import CLUSTER_SCENARIOS, NAMES
from chaos.cluster_stage import ClusterStage
from chaos.outcome import Outcome, perform
from chaos.scenarios import SCENARIOS
from chaos.stage import Stage
from tests.clusters import Clusters

if TYPE_CHECKING:
    from chaos.scenarios import Scenario


def play(scenario: Scenario[Stage], folder: Path, console: Console, *, quick: bool) -> Outcome:
    """Play one scenario with its files in ``folder``, and show how far it is."""
    with console.status(scenario.name) as status:
        stage = Stage(
            folder,
            scenario.settings,
            proxied=scenario.proxied,
            quick=quick,
            rate=scenario.rate,
            progress=lambda text: status.update(f"{scenario.name}: {text}"),
        )
        return perform(scenario, stage)


def play_on_clusters(
    scenario: Scenario[ClusterStage], folder: Path, console: Console, *, quick: bool
) -> Outcome:
    """Play one on clusters of its own, likewise."""
    with console.status(scenario.name) as status, Clusters.running(folder) as clusters:
        stage = ClusterStage(
            folder,
            clusters,
            scenario.settings,
            quick=quick,
            rate=scenario.rate,
            progress=lambda text: status.update(f"{scenario.name}: {text}"),
        )
        return perform(scenario, stage)


@click.command()
@click.option("--only", multiple=True, type=click.Choice(NAMES), help="Play this one; repeatable.")
@click.option("--quick", is_flag=True, help="A tenth of the faults; not recorded.")
def main(only: tuple[str, ...], *, quick: bool) -> None:
    """Break the service, its servers and their connections under load.

    Exit status 0 when every promise was kept, else 1; then the folder with all logs is kept.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that children are ended
    logging.getLogger("nats").setLevel(logging.CRITICAL)  # an outage is what is wanted here
    console = Console(stderr=True)
    root = Path(tempfile.mkdtemp(prefix="alarm-digest-chaos-"))
    outcomes: list[Outcome] = []
    plays = [
        *((one.name, partial(play, one)) for one in SCENARIOS),
        *((one.name, partial(play_on_clusters, one)) for one in CLUSTER_SCENARIOS),
    ]
    for name, played in plays:
        if only and name not in only:
            continue
        folder = root / name
        folder.mkdir()
        played_with = report.versions()
        try:
            outcome = played(folder, console, quick=quick)
        except Exception as error:
            # Its servers did not start, say; the others are played all the same.
            logging.getLogger("chaos").exception("play.broken")
            outcome = Outcome(name, name, problems=[f"{type(error).__name__}: {error}"])
        outcomes.append(outcome)
        click.echo(
            f"{name}: {'broken' if outcome.problems else 'kept'}, "
            f"{outcome.fault_count} faults, {outcome.messages:,} messages, "
            f"{outcome.seconds:.0f} s",
            err=True,
        )
        if outcome.answered_s:
            click.echo(f"  {report.spread(outcome.answered_s)}", err=True)
        for problem in outcome.problems:
            click.echo(f"  {problem}", err=True)
        if not quick:
            report.record(outcome, played_with)
        if not outcome.problems:
            shutil.rmtree(folder, ignore_errors=True)
    click.echo(report.table(outcomes))
    if not quick:
        click.echo(f"written to {report.FILE} and {report.DOCUMENT}", err=True)
    if any(outcome.problems for outcome in outcomes):
        click.echo(f"the logs are in {root}", err=True)
        sys.exit(1)
    shutil.rmtree(root, ignore_errors=True)


if __name__ == "__main__":
    main()
