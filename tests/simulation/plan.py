"""Plans: the circumstances of a history, its traffic and its weather, drawn from its seed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from actors.rules.digest import DIGEST_ALARMS_MAX
from actors.settings import CoreSettings
from tests.simulation.history import USERS, draw_inputs

if TYPE_CHECKING:
    from random import Random

    from actors.rules.alarms import UserID
    from tests.simulation.history import Input

ROOM = 2
"""Alarms for which a crowded history has room."""

SPACIOUS_PAYLOAD_BYTES = 1024 * 1024
NARROW_PAYLOAD_BYTES = 320
"""Leaves room for three alarms a message, and for the headers of a dead letter."""


@dataclass(slots=True)
class Weather:
    """How likely each fault is, each time it could happen."""

    save_fails: float = 0.0
    save_fails_late: float = 0.0
    """It took effect all the same."""
    load_fails: float = 0.0
    interlude: float = 0.0
    """A slow call of the store: others go on meanwhile."""
    publish_fails: float = 0.0
    publish_ack_lost: float = 0.0
    publish_slow: float = 0.0
    ack_lost: float = 0.0
    crash: float = 0.0
    """At each call of a port; processes die between calls as well."""
    disorder: float = 0.0
    poison: float = 0.0
    """At each look at the clock, each new digest id, each user loaded or saved."""


class Plan(NamedTuple):
    """All that is drawn before a history begins."""

    settings: CoreSettings
    weather: Weather
    core: bool
    """Producers use core NATS and ask: a message has no identity and is sent again, as another
    one, until it is answered. Else it is JetStream that delivers again."""
    digest_alarms_max: int
    """What exceeds it is told in further digests of the same request."""
    crowded: bool
    """A user has room for ``ROOM`` alarms."""
    max_payload_bytes: int
    max_processes: int
    crashes: float
    """Relative weight of a killed process among what may happen next."""
    poison: int
    """So many times, at most, the weather's poison works."""
    users: tuple[UserID, ...]
    phases: tuple[tuple[Input, ...], ...]
    """What is put in; everything comes to rest between two phases."""


def draw_plan(random: Random) -> Plan:
    """Draw a history's circumstances and its traffic."""
    settings = CoreSettings(
        checkpoint_group_max=random.choice((1, 2, 1000)),
        max_live_users=random.choice((1, 2, 100)),
        idle_timeout_s=random.choice((0.3, 5.0, 600.0)),
        max_attempts=random.choice((1, 2, 5)),
        cleared_retention_s=random.choice((0, 20, 100_000)),
        skip_empty_digests=random.random() < 0.3,
    )
    users = USERS[: random.choice((1, 2, 3, 3, len(USERS)))]
    poison = random.choice((0, 0, 0, 4))
    return Plan(
        settings=settings,
        weather=_draw_weather(random, poisoned=poison > 0),
        core=random.random() < 0.15,
        digest_alarms_max=random.choice((1, 2, DIGEST_ALARMS_MAX, DIGEST_ALARMS_MAX)),
        crowded=random.random() < 0.1,
        max_payload_bytes=random.choice((SPACIOUS_PAYLOAD_BYTES, NARROW_PAYLOAD_BYTES)),
        max_processes=random.choice((1, 1, 2, 2, 3)),
        crashes=random.choice((0.0, 1.0, 4.0)),
        poison=poison,
        users=users,
        phases=tuple(draw_inputs(random, users) for _ in range(random.choice((1, 1, 2)))),
    )


def _draw_weather(random: Random, *, poisoned: bool) -> Weather:
    fair = random.random() < 0.1

    def chance(*likelihoods: float) -> float:
        return 0.0 if fair else random.choice(likelihoods)

    return Weather(
        save_fails=chance(0.0, 0.1, 0.4),
        save_fails_late=chance(0.0, 0.1, 0.4),
        load_fails=chance(0.0, 0.1, 0.4),
        interlude=chance(0.0, 0.3, 0.6),
        publish_fails=chance(0.0, 0.1, 0.4),
        publish_ack_lost=chance(0.0, 0.1, 0.4),
        publish_slow=chance(0.0, 0.5),
        ack_lost=chance(0.0, 0.1, 0.5),
        crash=chance(0.0, 0.0, 0.02),
        disorder=chance(0.0, 0.3),
        poison=random.choice((0.05, 0.2)) if poisoned else 0.0,
    )
