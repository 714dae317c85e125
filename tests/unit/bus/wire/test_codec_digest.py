"""The codec, writing: digests byte for byte, and split where they are too large."""

from __future__ import annotations

import itertools
import json

from hypothesis import given
from hypothesis import strategies as st

from actors.rules.alarms import AlarmID, Severity, UserID
from actors.rules.digest import Digest, DigestID, DigestItem
from bus.wire.codec import encode_digest
from bus.wire.instants import parse_instant

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)
ITEMS = st.builds(
    DigestItem,
    TEXTS.map(AlarmID),
    st.sampled_from([Severity.WARNING, Severity.CRITICAL]),
    st.integers(-(2**63), 2**63 - 1),
)


def _digest(user_id: str, *items: DigestItem) -> Digest:
    return Digest(DigestID("d1"), UserID(user_id), items)


def _items(body: bytes) -> list[DigestItem]:
    return [
        DigestItem(
            AlarmID(item["AlarmID"]),
            Severity[item["Status"]],
            parse_instant(item["LatestChangedAt"]),
        )
        for item in json.loads(body)["ActiveAlarms"]
    ]


def test_a_digest_is_written_as_the_contract_shows_it() -> None:
    """Those keys, in that order, compact."""
    item = DigestItem(AlarmID("a1"), Severity.WARNING, 1_623_098_415_598_765_212)
    body = (
        b'{"UserID":"u1","ActiveAlarms":[{"AlarmID":"a1","Status":"WARNING",'
        b'"LatestChangedAt":"2021-06-07T20:40:15.598765212Z"}]}'
    )
    assert encode_digest(_digest("u1", item), 1000) == [(0, 1, body)]


def test_several_alarms_are_written_in_their_order() -> None:
    """The digest has sorted them; writing does not."""
    items = (
        DigestItem(AlarmID("b"), Severity.CRITICAL, 0),
        DigestItem(AlarmID("a"), Severity.WARNING, 100_000_000),
    )
    [part] = encode_digest(_digest("u1", *items), 1000)
    assert part.body == (
        b'{"UserID":"u1","ActiveAlarms":['
        b'{"AlarmID":"b","Status":"CRITICAL","LatestChangedAt":"1970-01-01T00:00:00Z"},'
        b'{"AlarmID":"a","Status":"WARNING","LatestChangedAt":"1970-01-01T00:00:00.1Z"}]}'
    )


def test_an_empty_digest_is_one_message() -> None:
    """Nothing to tell is told as an empty list, however little room there is."""
    for max_bytes in (1000, 1):
        assert encode_digest(_digest("u1"), max_bytes) == [
            (0, 0, b'{"UserID":"u1","ActiveAlarms":[]}')
        ]


def test_names_are_written_as_utf_8_and_escaped_where_json_must() -> None:
    """Quotes, backslashes, emoji."""
    item = DigestItem(AlarmID('a"\\🚨'), Severity.WARNING, 0)
    [part] = encode_digest(_digest("ü\n", item), 1000)
    assert part.body.startswith(b'{"UserID":"\xc3\xbc\\n",')
    assert b'"AlarmID":"a\\"\\\\\xf0\x9f\x9a\xa8"' in part.body


@given(TEXTS, st.lists(ITEMS, max_size=20), st.integers(0, 2000))
def test_parts_are_small_enough_and_join_to_the_whole(
    user_id: str, items: list[DigestItem], spare: int
) -> None:
    """All items, in order, none twice, in as few consecutive parts as the room allows."""
    sizes = [len(encode_digest(_digest(user_id, item), 1)[0].body) for item in items]
    max_bytes = max(sizes, default=0) + spare
    parts = encode_digest(_digest(user_id, *items), max_bytes)
    assert [item for part in parts for item in _items(part.body)] == items
    assert [part.first for part in parts] == [0, *(part.end for part in parts[:-1])]
    assert parts[-1].end == len(items)
    assert all(json.loads(part.body)["UserID"] == user_id for part in parts)
    if items:
        assert all(_items(part.body) == items[part.first : part.end] for part in parts)
        assert all(0 < len(part.body) <= max_bytes for part in parts)
    for part, following in itertools.pairwise(parts):
        one_more = _digest(user_id, *items[part.first : following.first + 1])
        assert len(encode_digest(one_more, 10**9)[0].body) > max_bytes


def test_a_digest_exactly_as_large_as_allowed_is_one_message() -> None:
    """One byte less splits it."""
    digest = _digest("u1", *(DigestItem(AlarmID(f"a{n}"), Severity.WARNING, n) for n in range(9)))
    [whole] = encode_digest(digest, 10**9)
    assert encode_digest(digest, len(whole.body)) == [whole]
    assert len(encode_digest(digest, len(whole.body) - 1)) == 2


def test_every_part_may_be_exactly_as_large_as_allowed() -> None:
    """The later ones as well as the first."""
    items = [DigestItem(AlarmID(f"a{n}"), Severity.WARNING, 0) for n in range(6)]
    [pair] = encode_digest(_digest("u1", *items[:2]), 10**9)
    parts = encode_digest(_digest("u1", *items), len(pair.body))
    assert [(part.first, part.end) for part in parts] == [(0, 2), (2, 4), (4, 6)]


def test_an_alarm_that_alone_is_too_large_gets_a_part_of_its_own() -> None:
    """The others must not suffer for it."""
    names = ("a", "x" * 500, "b", "c")
    items = tuple(DigestItem(AlarmID(name), Severity.WARNING, 0) for name in names)
    parts = encode_digest(_digest("u1", *items), 250)
    assert [(part.first, part.end) for part in parts] == [(0, 1), (1, 2), (2, 4)]
