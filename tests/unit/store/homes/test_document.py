"""Instances and partitions as documents: what reads back, what is ignored, what is mended."""

from __future__ import annotations

from typing import Any

import bson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.rules.partitions import PARTITIONS, Instance, InstanceID, Partition
from actors.rules.positions import BEGIN, Place
from store.homes.document import (
    from_instance,
    from_position,
    to_instance,
    to_mendings,
    to_partition,
)

NOW_S = 1_800_000_000
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
COUNTS = st.integers(0, 2**62 - 1)
INSTANCES = st.builds(
    Instance,
    TEXTS.filter(bool).map(InstanceID),
    TEXTS,
    COUNTS,
    st.booleans(),
    st.booleans(),
    st.integers(0, 9),
    st.none() | TEXTS,
    TEXTS,
    COUNTS,
)
PLACES = st.builds(Place, COUNTS, COUNTS, TEXTS)
ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats()
    | st.sampled_from(["", "me", "5"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(["sequence", "timestamp", "log", "more"]), inner, max_size=4
        )
    ),
    max_leaves=6,
)
STORED: dict[str, Any] = {
    "_id": 5,
    "home": "me",
    "epoch": 4,
    "position": {"sequence": 7, "timestamp": 8, "log": "created"},
}


def through_bson(document: dict[str, Any]) -> dict[str, Any]:
    """Return what MongoDB gives back."""
    return bson.decode(bson.encode(document))


def whole() -> list[dict[str, Any]]:
    """Return partitions of which none is damaged."""
    return [{**STORED, "_id": number} for number in range(PARTITIONS)]


@given(INSTANCES)
def test_an_instance_reads_back_as_it_was(instance: Instance) -> None:
    """Every field, through BSON."""
    assert to_instance(through_bson(from_instance(instance))) == instance


def test_an_instance_may_lack_what_nobody_promises() -> None:
    """It is one of the first version that wrote any; a newer one may say more."""
    read = Instance(
        InstanceID("a"),
        "",
        7,
        leaving=False,
        reading=True,
        schema=2,
        address=None,
        version="",
        started_at_s=0,
    )
    assert to_instance({"_id": "a", "beat": 7, "more": 1}) == read
    damaged = {"name": 5, "schema": "2", "address": 5, "version": None, "started": 1.5}
    assert to_instance({"_id": "a", "beat": 7.0, **damaged}) == read


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"beat": 1},
        {"_id": 5, "beat": 1},
        {"_id": "", "beat": 1},
        {"_id": "a"},
        {"_id": "a", "beat": "1"},
        {"_id": "a", "beat": True},
        {"_id": "a", "beat": 1.5},
        {"_id": "a", "beat": -1},
    ],
)
def test_what_has_no_id_or_no_beat_is_no_instance(document: dict[str, Any]) -> None:
    """It cannot be a home, or be seen to live."""
    assert to_instance(document) is None


@given(st.integers(0, 63), st.none() | TEXTS.filter(bool).map(InstanceID), COUNTS, PLACES)
def test_a_partition_reads_back_as_it_was(
    number: int, home: InstanceID | None, epoch: int, position: Place
) -> None:
    """Every field, through BSON."""
    document = {"_id": number, "home": home, "epoch": epoch, "position": from_position(position)}
    assert to_partition(through_bson(document)) == Partition(number, home, epoch, position)


@pytest.mark.parametrize(
    ("changed", "read"),
    [
        ({"_id": 5.0, "epoch": 4.0}, Partition(5, InstanceID("me"), 4, Place(7, 8, "created"))),
        (
            {"position": {"sequence": 7.0, "timestamp": 8.0}, "more": 1},
            Partition(5, InstanceID("me"), 4, Place(7, 8)),
        ),
        (
            {"position": {"sequence": 2**53, "timestamp": 0, "more": 1}},
            Partition(5, InstanceID("me"), 4, Place(2**53, 0)),
        ),
    ],
)
def test_a_partition_is_read_whoever_wrote_it(changed: dict[str, Any], read: Partition) -> None:
    """A shell writes doubles; a newer version adds fields."""
    assert to_partition({**STORED, **changed}) == read


@given(st.dictionaries(st.sampled_from(["_id", "home", "epoch", "position"]), ANYTHING))
def test_whatever_is_stored_is_read_or_mended(document: dict[str, Any]) -> None:
    """Never a crash; what is mended reads."""
    to_instance(document)
    document = {**document, "_id": 5}
    others = [each for each in whole() if each["_id"] != 5]
    mendings = to_mendings([*others, document], NOW_S)
    read = to_partition(document)
    assert list(mendings) == ([5] if read is None else [])
    if read is None:
        mended = to_partition({**document, **mendings[5]["u"]["$set"]})
        assert mended is not None
        assert mended.home is None
        assert mended.epoch > 0
        bson.encode(mendings[5])


def test_where_there_is_nothing_all_are_made_at_epoch_zero() -> None:
    """Only where there is none yet: they may be made by several at a time."""
    mendings = to_mendings([], NOW_S)
    made = {"home": None, "epoch": 0, "position": from_position(BEGIN)}
    assert mendings == {
        number: {"q": {"_id": number}, "u": {"$setOnInsert": made}, "upsert": True}
        for number in range(64)
    }


def test_nothing_is_mended_where_all_is_well() -> None:
    """Strangers do not count."""
    assert to_mendings([*whole(), {"_id": 64}, {"_id": "5"}, {}], NOW_S) == {}


def test_what_is_missing_among_others_comes_at_an_epoch_that_never_was() -> None:
    """A home of before could else save a position of before."""
    [(number, statement)] = to_mendings(whole()[1:], NOW_S).items()
    assert number == 0
    assert statement["u"]["$setOnInsert"]["epoch"] == NOW_S


def test_a_mending_counts_only_for_what_was_read() -> None:
    """Another instance may have mended it, and somebody claimed it, in between."""
    damaged = [{"_id": 0, "home": 5, "epoch": 4}, *whole()[1:]]
    assert to_mendings(damaged, NOW_S) == {
        0: {
            "q": {
                "_id": 0,
                "home": {"$eq": 5},
                "epoch": {"$eq": 4},
                "position": {"$exists": False},
            },
            "u": {"$set": {"home": None, "epoch": 5, "position": from_position(BEGIN)}},
        }
    }
