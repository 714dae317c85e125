"""Values and keys of single fields: right ones, nearly right ones, and hostile ones."""

from __future__ import annotations

import datetime as dt

from hypothesis import strategies as st

_GOOD_IDS = st.one_of(
    st.sampled_from(
        ["u", "v", "a.b$c", "$set", "__proto__", "%2E", "\U0001f6a8", " ", "0", "e\u0301"]
    ),
    st.text(
        st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=9
    ),
)
_ANY_IDS = st.one_of(
    st.text(max_size=9),
    st.builds(
        lambda char, size: (char * 300).encode()[:size].decode(errors="ignore"),
        st.sampled_from(["x", "é", "漢", "\U0001f6a8"]),
        st.integers(252, 260),
    ),
    st.sampled_from(["", "\0", "a\0b", "\ud800", "\udfff\ud800", "x" * 257, "\u202e", '"', "\\"]),
)


def _instant(days: int, second: int, fraction: str, zone: str) -> str:
    moment = dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(days=days, seconds=second)
    return f"{moment:%Y-%m-%dT%H:%M:%S}{fraction}{zone}"


_FRACTIONS = st.sampled_from(["", ".5", ".123456789", ".000000001", ".10", ".598765212"])
_GOOD_INSTANTS = st.builds(
    _instant,
    st.integers(-100_000, 100_000),
    st.integers(0, 86_399),
    _FRACTIONS,
    st.sampled_from(["Z", "Z", "Z", "z", "+00:00", "-00:00", "+02:30", "-23:59"]),
)
_PARTS = ["2021", "-", "06", "-", "07", "T", "20", ":", "40", ":", "15", ".5", "Z"]
_ODD_PARTS = st.sampled_from(
    [*"t_z.", "0000", "9999", "1677", "2262", "00", "13", "02", "29", "30", "31", "32", "24", "60"]
)
_NO_PARTS = st.sampled_from(
    ["", ".1234567890", ",5", ".1e2", ".\u0661", "\uff11", "+24:00", "+2:30", "+0230", "ZZ", "Z\n"]
)
_ANY_INSTANTS = st.one_of(
    # The minute is one that the codec has met: what it remembers of a minute must not mislead it.
    st.builds(
        "2021-06-07T20:40:{}{}Z".format, st.sampled_from(["00", "59", "60", "6", "+1"]), _FRACTIONS
    ),
    st.builds(
        lambda place, odd: "".join([*_PARTS[:place], odd, *_PARTS[place + 1 :]]),
        st.integers(0, len(_PARTS) - 1),
        _ODD_PARTS | _NO_PARTS,
    ),
    st.sampled_from(
        [
            "2262-04-11T23:47:16.854775807Z",
            "2262-04-11T23:47:16.854775808Z",
            "1677-09-21T00:12:43.145224192Z",
            "1677-09-21T00:12:43.145224191Z",
            "2262-04-12T01:47:16.854775807+02:00",
            "2016-12-31T23:59:60Z",
            "2017-01-01T05:29:60.5+05:30",
            "2016-12-30T23:59:60Z",
            "2021-02-29T00:00:00Z",
            "2024-02-29T00:00:00Z",
            "now",
            "",
        ]
    ),
)

GOOD = {
    "UserID": _GOOD_IDS,
    "AlarmID": _GOOD_IDS,
    "Status": st.sampled_from(["CLEARED", "WARNING", "CRITICAL"]),
    "ChangedAt": _GOOD_INSTANTS,
}
ANY = {
    "UserID": _ANY_IDS,
    "AlarmID": _ANY_IDS,
    "Status": st.sampled_from(["", "warning", "WARNING ", "FATAL", "CRITICAL\0", "\uff37ARNING"]),
    "ChangedAt": _ANY_INSTANTS,
}

_NEARLY_KEYS = st.sampled_from(
    [
        "",
        "UserIDs",
        "User_ID",
        " UserID",
        "UserID\0",
        "UserİD",
        "ﬆatus",
        "U\u0455erID",
        "\ufeffUserID",
    ]
)


def _key_strategy(name: str) -> st.SearchStrategy[str]:
    """Keys that are the name, differ in case or in letters that fold onto it, or are another."""
    cased = [name.lower(), name.upper(), name.swapcase(), name.title()]
    folded = [name.lower().replace("s", "\u017f", 1), name.upper().replace("S", "\u017f")]
    return st.sampled_from([name] * 16 + cased + folded) | _NEARLY_KEYS


KEYS = {name: _key_strategy(name) for name in GOOD}
