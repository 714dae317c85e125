"""The report: a file for machines, the page's tables, plots."""

from __future__ import annotations

import json
import os
import platform
import re
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.goals import shares_table, table
from tests.servers import mongod_version, nats_server_version

if TYPE_CHECKING:
    from collections.abc import Mapping

FOLDER = Path(__file__).parent.parent / "docs" / "benchmarks"
PAGE = FOLDER / "README.md"

_PACKAGES = ("nats-py", "orjson", "pykka", "pymongo", "uvloop")


def recorded(*, quick: bool) -> dict[str, Any]:
    """Return the results of the last recorded run of this size; none when there is none."""
    file = _file(quick=quick)
    return dict(json.loads(file.read_text())["results"]) if file.exists() else {}


def write(results: Mapping[str, Any], *, quick: bool) -> Path:
    """Write the figures, with what they were measured on, and the plots; return the file.

    A full run is the page's: its tables are written as well.
    """
    FOLDER.mkdir(parents=True, exist_ok=True)
    about = _about()
    file = _file(quick=quick)
    file.write_text(json.dumps({**about, "quick": quick, "results": results}, indent=1) + "\n")
    _plot(results, file.with_suffix(".svg"))
    if not quick:
        tables = {"goals": table(results), "shares": shares_table(results), "run": _said(about)}
        PAGE.write_text(with_tables(PAGE.read_text(), tables))
    return file


def with_tables(page: str, tables: Mapping[str, str]) -> str:
    """Return the page with these between their marks, ``<!-- name -->`` and ``<!-- /name -->``."""
    for name, content in tables.items():
        pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
        page, found = pattern.subn(lambda match: f"{match[1]}{content}\n{match[2]}", page)  # noqa: B023  # called at once
        assert found == 1, f"the page has no place for {name}"
    return page


def _file(*, quick: bool) -> Path:
    return FOLDER / ("quick.json" if quick else "full.json")


def _about() -> dict[str, Any]:
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {
            "processor": _processor(),
            "cores": os.cpu_count(),
            "system": platform.platform(),
        },
        "versions": {
            "python": platform.python_version(),
            "nats-server": ".".join(map(str, nats_server_version())),
            "mongod": mongod_version(),
            **{package: version(package) for package in _PACKAGES},
        },
    }


def _said(about: Mapping[str, Any]) -> str:
    machine, versions = about["machine"], about["versions"]
    return (
        f"Run of {about['date'][:10]}: {machine['processor']}, {machine['cores']} cores that all "
        f"share, Python {versions['python']}, nats-server {versions['nats-server']}, "
        f"mongod {versions['mongod']}."
    )


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()


def _plot(results: Mapping[str, Any], file: Path) -> None:
    import matplotlib as mpl  # noqa: PLC0415  # only the report needs it

    mpl.use("svg")
    from matplotlib import pyplot as plt  # noqa: PLC0415  # after the choice of its backend

    figure, (rates, scale, memory, latency) = plt.subplots(1, 4, figsize=(17, 4))
    bars = {
        "known": results["known_users"]["per_s"],
        "raw": results["known_users"]["raw"]["per_s"],
        "new": results["new_users"]["per_s"],
        "raw new": results["new_users"]["raw"]["per_s"],
        "digests": results["digest_rate"]["per_s"],
        "raw\ndigests": results["digest_rate"]["raw"]["per_s"],
    }
    rates.bar(list(bars), list(bars.values()), color=["C0", "C7"] * 3)
    rates.set_title("messages/s")
    instances = results["scale_out"].get("instances", {})
    numbers = [int(name) for name in instances]
    scale.plot(numbers, [one["per_s"] for one in instances.values()], marker="o")
    scale.set(title="events/s over instances, a tenth of a core each", ylim=(0, None))
    sizes = results["memory"]["resident_bytes"]
    memory.plot([users for users, _ in sizes], [size / 1e6 for _, size in sizes])
    memory.set(title="resident memory, MB", xlabel="events over all users", ylim=(0, None))
    shown = ("third", "two_thirds", "hot_events", "hot_requests")
    for name in shown:
        sorted_ms = results["latency"][name]["latencies_ms"]
        latency.plot(sorted_ms, [index / len(sorted_ms) for index in range(len(sorted_ms))])
    latency.set(title="request to digest, ms", ylabel="share", xscale="log")
    latency.legend([name.replace("_", " ") for name in shown])
    figure.tight_layout()
    figure.savefig(file, metadata={"Date": None})
