"""The beats of this instance, and until when they let it publish."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.rules.homes import PUBLISHING_SHARE

if TYPE_CHECKING:
    from actors.rules.partitions import Instance

NEVER_S = float("-inf")


class Beats:
    """What was sent and what is confirmed; moments are by the clock."""

    def __init__(self, me: Instance, lease_s: float) -> None:
        """Nothing was sent yet; of ``me``, beat, leaving and reading are of no account."""
        self.me = me
        """As it was sent last."""
        self._lease_s = lease_s
        self._rest_s = lease_s / 8
        self._sent_s = NEVER_S
        self._confirmed = False
        self.covered_until_s = NEVER_S
        """Up to then nobody can take this instance for dead, and some time longer."""

    def next(self, now_s: float, *, leaving: bool, reading: bool) -> Instance | None:
        """Return the beat that is to be sent now; None when the last one will do.

        A nudge has everybody look; it need not have everybody write.
        """
        me = self.me._replace(leaving=leaving, reading=reading)
        if self._confirmed and me == self.me and now_s - self._sent_s < self._rest_s:
            return None
        self.me = me._replace(beat=me.beat + 1)
        self._sent_s, self._confirmed = now_s, False
        return self.me

    def confirm(self, now_s: float) -> float:
        """Note that the beat sent last is durable; return how much too late, if above 0."""
        late_s = 0.0 if self.covered_until_s == NEVER_S else now_s - self.covered_until_s
        self._confirmed = True
        self.covered_until_s = self._sent_s + PUBLISHING_SHARE * self._lease_s
        return late_s
