"""The report: goals beside measured values, a file for machines, plots."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from tests.servers import nats_server_version

if TYPE_CHECKING:
    from bench.scenarios import Figures

FOLDER = Path(__file__).parent.parent / "docs" / "benchmarks"

_PACKAGES = ("nats-py", "orjson", "pykka", "pymongo", "uvloop")


@dataclass(frozen=True, slots=True)
class Goal:
    """What a figure should be."""

    what: str
    scenario: str
    figure: str
    bound: float
    at_least: bool
    unit: str = ""

    def measured(self, results: dict[str, Figures]) -> float:
        """Return the figure."""
        return float(results[self.scenario][self.figure])

    def met(self, results: dict[str, Figures]) -> bool:
        """Whether the figure is what it should be."""
        value = self.measured(results)
        return value >= self.bound if self.at_least else value <= self.bound


GOALS = (
    Goal("1 known users, of raw", "known_users", "of_raw", 0.85, at_least=True),
    Goal("1 known users, of usual", "known_users", "of_usual", 10, at_least=True),
    Goal("1 CPU an event", "known_users", "cpu_us_per_event", 18, at_least=False, unit="us"),
    Goal("2 new users, of raw", "new_users", "of_raw", 0.7, at_least=True),
    Goal("2 CPU an event", "new_users", "cpu_us_per_event", 40, at_least=False, unit="us"),
    Goal("3 digests", "digest_rate", "digests_per_s", 8000, at_least=True, unit="/s"),
    Goal("3 latency, median", "digest_latency", "p50_ms", 3, at_least=False, unit="ms"),
    Goal("3 latency, p99", "digest_latency", "p99_ms", 15, at_least=False, unit="ms"),
    Goal("4 a live user", "memory", "bytes_per_live_user", 5000, at_least=False, unit="B"),
    Goal("4 at the peak", "memory", "peak_bytes", 700e6, at_least=False, unit="B"),
    Goal("5 ready", "memory", "ready_s", 2, at_least=False, unit="s"),
    Goal("6 many users, of few", "memory", "of_few_users", 0.75, at_least=True),
    Goal("6 large user, of small", "large_user", "ratio", 2, at_least=False),
    Goal("7 p99 beside a hot user", "fairness", "p99_ratio", 2, at_least=False),
    Goal("monitored, of unmonitored", "monitoring", "of_plain", 0.95, at_least=True),
)


def table(results: dict[str, Figures]) -> str:
    """Return goals and measured values as a Markdown table."""
    lines = ["| goal | wanted | measured | |", "|---|---|---|---|"]
    for goal in GOALS:
        sign = "≥" if goal.at_least else "≤"
        lines.append(
            f"| {goal.what} | {sign} {goal.bound:,g} {goal.unit} "
            f"| {goal.measured(results):,.4g} {goal.unit} "
            f"| {'met' if goal.met(results) else 'missed'} |"
        )
    return "\n".join(lines)


def write(results: dict[str, Figures], *, quick: bool) -> Path:
    """Write the figures, with what they were measured on, and the plots; return the file."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    name = "quick" if quick else "full"
    about = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {
            "processor": _processor(),
            "cores": os.cpu_count(),
            "system": platform.platform(),
        },
        "versions": {
            "python": platform.python_version(),
            "nats-server": ".".join(map(str, nats_server_version())),
            **{package: version(package) for package in _PACKAGES},
        },
        "quick": quick,
    }
    file = FOLDER / f"{name}.json"
    file.write_text(json.dumps({**about, "results": results}, indent=1) + "\n")
    _plot(results, FOLDER / f"{name}.svg")
    return file


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()


def _plot(results: dict[str, Figures], file: Path) -> None:
    import matplotlib as mpl  # noqa: PLC0415  # only the full report needs it

    mpl.use("svg")
    from matplotlib import pyplot as plt  # noqa: PLC0415  # after the choice of its backend

    figure, (rates, growth, memory, latency) = plt.subplots(1, 4, figsize=(17, 4))
    known = results["known_users"]
    bars = {
        "service": known["events_per_s"],
        "raw": known["raw_events_per_s"],
        "usual": known["usual_events_per_s"],
        "new users": results["new_users"]["events_per_s"],
    }
    rates.bar(list(bars), list(bars.values()))
    rates.set_title("events/s")
    over_users = results["memory"]
    known_users = [over_users["few_users"], over_users["many_users"]]
    same_locality = [
        over_users["local_events_per_s_of_few_users"],
        over_users["local_events_per_s"],
    ]
    growth.plot(known_users, same_locality, marker="o")
    growth.plot(known_users[1:], [over_users["uniform_events_per_s"]], marker="s", linestyle="")
    growth.set(title="events/s over users known", xlabel="users", xscale="log", ylim=(0, None))
    growth.legend(["of 1,000 of them", "of all, a tenth of them in memory"])
    sizes = results["memory"]["resident_bytes"]
    memory.plot([users for users, _ in sizes], [size / 1e6 for _, size in sizes])
    memory.set(title="resident memory, MB", xlabel="events over all users", ylim=(0, None))
    for name in ("digest_latency", "digest_latency_hot"):
        sorted_ms = results[name]["latencies_ms"]
        latency.plot(sorted_ms, [index / len(sorted_ms) for index in range(len(sorted_ms))])
    latency.set(title="request to digest, ms", ylabel="share", xscale="log")
    latency.legend(["uniform", "one user has half of it"])
    figure.tight_layout()
    figure.savefig(file, metadata={"Date": None})
