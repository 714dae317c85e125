"""Stories that one instance can tell; some of them several tell as well."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chaos.stories.pauses import PAUSE_S
from tests.servers import paused

if TYPE_CHECKING:
    from chaos.stage import Stage
    from tests.proxy import FaultProxy
    from tests.servers import Server


def service_killed(stage: Stage) -> None:
    """A supervisor starts it again, a moment later."""
    for _ in stage.times(20):
        stage.load_for(0.5, 2.0)
        stage.kill(0)
        stage.load_for(0.1, 1.0)
        stage.restart(0)
        stage.cured()


def mongodb_killed(stage: Stage) -> None:
    """It comes back over its journal."""
    _killed(stage, stage.mongodb)


def nats_killed(stage: Stage) -> None:
    """It comes back with what its streams had on disk."""
    _killed(stage, stage.nats)


def _killed(stage: Stage, server: Server) -> None:
    for _ in stage.times(10):
        stage.load_for(0.5, 2.0)
        stage.fault()
        server.child.kill()
        stage.load_for(0.1, 4.0)
        server.child.start()
        stage.cured()


def nats_killed_often(stage: Stage) -> None:
    """Whatever a kill may hit, sooner or later one does: a write half done, an answer on its way.

    A service once hung for good after 24: the task that writes to NATS had ended.
    """
    for _ in stage.times(300):
        stage.load_for(0.2, 1.0)
        stage.fault()
        stage.nats.child.kill()
        stage.load_for(0.0, 0.5)
        stage.nats.child.start()
        stage.cured()


def service_paused(stage: Stage) -> None:
    """Nobody is there to take over; it finds that it is still at home."""
    for _ in stage.times(5):
        stage.load_for(0.5, 2.0)
        with stage.paused(0):
            stage.load_for(PAUSE_S)
        stage.cured()


def mongodb_paused(stage: Stage) -> None:
    """Connected, and answering nothing."""
    _paused(stage, stage.mongodb)


def nats_paused(stage: Stage) -> None:
    """Likewise."""
    _paused(stage, stage.nats)


def _paused(stage: Stage, server: Server) -> None:
    for _ in stage.times(5):
        stage.load_for(0.5, 2.0)
        stage.fault()
        with paused(server):
            stage.load_for(PAUSE_S)
        stage.cured()


def tail_lost(stage: Stage) -> None:
    """Its sequences are handed out again, to other events and requests."""
    for _ in stage.times(5):
        stage.load_for(0.5, 2.0)
        stage.lose_tail(2.0)
        stage.cured()


def mongodb_away(stage: Stage) -> None:
    """The window fills, then everything waits in the stream."""
    stage.load_for(3.0)
    stage.fault()
    stage.mongodb.child.kill()
    stage.load_for(6.0 if stage.quick else 120.0)
    stage.mongodb.child.start()
    stage.cured_behind_a_backlog()


def consumers_deleted(stage: Stage) -> None:
    """Every second, by a script that tidies up."""
    for _ in stage.times(20, least=5):
        stage.load_for(1.0)
        stage.fault()
        stage.field.delete_consumers()
        stage.cured()


def input_stream_deleted(stage: Stage) -> None:
    """While nothing is in it that was not read. Producers go on."""
    for _ in stage.times(5):
        stage.load_for(0.5, 2.0)
        stage.quieten()
        stage.field.keep_log()
        stage.fault()
        stage.field.delete_stream(stage.deployment.names.input_stream)
        stage.resume()
        stage.cured()


def digest_stream_deleted(stage: Stage) -> None:
    """When all digests in it are read, for the same reason; then digests are asked for."""
    for _ in stage.times(5):
        stage.load_for(0.5, 2.0)
        stage.quieten()
        stage.fault()
        stage.field.delete_stream(stage.deployment.names.digest_stream)
        stage.resume()
        stage.cured()


def connections_cut(stage: Stage) -> None:
    """To both servers, and for a while no new one is to be had."""
    proxies = (stage.nats_proxy, stage.mongodb_proxy)
    for _ in stage.times(20):
        stage.load_for(0.5, 2.0)
        stage.fault()
        cut = stage.random.choice([proxies[:1], proxies[1:], proxies])
        for proxy in cut:
            stage.field.tell(lambda proxy=proxy: _refuse(proxy))  # type: ignore[misc]
        stage.load_for(0.0, 3.0)
        for proxy in cut:
            proxy.refusing = False
        stage.cured()


def connections_stalled(stage: Stage) -> None:
    """Open, and nothing comes through; then all that was kept back comes at once."""
    for number in stage.times(6, least=2):
        stage.load_for(0.5, 2.0)
        stage.fault()
        proxy = (stage.nats_proxy, stage.mongodb_proxy)[number % 2]
        stage.field.tell(proxy.stall)
        stage.load_for(PAUSE_S)
        stage.field.tell(proxy.flow)
        stage.cured()


def connections_slow(stage: Stage) -> None:
    """A tenth of a second away, by a thin line; it answers meanwhile too."""
    for number in stage.times(4, least=2):
        proxy = (stage.nats_proxy, stage.mongodb_proxy)[number % 2]
        stage.load_for(0.5, 2.0)
        stage.fault()
        proxy.latency_s, proxy.bytes_per_s = 0.05, 500_000.0
        stage.load_for(PAUSE_S)
        proxy.latency_s, proxy.bytes_per_s = 0.0, 0.0
        stage.cured()


def everything_at_once(stage: Stage) -> None:
    """Two or three of service, MongoDB and NATS are killed together, and come back in any order."""
    servers = (stage.nats, stage.mongodb)
    for _ in stage.times(10):
        stage.load_for(0.5, 2.0)
        hit = stage.random.sample(["service", "nats", "mongodb"], stage.random.choice([2, 3]))
        if "service" in hit:
            stage.kill(0)
        else:
            stage.fault()
        struck = [server for server in servers if server.child.name.removesuffix("-server") in hit]
        for server in struck:
            server.child.kill()
        stage.load_for(0.0, 2.0)
        for server in stage.random.sample(struck, len(struck)):
            server.child.start()
        if "service" in hit:
            stage.restart(0)
        stage.cured()


def _refuse(proxy: FaultProxy) -> None:
    proxy.refusing = True
    proxy.cut()
