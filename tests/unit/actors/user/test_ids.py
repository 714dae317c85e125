"""One object for an id that many users have."""

from __future__ import annotations

from actors.rules.alarms import AlarmID
from actors.user import ids as shared
from actors.user.ids import SharedIds


def _made(text: str) -> AlarmID:
    """Return an id that is an object of its own, as each decoded one is."""
    return AlarmID("".join(list(text)))


def test_equal_ids_become_one_object() -> None:
    """The first that was seen."""
    ids, first = SharedIds(), _made("disk full")
    assert ids.share(first) is first
    assert ids.share(_made("disk full")) is first


def test_no_more_are_kept_than_so_many() -> None:
    """Where each agent has names of its own, it would only be one more table of them."""
    assert shared.SHARED_IDS_MAX == 50_000
    ids = SharedIds()
    for number in range(shared.SHARED_IDS_MAX):
        ids.share(AlarmID(str(number)))
    one_more = _made("one more")
    assert ids.share(one_more) is one_more
    assert ids.share(_made("one more")) is not one_more
    assert ids.share(_made("17")) is ids.share(_made("17"))
