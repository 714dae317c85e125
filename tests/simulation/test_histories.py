"""Some hundred histories in every run of the suite, and that they prove something."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.simulation.campaign import Tally, tally_of
from tests.simulation.simulate import run_seed
from tests.simulation.trace import Happening

SEEDS = range(600)
ROOT = Path(__file__).parents[2]
LOGGED_NEVER = {
    "actor.crashed",  # a service actor's end, which no history survives
    "actor.interrupted",  # Ctrl-C on an actor's thread
    "answer.malformed",  # of a server; the twin's are well formed
    "home.outdated",  # of one version's instances none is
    "home.read_again",  # MongoDB's validator was missing; the twin has none to lose
    "message.dead_lettered",  # the log of dead letters is not part of a world; its counts are
    "message.deadly",  # no message of the simulation ends its process
    "recovery.newer_version",  # as home.outdated
}


# One process lives through the histories, for all tests of them.
pytestmark = [pytest.mark.long, pytest.mark.xdist_group("histories")]


@pytest.fixture(scope="module")
def tally() -> Tally:
    """Return what happened in these histories."""
    return tally_of(SEEDS)


def test_no_history_breaks_a_promise(tally: Tally) -> None:
    """``make simulate`` lets many more happen; ``make simulate SEED=n`` replays a broken one."""
    assert not tally.stories, tally.stories[0]
    assert tally.seeds == len(SEEDS)


def test_everything_that_can_go_wrong_does(tally: Tally) -> None:
    """A simulation that never injects a fault proves nothing."""
    assert set(Happening) - set(tally.happenings) == set()


def test_the_actors_log_all_that_they_can(tally: Tally) -> None:
    """Each of their events stands for a path through them: conflicts, retries, crashes, ....

    So do those of what reads the log and sends what comes of it.
    """
    inbound = ROOT / "bus" / "inbound"
    paths = [
        *(ROOT / "actors").rglob("*.py"),
        *inbound.glob("log_*.py"),
        *(inbound / "careful").glob("*.py"),
        inbound / "intake.py",
        *(ROOT / "bus" / "outbound").glob("*.py"),
    ]
    code = "".join(path.read_text() for path in paths)
    events = set(re.findall(r"(?:logger\.\w+\(\s*|event=)\"([a-z_.]+)\"", code))
    assert len(events) > len(LOGGED_NEVER)
    assert events - LOGGED_NEVER == set(tally.logged)


def test_a_seed_gives_the_same_history_again() -> None:
    """To the last line of the trace, so that a failure can be replayed."""
    lines = run_seed(7).trace.lines()
    assert run_seed(7).trace.lines() == lines
    assert run_seed(8).trace.lines() != lines


@pytest.mark.parametrize("hash_seed", ["1", "2"])
def test_a_replay_in_another_interpreter_shows_the_same_history(hash_seed: str) -> None:
    """Though sets are ordered otherwise there."""
    command = [sys.executable, "-m", "tests.simulation", "--seed", "7"]
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    replay = subprocess.run(
        command, check=True, capture_output=True, text=True, cwd=ROOT, env=environment
    )
    *lines, verdict = replay.stdout.splitlines()
    assert lines == run_seed(7).trace.lines()
    assert verdict == "seed 7: no promise was broken"
