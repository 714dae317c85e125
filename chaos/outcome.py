"""The outcome of a scenario: what was lost or repeated, as the oracle sees it."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from actors.rules.alarms import Severity
from chaos.order import judge_order
from chaos.stage import SETTLE_TIMEOUT_S, Stage
from tests.load import differences, hear, untold

if TYPE_CHECKING:
    from chaos.load.reader import Stored
    from chaos.scenarios import Scenario
    from tests.oracle import Oracle

logger = logging.getLogger("chaos")

_SHOWN = 3
_Stage = TypeVar("_Stage", bound=Stage)


@dataclass(slots=True)
class Outcome:
    """One row of the table."""

    scenario: str
    faults: str
    fault_count: int = 0
    messages: int = 0
    lacking: int = 0
    """Alarms that a digest lacked though an event of theirs stood before its request."""
    misanswered: int = 0
    """Requests that have no digest, or two."""
    seen_twice: int = 0
    """Digests that somebody on core NATS who keeps no ids saw again."""
    longest_wait_s: float = 0.0
    """From when the stream had a request until its digest was read; outages are in it."""
    held_up_s: float = 0.0
    """The same of those that waited when the servers of a cluster answered again, from then on."""
    digests: int = 0
    active_alarms: int = 0
    lost: int = 0
    """Alarms active and news after everyone's last digest, or not stored as they should be."""
    repeated: int = 0
    """Alarms told without news, or told wrongly; each digest id counts once."""
    same_id: int = 0
    """Digests that the stream holds a second time under the same id; a reader drops them."""
    answering_median_s: float = 0.0
    answering_worst_s: float = 0.0
    answered_s: list[float] = field(default_factory=list)
    """How long each answer took, in the order of the faults."""
    caught_up_s: float = 0.0
    """Until a new request was answered too, where one stands behind a backlog; else 0."""
    peak_bytes: int = 0
    seconds: float = 0.0
    problems: list[str] = field(default_factory=list)
    """What broke a promise; empty when all were kept."""


def perform(scenario: Scenario[_Stage], stage: _Stage) -> Outcome:
    """Play the scenario, then hold what came out against the oracle."""
    outcome = Outcome(scenario.name, scenario.faults)
    began_s = time.monotonic()
    try:
        with stage.running(scenario.instances):
            scenario.play(stage)
            _finish(stage, outcome)
    except Exception as error:
        # Whatever it is that the service could not do in time, or that the play met with, nothing
        # more can be known of this scenario; the others are played all the same.
        logger.exception("play.broken")
        outcome.problems.append(f"{type(error).__name__}: {error}")
    outcome.fault_count = stage.faults
    outcome.messages = stage.field.messages
    outcome.answering_median_s, outcome.answering_worst_s = stage.answering_s()
    outcome.answered_s = [round(seconds, 3) for seconds in stage.answered_s]
    outcome.caught_up_s = stage.caught_up_s
    outcome.peak_bytes = stage.peak_bytes
    outcome.seconds = time.monotonic() - began_s
    outcome.problems += [*stage.problems, *_broken_bounds(scenario, outcome)]
    for service in stage.deployment.processes:
        if alarming := sorted(set(service.alarming()) - scenario.says):
            outcome.problems.append(f"the service logged {', '.join(alarming)}")
    return outcome


def judge(outcome: Outcome, oracle: Oracle, digests: list[Stored]) -> None:
    """Count what digests have told too often, and what they have never told."""
    by_id = {digest.digest_id: digest.body for digest in reversed(digests)}
    unique = [by_id[digest_id] for digest_id in dict.fromkeys(d.digest_id for d in digests)]
    wrong, missing = hear(oracle, unique), untold(oracle)
    outcome.digests = len(unique)
    outcome.same_id = len(digests) - len(unique)
    outcome.repeated += len(wrong)
    outcome.lost += len(missing)
    outcome.active_alarms = sum(
        oracle.current(*alarm)[1] is not Severity.CLEARED for alarm in oracle.events
    )
    for what, lines in (("repeated", wrong), ("lost", missing)):
        outcome.problems += [f"{what}: {line}" for line in lines[:_SHOWN]]


def _finish(stage: Stage, outcome: Outcome) -> None:
    """Have everything finished in order: the load, everyone's digest, the instances."""
    stage.field.end_load()
    stage.field.settle(SETTLE_TIMEOUT_S)
    stage.field.ask_for_everyone(SETTLE_TIMEOUT_S)
    stage.field.keep_log()
    for instance in range(len(stage.instances)):
        stage.terminate(instance)
    digests = stage.field.reader.digests()
    judge(outcome, stage.oracle, digests)
    order = judge_order(stage.field.logs, digests, stage.oracle.events)
    outcome.lacking = len(order.lacking)
    outcome.misanswered = len(order.unanswered) + len(order.answered_twice)
    for what, lines in order._asdict().items():
        outcome.problems += [f"{what}: {line}" for line in lines[:_SHOWN]]
    outcome.seen_twice = stage.field.subscriber.repeats
    outcome.longest_wait_s = max(stage.field.waits_s(), default=0.0)
    outcome.held_up_s = stage.field.held_up_s(stage.whole_at_s)
    stored = stage.deployment.checkpoints(stage.oracle.users())
    differing = differences(stage.oracle, stored)
    outcome.lost += len(differing)
    outcome.problems += [f"stored: {line}" for line in differing[:_SHOWN]]


def _broken_bounds(scenario: Scenario[_Stage], outcome: Outcome) -> list[str]:
    broken = []
    if outcome.answering_worst_s > scenario.answering_within_s:
        broken.append(f"answered after {outcome.answering_worst_s:.1f} s")
    if outcome.held_up_s > scenario.answering_within_s:
        broken.append(f"what waited was answered after {outcome.held_up_s:.1f} s")
    if not outcome.fault_count and outcome.seen_twice:
        broken.append(f"{outcome.seen_twice} digests were seen twice without a fault")
    most = scenario.peak_bytes_at_most
    if most is not None and outcome.peak_bytes > most:
        broken.append(f"the service took {outcome.peak_bytes / 1e6:.0f} MB")
    return broken
