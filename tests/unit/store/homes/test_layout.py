"""The layout: what fits, what does not, and the streams that the service made."""

from __future__ import annotations

from typing import Any

import pytest

from actors.errors import SettingsError
from actors.rules.alarms import UserID
from actors.rules.partitions import partition_of
from store.homes.layout import check_layout, to_making, to_noting, to_streams

MADE: dict[str, Any] = {"_id": "layout", "schema": 1, "partitions": 64, "hash": "crc32"}
OTHERS: dict[str, list[Any]] = {
    "schema": [2, 1.5, float("inf"), float("nan"), 0, -1, "1", None, [], {}],
    "partitions": [32, 128, 64.5, "64", None, [], float("nan")],
    "hash": ["md5", "CRC32", "", None, 32, {"a": "\n"}],
    "streams": [None, 5, "a", []],
}


def test_what_is_made_fits() -> None:
    """The form on disk must not change without a new schema."""
    fixed = {"schema": 1, "partitions": 64, "hash": "crc32"}
    assert to_making() == {"q": {"_id": "layout"}, "u": {"$setOnInsert": fixed}, "upsert": True}
    check_layout(MADE, "homes.layout")
    check_layout({**MADE, "streams": {"a": "b"}, "more": 1}, "homes.layout")


def test_the_hash_is_what_its_name_says() -> None:
    """Computed outside, too: the CRC-32 of a catalogue's check value, 0xCBF43926."""
    assert partition_of(UserID("123456789")) == 0xCBF43926 % 64


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in OTHERS.items() for value in values]
)
def test_any_other_is_refused_in_one_line(name: str, value: object) -> None:
    """Never by a crash, and never taken for the one that fits."""
    with pytest.raises(
        SettingsError, match=r"^MONGODB_DATABASE: homes\.layout has [^\n]+: [^\n]+$"
    ):
        check_layout({**MADE, name: value}, "homes.layout")


@pytest.mark.parametrize("lacking", ["schema", "partitions", "hash"])
def test_one_that_lacks_what_was_agreed_on_is_refused(lacking: str) -> None:
    """Nobody knows what the users were dealt by."""
    with pytest.raises(SettingsError):
        check_layout({name: MADE[name] for name in MADE if name != lacking}, "homes.layout")


@pytest.mark.parametrize("streams", [None, 5, "a", ["a"]])
def test_streams_that_are_damaged_are_not_ours(streams: object) -> None:
    """What is not known to be ours is not purged."""
    assert to_streams({**MADE, "streams": streams}) == {}
    assert to_streams({**MADE, "streams": {"a": streams, "b": "created"}}).get("b") == "created"
    assert to_streams(None) == {}


@pytest.mark.parametrize("name", ["alarms", "$KV_x", "%24", "a.b", "🚨"])
def test_a_stream_is_noted_under_its_name_escaped(name: str) -> None:
    """A dollar or a dot would be a command or a path."""
    [(path, created)] = to_noting(name, "created")["u"]["$set"].items()
    field = path.removeprefix("streams.")
    assert not set(".$") & set(field)
    assert to_streams({"streams": {field: created}}) == {name: "created"}
