"""The goals, and what of a run is held against the last recorded one. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


REGRESSION = 1.1
"""A tenth more CPU a message than was recorded, both as ratios to the baseline of their run."""


@dataclass(frozen=True, slots=True)
class Goal:
    """What a figure should be."""

    what: str
    figure: str
    """Where it is in the results: scenario and names, with dots between."""
    bound: float
    at_least: bool
    unit: str = ""

    def measured(self, results: Mapping[str, Any]) -> float | None:
        """Return the figure; None when this run has not measured it."""
        return figure_in(results, self.figure)

    def verdict(self, results: Mapping[str, Any]) -> str:
        """Say whether the figure is what it should be."""
        value = self.measured(results)
        if value is None:
            return "not measured"
        return (
            "met" if (value >= self.bound if self.at_least else value <= self.bound) else "missed"
        )


def _at_least(what: str, figure: str, bound: float, unit: str = "") -> Goal:
    return Goal(what, figure, bound, at_least=True, unit=unit)


def _at_most(what: str, figure: str, bound: float, unit: str = "") -> Goal:
    return Goal(what, figure, bound, at_least=False, unit=unit)


GOALS = (
    _at_least("1 known users: events/s, of raw", "known_users.of_raw", 1.0),
    _at_most("1 known users: CPU an event, of raw", "known_users.cpu_of_raw", 1.3),
    _at_least("1 known users: events/s, of usual", "known_users.of_usual", 10),
    _at_least("1 new users: events/s, of raw", "new_users.of_raw", 0.9),
    _at_most("1 new users: CPU an event, of raw", "new_users.cpu_of_raw", 1.4),
    _at_least("2 digests/s, of raw digests", "digest_rate.of_raw", 0.7),
    _at_most("2 a third of the load: median, of idle", "latency.third.p50_of_idle", 2.5),
    _at_most("2 a third of the load: p99, of idle", "latency.third.p99_of_idle", 6),
    _at_most("2 two thirds of the load: median, of idle", "latency.two_thirds.p50_of_idle", 4),
    _at_most("2 two thirds of the load: p99, of idle", "latency.two_thirds.p99_of_idle", 12),
    _at_most("3 a live user with 10 alarms", "memory.bytes_per_live_user", 3000, "B"),
    _at_most("3 at the peak", "memory.peak_bytes", 450e6, "B"),
    _at_most("4 first digest after a start", "memory.start.first_digest_s", 2, "s"),
    _at_least("4 the backlog's rate, of the uniform load's", "memory.start.of_uniform", 0.9),
    _at_least("5 many users known: events/s, of few", "growth.of_few", 0.85),
    _at_most("5 large user: CPU an event, of a small one's", "large_user.ratio", 1.3),
    _at_most("5 100,000 alarms: longest turn", "large_user.longest_turn_ms", 20, "ms"),
    _at_most("6 p99 beside a user with half of all events", "latency.hot_events_of_calm", 1.5),
    _at_most("6 p99 beside a user who asks in a row", "latency.hot_requests_of_calm", 1.5),
    _at_most("6 saves for 1,000 requests of a user", "latency.saves_of_1000_requests", 20),
    _at_least("7 two instances, of one", "scale_out.of_one_2", 1.75),
    _at_least("7 four instances, of one", "scale_out.of_one_4", 2.9),
    _at_least("7 eight instances, of one", "scale_out.of_one_8", 4.4),
    _at_most("7 a foreign message: CPU, of an own one's", "foreign.foreign_of_own", 0.1),
    _at_least("8 the worst 2 s as a fourth joins three, of before", "joining.kept", 0.8),
    _at_least("monitored: events/s, of unmonitored", "monitoring.of_plain", 0.95),
)

HELD = ("known_users.cpu_of_raw", "new_users.cpu_of_raw", "digest_rate.cpu_of_raw")
"""What must not grow by a tenth."""


def figure_in(results: Mapping[str, Any], path: str) -> float | None:
    """Return the figure at a dotted path; None when it is not there."""
    found: Any = results
    for name in path.split("."):
        if not isinstance(found, dict) or name not in found:
            return None
        found = found[name]
    return float(found)


def table(results: Mapping[str, Any]) -> str:
    """Return goals and measured values as a Markdown table."""
    lines = ["| goal | wanted | measured | |", "|---|---|---|---|"]
    for goal in GOALS:
        sign = "≥" if goal.at_least else "≤"
        value = goal.measured(results)
        shown = "" if value is None else f"{_number(value)} {goal.unit}"
        lines.append(
            f"| {goal.what} | {sign} {_number(goal.bound)} {goal.unit} | {shown} "
            f"| {goal.verdict(results)} |"
        )
    return "\n".join(" ".join(line.split()) for line in lines)


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def shares_table(results: Mapping[str, Any]) -> str:
    """Return rates, CPU a message, and who took how much of a core, as a Markdown table."""
    lines = [
        "| | messages/s | us each | service | NATS | MongoDB | producer |",
        "|---|---|---|---|---|---|---|",
    ]
    for what, path in _MEASURED:
        per_s, cpu_us = figure_in(results, f"{path}.per_s"), figure_in(results, f"{path}.cpu_us")
        if per_s is None or cpu_us is None:
            continue
        cores = [
            figure_in(results, f"{path}.cores.{role}")
            for role in ("service", "nats", "mongodb", "producer")
        ]
        shown = " | ".join("" if share is None else f"{share:.2f}" for share in cores)
        lines.append(f"| {what} | {per_s:,.0f} | {cpu_us:.1f} | {shown} |")
    return "\n".join(lines)


_MEASURED = (
    ("known users", "known_users"),
    ("known users, *raw*", "known_users.raw"),
    ("known users, *usual*", "known_users.usual"),
    ("new users", "new_users"),
    ("new users, *raw*", "new_users.raw"),
    ("digests", "digest_rate"),
    ("digests, *raw digests*", "digest_rate.raw"),
    ("events and requests, 20 : 1", "latency.capacity"),
    ("a third of that", "latency.third"),
    ("two thirds", "latency.two_thirds"),
    ("a third, half of it one user's", "latency.hot_events"),
    ("a third, and one user's requests in a row", "latency.hot_requests"),
    ("uniform over all known", "memory.uniform"),
    ("a backlog at a start", "memory.start"),
    ("few known", "growth.few"),
    ("many known", "growth.many"),
    *(
        (f"{number} at a tenth of a core each", f"scale_out.instances.{number}")
        for number in (1, 2, 4, 8)
    ),
)


def regressions(results: Mapping[str, Any], recorded: Mapping[str, Any]) -> Sequence[str]:
    """Return, one line each, what has grown by more than a tenth since it was recorded."""
    found: list[str] = []
    for path in HELD:
        now, before = figure_in(results, path), figure_in(recorded, path)
        if now is not None and before is not None and now > before * REGRESSION:
            found.append(f"{path}: {now:.3f}, and was {before:.3f} when it was recorded")
    return found
