"""RFC 3339 instants: exact to the nanosecond, whatever the offset."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bus.wire.instants import format_instant, parse_instant

INT64 = st.integers(-(2**63), 2**63 - 1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
WHOLE_MINUTE_OFFSETS = st.integers(-(23 * 60 + 59), 23 * 60 + 59)
MOMENTS = st.datetimes(datetime(1678, 1, 1), datetime(2261, 12, 31))  # noqa: DTZ001  # made aware


def _nanoseconds(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1) * 1000


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (1, "1970-01-01T00:00:00.000000001Z"),
        (-1, "1969-12-31T23:59:59.999999999Z"),
        (100_000_000, "1970-01-01T00:00:00.1Z"),
        (10, "1970-01-01T00:00:00.00000001Z"),
        (1_000_000_000, "1970-01-01T00:00:01Z"),
        (10_000_000_000, "1970-01-01T00:00:10Z"),
        (1_623_098_415_598_765_212, "2021-06-07T20:40:15.598765212Z"),
        (951_782_400_000_000_000, "2000-02-29T00:00:00Z"),
        (2**63 - 1, "2262-04-11T23:47:16.854775807Z"),
        (-(2**63), "1677-09-21T00:12:43.145224192Z"),
    ],
)
def test_an_instant_is_written_as_go_writes_it_and_read_back(ns: int, text: str) -> None:
    """What RFC3339Nano of Go prints: UTC, trailing zeros of the fraction trimmed."""
    assert format_instant(ns) == text
    assert parse_instant(text) == ns


@pytest.mark.parametrize("digits", range(10))
def test_a_fraction_of_any_length_is_kept_exactly(digits: int) -> None:
    """0 to 9 digits count tenths, hundredths, … of a second."""
    fraction = "598765212"[:digits]
    text = f"2021-06-07T20:40:15{'.' if digits else ''}{fraction}Z"
    assert parse_instant(text) == 1_623_098_415_000_000_000 + int(fraction.ljust(9, "0") or 0)


@pytest.mark.parametrize(
    "text",
    [
        "2021-06-07T20:40:15.5Z",
        "2021-06-07t20:40:15.5z",
        "2021-06-07T20:40:15.500000000+00:00",
        "2021-06-07T20:40:15.5-00:00",
        "2021-06-07T22:40:15.5+02:00",
        "2021-06-08T02:10:15.50+05:30",
        "2021-06-07T11:10:15.5-09:30",
        "2021-06-08T20:39:15.5+23:59",
        "2021-06-06T20:41:15.5-23:59",
    ],
)
def test_every_way_to_write_an_instant_means_the_same(text: str) -> None:
    """Offsets, letter case and trailing zeros make no difference."""
    assert parse_instant(text) == 1_623_098_415_500_000_000


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("2016-12-31T23:59:60Z", 1_483_228_800_000_000_000),
        ("2016-12-31T23:59:60.999999999Z", 1_483_228_800_000_000_000),
        ("2017-01-01T05:29:60.5+05:30", 1_483_228_800_000_000_000),
        ("1972-06-30t15:59:60-08:00", 78_796_800_000_000_000),
    ],
)
def test_a_leap_second_is_the_first_instant_of_the_next(text: str, ns: int) -> None:
    """A count since 1970 has no place for it; the hour that it is in stays where it was."""
    assert parse_instant(text) == ns
    hour = "2016-12-31T23:"
    assert parse_instant(f"{hour}59:59.5Z") == 1_483_228_799_500_000_000
    assert parse_instant(text) == ns
    assert parse_instant(f"{hour}00:00.5Z") == 1_483_225_200_500_000_000


@given(INT64)
@example(2**63 - 1)
@example(-(2**63))
def test_what_is_written_is_read_back_exactly(ns: int) -> None:
    """Every nanosecond that 64 bits can count survives the round trip."""
    assert parse_instant(format_instant(ns)) == ns


@given(INT64, INT64)
def test_different_instants_are_written_differently(one: int, other: int) -> None:
    """Two changes one nanosecond apart are two changes."""
    assert (format_instant(one) == format_instant(other)) == (one == other)
    if one < 2**63 - 1:
        assert format_instant(one) != format_instant(one + 1)


@given(MOMENTS, WHOLE_MINUTE_OFFSETS)
def test_reading_agrees_with_the_standard_library(moment: datetime, offset_min: int) -> None:
    """To the microsecond, at any offset, ``datetime`` computes the same instant."""
    local = moment.replace(tzinfo=timezone(timedelta(minutes=offset_min)))
    assert parse_instant(local.isoformat()) == _nanoseconds(local)


@given(MOMENTS)
def test_writing_agrees_with_the_standard_library(moment: datetime) -> None:
    """To the microsecond, ``datetime`` prints the same but for trailing zeros."""
    aware = moment.replace(tzinfo=UTC)
    whole, point, fraction = moment.isoformat().partition(".")
    expected = f"{whole}{(point + fraction).rstrip('0')}Z"
    assert format_instant(_nanoseconds(aware)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "2021-06-07",
        "2021-06-07T20:40:15",
        "2021-06-07 20:40:15Z",
        "2021-06-07T20:40Z",
        "2021-06-07T20:40:15.Z",
        "2021-06-07T20:40:15,5Z",
        "2021-06-07T20:40:15.0123456789Z",
        "2021-06-07T20:40:15+0200",
        "2021-06-07T20:40:15+02",
        "2021-06-07T20:40:15+24:00",
        "2021-06-07T20:40:15+02:60",
        "2021-06-07T24:00:00Z",
        "2021-06-07T20:60:15Z",
        "2021-06-07T20:40:60Z",
        "2016-12-31T23:58:60Z",
        "2016-12-30T23:59:60Z",
        "2016-12-31T23:59:60+01:00",
        "2016-12-31T23:59:61Z",
        "21-06-07T20:40:15Z",
        "+2021-06-07T20:40:15Z",
        " 2021-06-07T20:40:15Z",
        "2021-06-07T20:40:15Z\n",
        "2021-06-07T20:40:15ZZ",
        "٢٠٢١-06-07T20:40:15Z",
        "2021-06-07T20:40:15.५Z",
        "1623098415",
    ],
)
def test_what_is_no_rfc_3339_time_is_refused(text: str) -> None:
    """Nothing is guessed: no missing offset, no tenth digit, no other script's digits."""
    with pytest.raises(ValueError, match=r"^is not an RFC 3339 time"):
        parse_instant(text)


@pytest.mark.parametrize(
    "text",
    [
        "2021-02-29T00:00:00Z",
        "2021-04-31T00:00:00Z",
        "2021-13-01T00:00:00Z",
        "2021-00-01T00:00:00Z",
        "2021-01-00T00:00:00Z",
        "0000-01-01T00:00:00Z",
    ],
)
def test_a_day_that_does_not_exist_is_refused(text: str) -> None:
    """The calendar is checked, leap years included."""
    with pytest.raises(ValueError, match=r"^names a day that does not exist$"):
        parse_instant(text)


@pytest.mark.parametrize(
    "text",
    [
        "2262-04-11T23:47:16.854775808Z",
        "2262-04-11T23:47:16.854775807-00:01",
        "1677-09-21T00:12:43.145224191Z",
        "1677-09-21T00:12:43.145224192+00:01",
        "9999-12-31T23:59:59.999999999-23:59",
        "0001-01-01T00:00:00+23:59",
        "0001-01-01T00:00:60+23:59",
        "9999-12-31T23:59:60Z",
    ],
)
def test_an_instant_beyond_64_bits_is_refused(text: str) -> None:
    """One nanosecond more than fits is one too many."""
    with pytest.raises(ValueError, match=r"^is outside the years"):
        parse_instant(text)


@given(st.text())
def test_any_text_is_read_or_refused_with_a_reason(text: str) -> None:
    """No text makes reading fail in another way."""
    try:
        ns = parse_instant(text)
    except ValueError as error:
        assert str(error)  # noqa: PT017  # a text that is an instant would be as good
    else:
        assert parse_instant(format_instant(ns)) == ns
