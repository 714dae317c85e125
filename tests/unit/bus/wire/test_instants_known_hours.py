"""RFC 3339 instants in an hour that was read before: the short way says what the long one does."""

from __future__ import annotations

import pytest

from bus.wire.instants import parse_instant

MINUTE = "2021-06-07T20:40:"
MINUTE_NS = 1_623_098_400_000_000_000


@pytest.fixture(autouse=True)
def _known_hour() -> None:
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
    """Though all up to the minutes is known to be right."""
    with pytest.raises(ValueError, match=r"^is not an RFC 3339 time"):
        parse_instant(MINUTE + rest)


@pytest.mark.parametrize(("minute", "minutes"), [("00", 0), ("39", 39), ("59", 59)])
def test_another_minute_of_the_hour_is_read(minute: str, minutes: int) -> None:
    """It is known with its hour."""
    hour_ns = MINUTE_NS - 40 * 60_000_000_000
    assert parse_instant(f"2021-06-07T20:{minute}:01.5Z") == (
        hour_ns + minutes * 60_000_000_000 + 1_500_000_000
    )


@pytest.mark.parametrize("rest", ["60:00.5Z", "4:000.5Z", "40-00.5Z", "+4:00.5Z", "४०:00.5Z"])
def test_a_minute_that_is_none_is_refused(rest: str) -> None:
    """Though the hour is known to be right."""
    with pytest.raises(ValueError, match=r"^is not an RFC 3339 time"):
        parse_instant("2021-06-07T20:" + rest)


@pytest.mark.parametrize(
    ("inside", "outside"),
    [
        ("1677-09-21T00:12:44.5Z", "1677-09-21T00:12:43.1Z"),
        ("2262-04-11T23:47:16.5Z", "2262-04-11T23:47:16.9Z"),
    ],
)
def test_an_hour_that_can_only_be_counted_in_part_is_never_known(inside: str, outside: str) -> None:
    """The first and the last of 64 bits."""
    assert parse_instant(inside)
    with pytest.raises(ValueError, match=r"^is outside"):
        parse_instant(outside)


@pytest.mark.parametrize("offset", ["+02:00", "-09:30", "+23:59"])
def test_an_hour_with_an_offset_is_not_taken_for_one_without(offset: str) -> None:
    """The same digits name another hour there."""
    written = "2019-01-01T10:30:"
    local = parse_instant(f"{written}15.5{offset}")
    assert parse_instant(f"{written}15.5Z") == 1_546_338_615_500_000_000 != local
