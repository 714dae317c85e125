"""docs/homes.md tells other languages whose a user is: its table is what the service computes."""

from __future__ import annotations

import re
import zlib

import pytest

from actors.rules.alarms import UserID
from actors.rules.partitions import PARTITIONS, partition_of
from tests.service import ROOT

PAGE = (ROOT / "docs" / "homes.md").read_text()
VECTORS = re.findall(
    r"^\| `(.+)` \| (\d+) \| (\d+) \|$",
    PAGE.partition("<!-- hash vectors -->")[2].partition("<!-- /hash vectors -->")[0],
    re.MULTILINE,
)


@pytest.mark.parametrize(("user_id", "crc", "partition"), VECTORS)
def test_a_vector_is_what_the_service_computes(user_id: str, crc: str, partition: str) -> None:
    """A producer that follows the table must not publish to another partition."""
    assert zlib.crc32(user_id.encode()) == int(crc)
    assert partition_of(UserID(user_id)) == int(partition)


def test_the_vectors_are_more_than_letters() -> None:
    """What languages encode differently is among them; the number of partitions is said."""
    assert len(VECTORS) >= 8
    assert {len(user_id.encode()) - len(user_id) > 0 for user_id, _, _ in VECTORS} == {True, False}
    assert any(ord(letter) > 0xFFFF for user_id, _, _ in VECTORS for letter in user_id)
    assert f"`crc32(UserID) % {PARTITIONS}`" in PAGE
    assert f"modulo {PARTITIONS}" in PAGE
