"""Health: whether the process is alive, and whether it does its work; each answer with reasons."""

from __future__ import annotations

import time
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from actors.rules.partitions import PARTITIONS
from ops.monitoring.pulse import STILL_AFTER_S

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from actors.tally import HomeTally
    from bus.status import BusStatus
    from ops.monitoring.pulse import Pulse
    from store.tally import StoreTally

STUCK_AFTER_S = 60.0
"""With messages in memory and none of them settled for so long, something is stuck.

Longer than a message that crashes is retried by default, and than MongoDB's timeouts.
"""


class Phase(StrEnum):
    """Where the process is in its life."""

    STARTING = "starting"
    SERVING = "serving"
    STOPPING = "stopping"


@dataclass(frozen=True, slots=True)
class Verdict:
    """An answer to a probe."""

    checks: Mapping[str, str]
    """What was looked at, and ``ok``, perhaps with more to say, or what is wrong with it."""

    @property
    def good(self) -> bool:
        """Whether nothing is wrong."""
        return all(is_well(found) for found in self.checks.values())


OK = "ok"


def is_well(found: str) -> bool:
    """Whether a check of a verdict says that all is well; ``ok`` may be followed by more."""
    return found == OK or found.startswith(f"{OK}, ")


class Health:
    """Answers probes from what is known already; asks nobody, so that it never waits.

    Runs on the event loop: that it answers at all shows that the loop turns.
    """

    def __init__(
        self,
        pulse: Pulse,
        bus_status: Callable[[], BusStatus],
        settled: Callable[[], int],
        store: StoreTally,
        home: HomeTally,
        on_log: Callable[[], bool],
        monotonic_s: Callable[[], float] = time.monotonic,
        core_clock_s: Callable[[], float] = lambda: time.clock_gettime(time.CLOCK_BOOTTIME),
    ) -> None:
        """Judge by these; ``settled`` counts the messages that were settled.

        ``on_log`` says whether partitions have homes, ``core_clock_s`` is ``Clock.monotonic_s``.
        """
        self.phase = Phase.STARTING
        self.store_trouble: str | None = None
        """Why the start still waits for MongoDB, while it does."""
        self._pulse = pulse
        self._bus_status = bus_status
        self._settled = settled
        self._store = store
        self._home = home
        self._on_log = on_log
        self._monotonic_s = monotonic_s
        self._core_clock_s = core_clock_s
        self._settled_before = 0
        self._progressed_at_s = monotonic_s()

    def look_for_progress(self) -> None:
        """Note whether messages are being settled; to be called every few seconds."""
        settled = self._settled()
        if settled != self._settled_before or not self._bus_status().in_flight:
            self._settled_before = settled
            self._progressed_at_s = self._monotonic_s()

    def store_usable(self) -> bool:
        """Whether MongoDB answers, as far as is known."""
        return next(self._store.problems(self._monotonic_s()), None) is None

    def live(self) -> Verdict:
        """Whether the loops turn; when not, only a restart helps."""
        checks = {"event loop": OK}
        for part, age_s in self._pulse.ages_s().items():
            still = age_s > STILL_AFTER_S
            checks[part] = f"did not turn for {age_s:.0f} seconds" if still else OK
        return Verdict(checks)

    def ready(self) -> Verdict:
        """Whether messages are taken and settled; when not, it may mend itself."""
        bus, now_s = self._bus_status(), self._monotonic_s()
        serving = self.phase is Phase.SERVING
        checks = {"phase": OK if serving else str(self.phase)}
        nats = f"connected to {bus.server or 'a server without a name'}{_took(bus.answered_in_s)}"
        checks["nats"] = (
            f"{OK}, {nats}" if bus.connected else _because("not connected", bus.trouble)
        )
        mongodb = self.store_trouble or f"{OK}, answers{_took(self._store.answered_in_s)}"
        checks["mongodb"] = next(self._store.problems(now_s), mongodb)
        if not serving and bus.connected and bus.trouble is not None:
            checks["delivery"] = bus.trouble
        checks["dead letters"] = _judge_letters(bus)
        if serving:
            checks["reading"] = OK if bus.pulling else _because("no messages are read", bus.trouble)
            checks["digests"] = (
                OK if bus.digests_refused is None else f"they are refused: {bus.digests_refused}"
            )
            if self._on_log():
                checks["beats"] = self._judge_beats()
                checks["partitions"] = self._judge_partitions()
            stuck_s = now_s - self._progressed_at_s if bus.in_flight else 0.0
            stuck = f"none of {bus.in_flight} messages was settled for {stuck_s:.0f} seconds"
            checks["progress"] = stuck if stuck_s > STUCK_AFTER_S else OK
        return Verdict({**checks, **self.live().checks})

    def _judge_beats(self) -> str:
        until_s = self._home.may_publish_until_s
        if until_s == float("-inf"):
            return "no sign of life of this instance was confirmed by MongoDB yet"
        late_s = self._core_clock_s() - until_s
        if late_s <= 0:
            return OK
        return (
            f"digests are held back since {late_s:.1f} seconds: MongoDB does not confirm this "
            "instance's signs of life, others may have taken its partitions"
        )

    def _judge_partitions(self) -> str:
        home = self._home
        if home.partitions:
            return f"{OK}, {home.partitions} of {PARTITIONS} at home here"
        if home.outdated:
            return f"{OK}, stands by: a newer version has written what this one cannot read"
        if home.standing_by:
            return f"{OK}, stands by: {home.instances} instances are up for {PARTITIONS} partitions"
        return "none is at home here yet"


def _because(what: str, reason: str | None) -> str:
    return what if reason is None else f"{what}: {reason}"


def _took(answered_in_s: float | None) -> str:
    return "" if answered_in_s is None else f", {1e3 * answered_in_s:.1f} ms"


def _judge_letters(bus: BusStatus) -> str:
    if bus.refused is None:
        return OK
    return f"{bus.rejecting} rejected messages wait, their stream takes none: {bus.refused}"
