"""docs/operations/metrics.md: held to what is exported."""

from __future__ import annotations

import re

from actors.rejections import RejectionKind
from tests.service import ROOT
from tests.unit.ops.monitoring.test_metrics import Desk

PAGE = ROOT / "docs" / "operations" / "metrics.md"


def table() -> str:
    """Return the table as the page has it when it is right."""
    rows = ["| name | kind | labels | meaning |", "|---|---|---|---|"]
    for family in Desk().registry.collect():
        if not family.name.startswith("alarm_digest_"):
            continue
        name = f"{family.name}_total" if family.type == "counter" else family.name
        labels = {label for sample in family.samples for label in sample.labels} - {"le"}
        words = ", ".join(f"`{label}`" for label in sorted(labels))
        rows.append(f"| `{name}` | {family.type} | {words} | {family.documentation} |")
    return "\n".join(rows)


def test_the_table_of_metrics_is_what_the_code_exports() -> None:
    """On a difference, copy what ``table()`` returns between the two markers."""
    between = re.findall(
        r"^<!-- metrics -->\n(.*?)^<!-- /metrics -->$", PAGE.read_text(), re.MULTILINE | re.DOTALL
    )
    assert between == [f"{table()}\n"]


def test_every_reason_of_a_dead_letter_is_explained() -> None:
    """An operator sees it on the dashboard first."""
    explained = PAGE.read_text().partition("\n| `reason` |")[2]
    assert set(re.findall(r"`([a-z_]+)`", explained)) == set(RejectionKind)
