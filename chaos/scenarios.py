"""The scenarios: which story, of how many instances, under which load and within which bounds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

from chaos.stage import Stage
from chaos.stories import memory, one, several
from chaos.stories.pauses import PAUSE_S

if TYPE_CHECKING:
    from collections.abc import Callable

_Stage = TypeVar("_Stage", bound=Stage)


@dataclass(frozen=True, slots=True)
class Scenario(Generic[_Stage]):
    """One story, told on a stage of its own."""

    name: str
    faults: str
    play: Callable[[_Stage], None]
    instances: int = 1
    proxied: bool = False
    rate: float = 2500.0
    """Messages published a second, one in 26 a request."""
    answering_within_s: float = 5.0
    peak_bytes_at_most: int | None = None
    settings: dict[str, object] = field(default_factory=dict)
    says: frozenset[str] = frozenset()
    """Errors that the service is to log: what is done to it costs messages."""


_LOST = frozenset({"log.not_the_same"})


_OF_SEVERAL = (
    ("calm", "no fault", several.nothing),
    ("killed", "kill -9 of each in turn", several.each_killed),
    ("paused", f"SIGSTOP of each in turn, {PAUSE_S:.0f} s and more", several.each_paused),
    ("all-killed", "kill -9 of all at once", several.all_killed),
    ("rolling-restart", "SIGTERM of each in turn", several.rolling_restart),
    ("nats-killed", "kill -9 of NATS", one.nats_killed),
    ("mongodb-gone", "MongoDB gone for 10 s", several.mongodb_gone_for_a_while),
    ("tail-lost", "NATS loses what it took in the last 2 s", one.tail_lost),
    ("consumers-deleted", "every reader's consumer deleted each second", one.consumers_deleted),
)

SCENARIOS: tuple[Scenario[Stage], ...] = (
    Scenario("service-killed", "kill -9 of the service", one.service_killed),
    Scenario("mongodb-killed", "kill -9 of MongoDB", one.mongodb_killed),
    Scenario("nats-killed", "kill -9 of NATS", one.nats_killed),
    Scenario(
        "nats-killed-often",
        "kill -9 of NATS, again and again",
        one.nats_killed_often,
        rate=1000.0,
    ),
    Scenario("service-paused", f"SIGSTOP of the service, {PAUSE_S:.0f} s", one.service_paused),
    Scenario("mongodb-paused", f"SIGSTOP of MongoDB, {PAUSE_S:.0f} s", one.mongodb_paused),
    Scenario("nats-paused", f"SIGSTOP of NATS, {PAUSE_S:.0f} s", one.nats_paused),
    *(
        Scenario(
            f"{some}-{name}",
            f"{some} instances, {faults}",
            play,
            instances,
            says=_LOST if play is one.tail_lost else frozenset(),
        )
        for instances, some in ((2, "two"), (3, "three"))
        for name, faults, play in _OF_SEVERAL
    ),
    Scenario("tail-lost", "NATS loses what it took in the last 2 s", one.tail_lost, says=_LOST),
    Scenario(
        "mongodb-away",
        "MongoDB away for two minutes",
        one.mongodb_away,
        rate=2000.0,
        peak_bytes_at_most=400_000_000,
    ),
    Scenario(
        "consumers-deleted", "the reader's consumer deleted each second", one.consumers_deleted
    ),
    Scenario("input-stream-deleted", "input stream deleted", one.input_stream_deleted, says=_LOST),
    Scenario("digest-stream-deleted", "digest stream deleted", one.digest_stream_deleted),
    Scenario(
        "connections-cut",
        "connections to NATS, MongoDB or both cut, refused for up to 3 s",
        one.connections_cut,
        proxied=True,
    ),
    Scenario(
        "connections-stalled",
        f"connections to NATS or MongoDB stalled, {PAUSE_S:.0f} s",
        one.connections_stalled,
        proxied=True,
    ),
    Scenario(
        "connections-slow",
        f"connections slowed to 50 ms, 500 kB/s, {PAUSE_S:.0f} s",
        one.connections_slow,
        proxied=True,
    ),
    Scenario(
        "large-bodies",
        "a backlog of 300 bodies of 1 MiB",
        memory.large_bodies,
        rate=300.0,
        peak_bytes_at_most=600_000_000,
        settings={"MAX_BODY_BYTES": 1024 * 1024},
    ),
    Scenario(
        "large-users",
        "1,000 users of 10,000 alarms, asked for at once (100 in a quick run)",
        memory.large_users,
        rate=300.0,
        # What the formula of docs/operations/sizing.md says of MAX_LIVE_ALARMS, 740 MB, and as much
        # again for what is loaded until others have left, and for the allocator.
        peak_bytes_at_most=1_500_000_000,
    ),
    Scenario(
        "everything-at-once",
        "kill -9 of two or three of service, MongoDB, NATS together",
        one.everything_at_once,
    ),
)
