"""Examining the alarms that are stored: whether one is from the future. Changes nothing."""

from __future__ import annotations

from time import time
from typing import TYPE_CHECKING

from actors.errors import StoreUnavailableError
from bus.wire.instants import format_instant
from ops.doctor.findings import Finding, note, ok
from ops.users.why import span
from store.users.browsing import UserBrowser

if TYPE_CHECKING:
    from collections.abc import Iterator

    from store.settings import StoreSettings
    from store.users.browsing import AheadSummary

_WITHIN_S = 10.0
"""Each user is looked at; of very many, an operator need not wait for that."""


def examine_alarms(settings: StoreSettings, tolerance_s: float) -> Iterator[Finding]:
    """Yield what there is to say of all users' alarms; blocks for seconds at the most."""
    now_s = time()
    try:
        with UserBrowser(settings) as browser:
            ahead = browser.ahead_of(int((now_s + tolerance_s) * 1e9), _WITHIN_S)
    except StoreUnavailableError as error:
        yield note("alarms", f"not all users could be looked at in {_WITHIN_S:g} s: {error}")
        return
    yield judge_clocks(ahead, tolerance_s, now_s)


def judge_clocks(ahead: AheadSummary | None, tolerance_s: float, now_s: float) -> Finding:
    """Judge what stands as events from the future say, if anything does."""
    if ahead is None:
        return ok("alarms", f"none is more than {span(tolerance_s)} in the future")
    return note(
        "alarms",
        f"{ahead.alarms}, of {ahead.users} users, are from the future; one of user "
        f"{ahead.user_id} stands until {format_instant(ahead.until_ns)}, "
        f"{span(ahead.until_ns / 1e9 - now_s)} from now",
        "set the clocks of their agents (main.py user show USER has the times); what they send "
        "with an earlier time changes nothing until then",
    )
