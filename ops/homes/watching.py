"""Watching the instances for as long as it takes to know who is up. Blocks."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from actors.rules.partitions import InstanceID
from actors.rules.watching import NEWCOMER_S, NOTHING_SEEN, is_settled, observe

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors.rules.watching import Watch
    from store.homes.browsing import StoredHomes

LOOKS_PER_LEASE = 12
"""Beats come every quarter of the lease."""

NOBODY = InstanceID("")
"""Whoever watches from outside is no instance."""


class Watched(NamedTuple):
    """What was seen at last."""

    stored: StoredHomes
    watch: Watch


def watch_until_known(
    look: Callable[[], StoredHomes],
    lease_s: float,
    monotonic_s: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Watched:
    """Look again and again until each instance was seen to beat, or was silent for the lease.

    At least as long as newcomers are waited for. Raises ``StoreUnavailableError``.
    """
    watch, began_s = NOTHING_SEEN, monotonic_s()
    while True:
        look_began_s = monotonic_s()
        stored = look()
        now_s = monotonic_s()
        watch = observe(watch, stored.view.instances, lease_s, look_began_s, now_s)
        known = is_settled(watch, NOBODY, lease_s) and watch.returned_s >= NEWCOMER_S
        if known or not watch.seen or now_s - began_s > 3 * lease_s:
            return Watched(stored, watch)
        sleep(lease_s / LOOKS_PER_LEASE)
