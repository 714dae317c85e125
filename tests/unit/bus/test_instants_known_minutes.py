"""RFC 3339 instants in a minute that was read before: the short way says what the long one does."""

from __future__ import annotations

import pytest

from bus.instants import parse_instant

MINUTE = "2021-06-07T20:40:"
MINUTE_NS = 1_623_098_400_000_000_000


@pytest.fixture(autouse=True)
def _known_minute() -> None:
    assert parse_instant(f"{MINUTE}00Z") == MINUTE_NS


@pytest.mark.parametrize(
    ("rest", "ns"),
    [
        ("15Z", 15_000_000_000),
        ("15.5Z", 15_500_000_000),
        ("15.5z", 15_500_000_000),
        ("00.0Z", 0),
        ("00.000000001Z", 1),
        ("59.999999999Z", 59_999_999_999),
        ("15.5+00:01", 15_500_000_000 - 60_000_000_000),
    ],
)
def test_an_instant_is_read(rest: str, ns: int) -> None:
    """Exact to the nanosecond."""
    assert parse_instant(MINUTE + rest) == MINUTE_NS + ns


@pytest.mark.parametrize(
    "rest",
    [
        "",
        "Z",
        "1Z",
        "15",
        "15.",
        "15.Z",
        "15.5",
        "15.55",
        "15,5Z",
        "15:5Z",
        "1.55Z",
        "60.5Z",
        "61.5Z",
        "99.5Z",
        "15.0123456789Z",
        "15.5ZZ",
        "15.5Z ",
        "-1.5Z",
        "+5.5Z",
        "1_.5Z",
        "15.५Z",
        "१५.5Z",
        "15.²Z",
    ],
)
def test_what_is_no_rfc_3339_time_is_refused(rest: str) -> None:
    """Though all up to the seconds is known to be right."""
    with pytest.raises(ValueError, match=r"^is not an RFC 3339 time"):
        parse_instant(MINUTE + rest)


@pytest.mark.parametrize("offset", ["+02:00", "-09:30", "+23:59"])
def test_a_minute_with_an_offset_is_not_taken_for_one_without(offset: str) -> None:
    """The same digits name another minute there."""
    written = "2019-01-01T10:30:"
    local = parse_instant(f"{written}15.5{offset}")
    assert parse_instant(f"{written}15.5Z") == 1_546_338_615_500_000_000 != local
