"""Stories of clusters: one member is away, or late; the others elect, and go on."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.clusters import standing_still

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from chaos.cluster_stage import ClusterStage
    from ops.process.child import ChildProcess

FROZEN_S = 12.0
"""Longer than an election takes: mostly the others answer meanwhile, and the service with them."""
LATE_S = 5.0
ALONE_S = 1.0
"""A primary of nobody steps down by itself after two seconds."""


def leader_killed(stage: ClusterStage) -> None:
    """The leader of the input stream."""
    for _ in stage.times(5):
        with fault(stage):
            _killed(stage, stage.leader())


def leader_paused(stage: ClusterStage) -> None:
    """Likewise; whoever is connected to it hears nothing."""
    for _ in stage.times(5):
        with fault(stage), standing_still(stage.leader(), FROZEN_S):
            stage.cured()


def leader_stepped_down(stage: ClusterStage) -> None:
    """As an operator does before maintenance."""
    for _ in stage.times(20, least=3):
        with fault(stage):
            stage.clusters.nats.step_down(stage.input_stream)
            stage.cured()


def store_removed(stage: ClusterStage) -> None:
    """A NATS server lost its disk: it comes back with nothing, and is given all by the others."""
    for number in stage.times(5):
        with fault(stage):
            nats = stage.clusters.nats
            member = nats.members[number % len(nats.members)]
            member.kill()
            nats.remove_store(number % len(nats.members))
            stage.cured()
            stage.load_for(1.0)
            member.start()
            stage.cured()


def primary_killed(stage: ClusterStage) -> None:
    """It comes back as a secondary."""
    for _ in stage.times(5):
        with fault(stage):
            _killed(stage, stage.primary())


def primary_paused(stage: ClusterStage) -> None:
    """Connected, and answering nothing; when it goes on it is primary no more."""
    for _ in stage.times(5):
        with fault(stage), standing_still(stage.primary(), FROZEN_S):
            stage.cured()


def primary_stepped_down(stage: ClusterStage) -> None:
    """As an operator does before maintenance."""
    for _ in stage.times(10, least=2):
        with fault(stage):
            stage.clusters.mongodb.step_down()
            stage.cured()


def majority_late(stage: ClusterStage) -> None:
    """Both secondaries write nothing down for a while: the primary answers no majority write."""
    for _ in stage.times(5):
        with fault(stage):
            mongodb = stage.clusters.mongodb
            primary = mongodb.primary()
            secondaries = [one for one in range(len(mongodb.members)) if one != primary]
            with mongodb.locked(*secondaries):
                stage.load_for(LATE_S)
            stage.cured()


def both_killed(stage: ClusterStage) -> None:
    """The leader of the input stream and the primary, at once."""
    for _ in stage.times(5):
        with fault(stage):
            _killed(stage, stage.leader(), stage.primary())


def primary_rolled_back(stage: ClusterStage) -> None:
    """It goes on for a moment alone, and dies; what nobody else has, it takes back later."""
    mongodb = stage.clusters.mongodb
    for _ in stage.times(5):
        with fault(stage):
            primary = mongodb.primary()
            others = [one for number, one in enumerate(mongodb.members) if number != primary]
            # Not paused: what it sends them would wait for them in their sockets.
            for other in others:
                other.kill()
            stage.load_for(ALONE_S)
            mongodb.members[primary].kill()
            for other in others:
                other.start()
            stage.cured()
            stage.load_for(0.1, 2.0)
            mongodb.members[primary].start()
            mongodb.rolled_back(primary)


def rolling_restart(stage: ClusterStage) -> None:
    """New versions of all three kinds are rolled out, member by member, under load."""
    clusters = stage.clusters
    for member in (*clusters.nats.members, *clusters.mongodb.members):
        with fault(stage):
            member.stop()
            stage.cured()
            member.start()
    for instance in range(len(stage.instances)):
        with fault(stage):
            stage.terminate(instance)
            stage.cured()
            stage.bring_back(instance)


@contextmanager
def fault(stage: ClusterStage) -> Iterator[None]:
    """Begin with all members under load, and end with them."""
    stage.load_for(0.5, 2.0)
    stage.fault()
    yield
    stage.cured()
    stage.whole()


def _killed(stage: ClusterStage, *members: ChildProcess) -> None:
    for member in members:
        member.kill()
    stage.cured()
    stage.load_for(0.1, 2.0)
    for member in members:
        member.start()


STORIES: tuple[tuple[str, str, Callable[[ClusterStage], None]], ...] = (
    ("leader-killed", "kill -9 of the input stream's leader", leader_killed),
    ("leader-paused", f"SIGSTOP of the input stream's leader, {FROZEN_S:.0f} s", leader_paused),
    ("leader-stepped-down", "the input stream's leader steps down", leader_stepped_down),
    ("store-removed", "a NATS server killed, its store removed", store_removed),
    ("primary-killed", "kill -9 of MongoDB's primary", primary_killed),
    ("primary-paused", f"SIGSTOP of MongoDB's primary, {FROZEN_S:.0f} s", primary_paused),
    ("primary-stepped-down", "MongoDB's primary steps down", primary_stepped_down),
    ("majority-late", f"both secondaries locked, {LATE_S:.0f} s", majority_late),
    (
        "primary-rolled-back",
        "the primary killed when it alone has the last writes",
        primary_rolled_back,
    ),
    ("rolling-restart", "SIGTERM of each server and instance in turn", rolling_restart),
    ("both-killed", "kill -9 of the stream's leader and the primary", both_killed),
)
