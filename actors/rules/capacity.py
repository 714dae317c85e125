"""How much one user may hold: no more than a checkpoint of it can ever take. Pure.

MongoDB takes no document over 16 MiB. Were a user filled up to that, what is in it could no longer
be told: a digest is kept in the same document until it is published.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from actors.rules.alarms import AlarmID

USER_MAX_BYTES = 13 * 1024 * 1024
"""What a user's alarms may take; the rest is for the largest digest and what surrounds both."""

ALARMS_SURELY_FIT = 16_000
"""So many alarms fit whatever their ids, and need not be measured."""

_FIXED_BYTES = 60


def stored_bytes(alarm_ids: Iterable[AlarmID]) -> int:
    """Return what these alarms take of a checkpoint at the most, told or not.

    An id is a field's name there; three characters of those that a name may not have are escaped.
    """
    ids = list(alarm_ids)
    # In one text: milliseconds for 100,000, and not a hundredth of a second for each ten thousand.
    text = "".join(ids)
    escaped = text.count(".") + text.count("$") + text.count("%")
    return _FIXED_BYTES * len(ids) + len(text.encode()) + 2 * escaped
