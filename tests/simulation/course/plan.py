"""Plans: the circumstances of a history, its traffic and its weather, drawn from its seed."""

from __future__ import annotations

from binascii import crc32
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, NamedTuple

from actors.rules.digest import DIGEST_ALARMS_MAX
from actors.settings import CoreSettings
from actors.user.deliveries import SETTLED_AT_ONCE
from actors.user.selection import ALARMS_IN_A_SLICE
from actors.user.state import CHANGES_IN_A_SAVE
from tests.simulation.course.traffic import USERS, draw_inputs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

    from actors.rules.alarms import UserID
    from tests.simulation.course.traffic import Input

ROOM = 2
"""Alarms for which a crowded history has room."""

SPACIOUS_PAYLOAD_BYTES = 1024 * 1024
NARROW_PAYLOAD_BYTES = 400
"""Leaves room for one or two alarms a message."""


@dataclass(slots=True)
class Weather:
    """How likely each fault is, each time it could happen."""

    call_lost: float = 0.0
    """A call of MongoDB that never arrives."""
    call_late: float = 0.0
    """It, or its answer, is on its way for so long that others overtake it."""
    answer_lost: float = 0.0
    publish_lost: float = 0.0
    publish_answer_lost: float = 0.0
    publish_late: float = 0.0
    reading_lost: float = 0.0
    """A reading of the log ends, each time it could bring something."""
    question_fails: float = 0.0
    """The log does not say how it stands."""
    nudge_lost: float = 0.0
    reply_lost: float = 0.0
    """Of core NATS."""
    sluggish: float = 0.0
    """Time goes on though somebody has work to do."""
    poison: float = 0.0
    """At each look at the clock, each new digest id, each user loaded or saved."""


class Troubles(NamedTuple):
    """How likely what befalls an instance or a server is, relative to each other; 0 for never."""

    kill: float
    stop: float
    pause: float
    start: float
    split: float
    """It does not beat, and works on."""
    store_away: float
    broker_away: float
    lose_tail: float
    """The broker loses the end of its log, and hands the sequences out again."""
    renew: float
    """The stream is deleted and made anew."""
    discard: float
    """A limit discards what may not have been read."""
    rewind: float
    """Somebody sets positions back."""
    purge: float


class Plan(NamedTuple):
    """All that is drawn before a history begins."""

    settings: CoreSettings
    weather: Weather
    troubles: Troubles
    core: bool
    """Core NATS, one instance: producers ask, and send again until they are answered."""
    partitions: int
    instances: int
    """So many at the most, and at the beginning."""
    changes_in_a_save: int
    settled_at_once: int
    """So many of a user's deliveries."""
    digest_alarms_max: int
    """What exceeds it is told in further digests of the same request."""
    crowded: bool
    """A user has room for ``ROOM`` alarms."""
    max_payload_bytes: int
    max_in_flight: int
    poison: int
    """So many times, at most, the weather's poison works."""
    users: tuple[UserID, ...]
    phases: tuple[tuple[Input, ...], ...]
    """What is put in; everything comes to rest between two phases."""
    slice_max: int
    """What is more than so many alarms or messages is done, settled, taken in hand in slices."""

    @property
    def fair(self) -> bool:
        """Whether nothing goes wrong: instances come and go in order, and that is all."""
        return self.weather == Weather() and not any(
            chance
            for name, chance in self.troubles._asdict().items()
            if name not in {"start", "stop", "purge"}
        )

    def told(self) -> Iterator[str]:
        """Return the circumstances in words, for who reads what came of them; without traffic."""
        yield f"{self.settings}"
        weather = asdict(self.weather)
        yield "weather: " + ", ".join(f"{name} {chance}" for name, chance in weather.items())
        troubles = self.troubles._asdict()
        yield "troubles: " + ", ".join(f"{name} {weight}" for name, weight in troubles.items())
        rest = self._asdict().items()
        apart = {"settings", "weather", "troubles", "phases"}
        yield ", ".join(f"{name} {value}" for name, value in rest if name not in apart)

    def partition_of(self, user_id: UserID) -> int:
        """Return the partition of a user, as the contract says it."""
        return crc32(user_id.encode()) % self.partitions


def draw_plan(random: Random) -> Plan:
    """Draw a history's circumstances and its traffic."""
    core = random.random() < 0.1
    settings = CoreSettings(
        checkpoint_interval_s=random.choice((0.8, 4.0, 4.0)),
        checkpoint_group_max=random.choice((1, 2, 1000)),
        max_live_users=random.choice((1, 2, 100)),
        max_live_alarms=random.choice((None, None, 1, 3, 6)),
        idle_timeout_s=random.choice((0.8, 5.0, 600.0)),
        max_attempts=random.choice((1, 2, 5)),
        cleared_retention_s=random.choice((0, 20, 100_000)),
        skip_empty_digests=random.random() < 0.3,
    )
    users = USERS[: random.choice((1, 2, 3, 3, len(USERS)))]
    poison = random.choice((0, 0, 0, 0, 4))
    fair = random.random() < 0.12
    slice_max = random.choice((1, 2, ALARMS_IN_A_SLICE))
    return Plan(
        settings=settings,
        weather=Weather() if fair else _draw_weather(random, poisoned=poison > 0),
        troubles=_draw_troubles(random, fair=fair, core=core),
        core=core,
        partitions=random.choice((1, 2, 4, 4, 8, 8, 8, 64 if random.random() < 0.3 else 8)),
        instances=1 if core else random.choice((1, 1, 2, 2, 2, 3, 3, 4, 5)),
        changes_in_a_save=random.choice((1, 2, CHANGES_IN_A_SAVE)),
        settled_at_once=random.choice((1, 2, SETTLED_AT_ONCE)),
        digest_alarms_max=random.choice((1, 2, DIGEST_ALARMS_MAX, DIGEST_ALARMS_MAX)),
        crowded=random.random() < 0.1,
        max_payload_bytes=random.choice((SPACIOUS_PAYLOAD_BYTES, NARROW_PAYLOAD_BYTES)),
        max_in_flight=random.choice((2, 12, 1000)),
        poison=0 if fair else poison,
        users=users,
        phases=tuple(
            draw_inputs(random, users, foreign=not core) for _ in range(random.choice((1, 1, 2)))
        ),
        slice_max=slice_max,
    )


def _draw_weather(random: Random, *, poisoned: bool) -> Weather:
    draw = random.choice
    return Weather(
        call_lost=draw((0.0, 0.0, 0.05, 0.3)),
        call_late=draw((0.0, 0.0, 0.05, 0.2)),
        answer_lost=draw((0.0, 0.0, 0.05, 0.3)),
        publish_lost=draw((0.0, 0.1, 0.4)),
        publish_answer_lost=draw((0.0, 0.1, 0.4)),
        publish_late=draw((0.0, 0.5)),
        reading_lost=draw((0.0, 0.02, 0.2)),
        question_fails=draw((0.0, 0.0, 0.2)),
        nudge_lost=draw((0.0, 0.5, 1.0)),
        reply_lost=draw((0.0, 0.1, 0.5)),
        sluggish=draw((0.0, 0.02, 0.1, 0.3)),
        poison=draw((0.05, 0.2)) if poisoned else 0.0,
    )


def _draw_troubles(random: Random, *, fair: bool, core: bool) -> Troubles:
    def weight(*weights: float) -> float:
        return 0.0 if fair else random.choice(weights)

    def rarely(weights: float) -> float:
        """For what only some histories have, as it hides what goes wrong without it."""
        return 0.0 if fair or core or random.random() < 0.75 else weights

    return Troubles(
        kill=weight(0.0, 1.0, 3.0),
        stop=random.choice((0.0, 0.5, 1.5)),
        pause=weight(0.0, 1.0, 3.0),
        start=1.5,
        split=0.0 if core else weight(0.0, 0.5, 2.0),
        store_away=weight(0.0, 1.0, 2.0),
        broker_away=weight(0.0, 1.0, 2.0),
        lose_tail=rarely(3.5),
        renew=rarely(0.5),
        discard=rarely(0.7),
        rewind=rarely(1.0),
        purge=0.0 if core else random.choice((0.0, 0.7)),
    )
