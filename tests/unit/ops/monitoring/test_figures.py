"""The figures of the console, as its page reads them."""

from __future__ import annotations

import json
from dataclasses import replace

import orjson

from actors.rejections import RejectionKind
from actors.rules.partitions import InstanceID
from ops.monitoring.figures import figures, own_figures
from ops.monitoring.health import Phase
from ops.monitoring.samples import Sample
from tests.unit.ops.monitoring.test_samples import Kept


def test_figures_say_what_the_columns_are() -> None:
    """So that a page need not know their order."""
    kept = Kept()
    kept.desk.core.crashes, kept.desk.bus.dead_letters[RejectionKind.NOT_JSON] = 3, 1
    kept.take()
    shown = figures(kept.desk.sources, kept.samples, -1)
    assert shown["columns"] == Sample._fields
    assert [len(row) for row in shown["samples"]] == [len(Sample._fields)]
    assert shown["counts"]["user actors that crashed"] == 3
    assert shown["dead_letters"] == {"not_json": 1}
    assert shown["checks"].keys() >= {"nats", "mongodb"}


def test_figures_say_how_it_stands_and_only_what_is_new() -> None:
    """In a form that the console's writer of JSON takes: it wants plain strings for keys."""
    kept = Kept()
    kept.desk.bus.dead_letters[RejectionKind.NOT_JSON] = 1
    kept.desk.health.phase = Phase.SERVING
    kept.take(3)
    shown = json.loads(orjson.dumps(figures(kept.desk.sources, kept.samples, 4.0)))
    assert (shown["phase"], shown["ready"], shown["uptime_s"]) == ("serving", True, 6.0)
    assert [row[1] for row in shown["samples"]] == [6]
    assert shown["in_flight_max"] == kept.desk.sources.max_in_flight


def test_an_instance_says_of_itself_what_others_show_beside_theirs() -> None:
    """The rate is over the last ten seconds."""
    kept = Kept()
    own = own_figures(InstanceID("a"), kept.desk.sources, kept.samples)
    assert (own["instance_id"], own["partitions"], own["taken_per_s"]) == ("a", 64, None)
    on_core = replace(kept.desk.sources, on_log=lambda: False)
    assert own_figures(InstanceID("a"), on_core, kept.samples)["partitions"] is None
    for taken in (1_000, 1_010, 1_020, 1_030, 1_040, 1_050, 1_060):
        kept.desk.bus.taken = taken
        kept.take()
    own = json.loads(json.dumps(own_figures(InstanceID("a"), kept.desk.sources, kept.samples)))
    assert own["taken_per_s"] == 5.0
    assert (own["waiting"], own["behind_s"]) == (0, 0.0)
