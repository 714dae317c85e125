"""Applying what came, in order: events change the state, requests are put before the outbox."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.messages.inputs import AlarmStatusChanged
from actors.rejections import Rejection, RejectionKind
from actors.rules.alarms import apply_event
from actors.user.selection import ALARMS_IN_A_SLICE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from actors.messages.inputs import Delivery
    from actors.user.context import UserContext
    from actors.user.deliveries import HeldDeliveries
    from actors.user.outbox import Outbox
    from actors.user.state import UserState


def apply_in_order(  # noqa: C901  # one loop, by far the most
    items: Sequence[Delivery],
    state: UserState,
    held: HeldDeliveries,
    context: UserContext,
    answer: Callable[[], None],
) -> None:
    """Apply each event to ``state``; put each request into ``held`` and call ``answer``.

    Whatever this raises, ``held`` says which delivery it was at, and has all of them. An alarm for
    which the user's document has no room becomes a dead letter.
    """
    held.applying = items
    alarms, changed, applied, fresh = state.alarms, state.changed, held.applied, state.fresh
    retention = context.retention
    now_s = context.clock.wall_s()
    ahead_ns = int((now_s + context.settings.future_tolerance_s) * 1e9)
    unchanged = requests = ahead = 0
    for delivery in items:
        token, body, _ = delivery
        held.handling = token
        if type(body) is AlarmStatusChanged:
            _, alarm_id, severity, changed_at_ns = body
            known = alarms.get(alarm_id)
            alarm = apply_event(known, severity, changed_at_ns, now_s, retention)
            if alarm is not known:
                if known is None and not state.has_room_for(alarm_id):
                    reason = f"the user has {len(alarms)} alarms and no room for another"
                    rejection = Rejection(RejectionKind.UNSAVABLE, reason)
                    context.acknowledger.dead_letter((token,), rejection)
                    unchanged += 1
                    continue
                if known is None:
                    alarm_id = context.ids.share(alarm_id)
                alarms[alarm_id] = alarm
                changed[alarm_id] = None
                if fresh is not None:
                    fresh[alarm_id] = None
                if changed_at_ns > ahead_ns:
                    ahead += 1
            else:
                unchanged += 1
            applied.append(delivery)
        else:
            requests += 1
            held.asking.append(delivery)
            answer()
            fresh = state.fresh
    if fresh is not None:
        state.noted()
    tally = context.tally
    tally.events_changed += len(items) - requests - unchanged
    if ahead:
        tally.events_ahead += ahead
    if unchanged:
        tally.events_unchanged += unchanged
    held.applying = ()
    held.handling = None


def work_off(
    outbox: Outbox,
    held: HeldDeliveries,
    answer: Callable[[], None],
    apply: Callable[[Sequence[Delivery]], None],
) -> Iterator[None]:
    """Choose what is to be told, and apply what waits, a slice at a time, until neither is left.

    What waits is not looked at while something is chosen: alarms must not change meanwhile.
    """
    while outbox.selection is not None or held.waiting:
        if outbox.selection is None:
            apply(held.take_waiting(ALARMS_IN_A_SLICE))
        elif outbox.selection.items is None:
            outbox.selection.step()
        else:
            answer()
        yield
