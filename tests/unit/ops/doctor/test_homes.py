"""What the doctor says of instances, partitions and positions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from actors.rules.partitions import HomesView
from actors.rules.positions import Place
from actors.rules.watching import observe
from ops.doctor.findings import Level
from ops.doctor.homes import (
    LogFacts,
    judge_history,
    judge_instances,
    judge_partitions,
    judge_positions,
)
from ops.homes.watching import Watched
from tests.unit.ops.homes.test_members import seen, watched
from tests.unit.ops.homes.views import LEASE_S, instance, partitions, stored

if TYPE_CHECKING:
    from collections.abc import Iterable

    from actors.rules.watching import Watch
    from ops.doctor.findings import Finding

LOG = LogFacts("INPUT", "log", 5, 20, 1_000.0, 0.0)
NOW_S = 4_600.0
HISTORY_S = 3_600.0


def brief(findings: Iterable[Finding]) -> list[tuple[Level, str]]:
    """Return level and words; whatever is a risk says how to mend it."""
    found = list(findings)
    assert all(one.mend for one in found if one.level is Level.RISK)
    return [(one.level, one.says) for one in found]


def judged(watch: Watch, homes: dict[int, str | None] | None = None) -> list[tuple[Level, str]]:
    """Judge instances, of which ``a`` has what is not in ``homes``."""
    view = HomesView(tuple(one.instance for one in watch.seen.values()), partitions(homes or {}))
    return brief(judge_instances(Watched(stored(view), watch), LEASE_S, 160.0))


def test_where_all_is_well_nothing_is_to_mend() -> None:
    """Everything is spoken of."""
    home = stored(HomesView((), partitions({})), streams={"INPUT": "log"})
    assert [level for level, _ in judged(seen(instance("a")))] == [Level.OK]
    assert [level for level, _ in brief(judge_partitions(home))] == [Level.OK]
    assert brief(judge_positions(home, LOG)) == [
        (Level.OK, "the lowest is 10, the log is from 5 to 20")
    ]
    assert brief(judge_history(home, LOG, HISTORY_S, NOW_S)) == [
        (Level.OK, "keeps 60 minutes of messages")
    ]


def test_damaged_documents_are_named() -> None:
    """Those of partitions are mended by the service, at a price."""
    found = brief(
        judge_partitions(stored(HomesView((), ()), damaged=(3, 4, 9), damaged_instances=2))
    )
    assert found == [
        (Level.RISK, "3-4, 9 missing or damaged"),
        (Level.NOTE, "2 documents are none of an instance's"),
    ]


def test_a_dead_instance_is_noted_with_what_it_had() -> None:
    """And what moves because of it."""
    a, b = instance("a"), instance("b")
    found = judged(watched(*[(a, b._replace(beat=number)) for number in range(6)]))
    assert found == [
        (Level.OK, "1 at work: host-b"),
        (Level.NOTE, "gives no sign of life, 64 partitions are at home with it"),
        (Level.NOTE, "0-63 are not where they should be"),
    ]


def test_nobody_at_work_is_noted() -> None:
    """It is no risk: the log keeps."""
    found = judged(watched(*[(instance("a"),)] * 6))
    assert found[0] == (Level.NOTE, "none is at work")
    assert len(found) == 2


@pytest.mark.parametrize(
    ("described", "level", "words"),
    [
        ({"reading": False}, Level.RISK, "cannot read the log"),
        ({"schema": 1}, Level.NOTE, "cannot read what newer ones write"),
        ({"started_at_s": 400}, Level.NOTE, "240 s from now, by its clock"),
    ],
)
def test_an_instance_that_is_not_as_it_should_be_is_named(
    described: dict[str, Any], level: Level, words: str
) -> None:
    """Beside one that is."""
    half: dict[int, str | None] = dict.fromkeys(range(32), "b")
    found = judged(seen(instance("a"), instance("b", **described)), half)
    assert any(one is level and words in says for one, says in found)


@pytest.mark.parametrize(
    ("place", "level", "words"),
    [
        (Place(10, 10, "old"), Level.NOTE, "of another stream than INPUT is now"),
        (Place(21, 1, "log"), Level.RISK, "NATS has lost its last messages"),
        (Place(2, 1, "log"), Level.RISK, "the log begins at 5, up to 2 messages"),
        (Place(4, 1, "log"), Level.OK, "the lowest is 4"),
        (Place(0, 0, ""), Level.OK, "the lowest is 0"),
        (Place(20, 1, "log"), Level.OK, "the lowest is 20"),
    ],
)
def test_positions_are_held_against_the_log(place: Place, level: Level, words: str) -> None:
    """Nothing is known to be settled where nothing was read yet."""
    ((found, says),) = brief(judge_positions(stored(HomesView((), partitions({}, place))), LOG))
    assert found is level
    assert words in says


@pytest.mark.parametrize(
    ("log", "made", "findings"),
    [
        (LOG._replace(max_age_s=60.0), True, [(Level.RISK, "keeps messages for 60 s")]),
        (
            LOG,
            False,
            [(Level.NOTE, "was not made by the service"), (Level.OK, "keeps 60 minutes")],
        ),
        (
            LOG._replace(first_at_s=-9_000.0),
            True,
            [(Level.NOTE, "keeps 3.8 hours of messages, INPUT_HISTORY is 60 minutes")],
        ),
        (LOG._replace(max_age_s=7_200.0), True, [(Level.OK, "keeps 60 minutes")]),
        (LOG._replace(first_at_s=None), True, []),
    ],
)
def test_what_the_log_keeps_is_held_against_input_history(
    log: LogFacts, made: bool, findings: list[tuple[Level, str]]
) -> None:
    """A stream of the name that was made at another time is somebody else's."""
    streams = {"INPUT": "log" if made else "earlier"}
    found = brief(judge_history(stored(HomesView((), ()), streams=streams), log, HISTORY_S, NOW_S))
    assert [level for level, _ in found] == [level for level, _ in findings]
    assert all(words in says for (_, says), (_, words) in zip(found, findings, strict=True))


def test_a_watch_that_has_just_begun_takes_nobody_for_dead() -> None:
    """A look alone tells nothing of beats."""
    a = instance("a")
    once = observe(watched((a,)), (a,), LEASE_S, 0.1, 0.1)
    assert all("no sign of life" not in says for _, says in judged(once))
