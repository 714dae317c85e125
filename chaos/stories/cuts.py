"""Stories of clusters whose network is cut: all are up, and some do not reach each other."""

from __future__ import annotations

from itertools import combinations, product
from typing import TYPE_CHECKING

from chaos.stories.clusters import fault

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from chaos.cluster_stage import ClusterStage
    from tests.clusters import NatsCluster, ReplicaSet
    from tests.network import End

CUT_S = 15.0
"""Longer than an election takes, with what goes before it: the others answer meanwhile."""


def leader_cut_off(stage: ClusterStage) -> None:
    """It answers whoever is connected to it, and knows of no new message."""
    for _ in stage.times(3):
        _cut(stage, _from_others(stage.clusters.nats, _leader(stage)))


def server_cut_off(stage: ClusterStage) -> None:
    """One that the instances are connected to: it goes on alone, and answers their pings.

    They begin at the first one, and go to the second; whoever watches is at the third, or would
    not hear of what the service does either.
    """
    nats = stage.clusters.nats
    for number in stage.times(2):
        _cut(stage, _from_others(nats, number))


def server_unreachable(stage: ClusterStage) -> None:
    """From the others and from the instances, which are connected to it: all is silence."""
    nats = stage.clusters.nats
    for _ in stage.times(3):
        number = _leader(stage)
        _cut(stage, [*_from_others(nats, number), *_from_here(stage, nats.ends[number])])


def nats_in_pieces(stage: ClusterStage) -> None:
    """Each of the three is alone: there is no majority until it is over."""
    for _ in stage.times(3):
        _cut(stage, list(combinations(stage.clusters.nats.ends, 2)), answers=False)


def primary_cut_off(stage: ClusterStage) -> None:
    """The instances reach it, and what they write there no majority will have."""
    mongodb = stage.clusters.mongodb
    for _ in stage.times(3):
        _cut(stage, _from_others(mongodb, mongodb.primary()))


def primary_unreachable(stage: ClusterStage) -> None:
    """From the others and from the instances."""
    mongodb = stage.clusters.mongodb
    for _ in stage.times(3):
        number = mongodb.primary()
        _cut(stage, [*_from_others(mongodb, number), *_from_here(stage, mongodb.ends[number])])


def mongodb_in_pieces(stage: ClusterStage) -> None:
    """Each of the three is alone: there is no primary until it is over."""
    for _ in stage.times(3):
        _cut(stage, list(combinations(stage.clusters.mongodb.ends, 2)), answers=False)


def servers_lost_from_sight(stage: ClusterStage) -> None:
    """All servers are well among themselves, and the instances reach the leader and primary not."""
    nats, mongodb = stage.clusters.nats, stage.clusters.mongodb
    for _ in stage.times(3):
        leader, primary = _leader(stage), mongodb.primary()
        ends = (nats.ends[leader], mongodb.ends[primary])
        _cut(stage, _from_here(stage, *ends), answers=False)


def _leader(stage: ClusterStage) -> int:
    """Return the input stream's leader, which is not the last server: whoever watches is there.

    It would hear of nothing, and nats-py's client waits for a connection that it has lost sight of
    to take all that it has written, for as long as that is.
    """
    nats = stage.clusters.nats
    while (number := nats.leader(stage.input_stream)) == len(nats.ends) - 1:
        nats.step_down(stage.input_stream)
    return number


def _cut(stage: ClusterStage, pairs: Sequence[tuple[End, End]], *, answers: bool = True) -> None:
    """Cut these apart for a while under load; whether the servers answer meanwhile."""
    network = stage.clusters.network
    assert network is not None, "members are cut apart by root only, with iproute2"
    with fault(stage), network.cut(*pairs):
        if answers:
            stage.cured()
        stage.load_for(CUT_S)


def _from_others(cluster: NatsCluster | ReplicaSet, number: int) -> list[tuple[End, End]]:
    return list(product([cluster.ends[number]], cluster.others(number)))


def _from_here(stage: ClusterStage, *ends: End) -> list[tuple[End, End]]:
    network = stage.clusters.network
    return [] if network is None else list(product([network.here], ends))


STORIES: tuple[tuple[str, str, Callable[[ClusterStage], None]], ...] = (
    ("leader-cut-off", "the stream's leader cut off from the other two", leader_cut_off),
    ("server-cut-off", "a NATS server with connections cut off from the other two", server_cut_off),
    ("server-unreachable", "the stream's leader cut off from all", server_unreachable),
    ("nats-in-pieces", "the three NATS servers cut apart", nats_in_pieces),
    ("primary-cut-off", "the primary cut off from the secondaries", primary_cut_off),
    ("primary-unreachable", "the primary cut off from all", primary_unreachable),
    ("mongodb-in-pieces", "the three MongoDB servers cut apart", mongodb_in_pieces),
    (
        "lost-from-sight",
        "the instances cut off from the stream's leader and the primary",
        servers_lost_from_sight,
    ),
)
