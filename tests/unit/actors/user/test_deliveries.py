"""Where each delivery of a user is, until it is settled."""

from __future__ import annotations

from actors.messages.inputs import Delivery, SendDigest
from actors.ports import DeliveryToken
from actors.rules.alarms import UserID
from actors.user.deliveries import HeldDeliveries


def delivery(token: int) -> Delivery:
    """Return the delivery with this token."""
    return Delivery(DeliveryToken(token), SendDigest(UserID("u"), None))


def test_what_is_in_a_save_is_settled_with_it() -> None:
    """What is applied meanwhile goes with the next one."""
    held = HeldDeliveries()
    held.applied.append(delivery(1))
    assert held.begin_save() == (DeliveryToken(1),)
    held.applied.append(delivery(2))
    assert held.saving
    assert held.in_save() == [delivery(1)]
    held.end_save()
    assert (held.saving, held.unsettled()) == (False, [delivery(2)])


def test_a_save_of_nothing_is_under_way_too() -> None:
    """A user that was told something and holds no message must not leave memory before."""
    held = HeldDeliveries()
    assert held.begin_save() == ()
    assert held
    held.end_save()
    assert not held


def test_a_request_is_applied_once_its_digest_is_published() -> None:
    """And settled by the save that clears the outbox."""
    held = HeldDeliveries()
    held.owed.append(delivery(1))
    assert held.requests() == [delivery(1)]
    assert held.publish_owed() == [delivery(1)]
    assert (held.owed, held.take_applied(), held.applied) == ([], [DeliveryToken(1)], [])


def test_all_that_is_held_is_given_back_once_in_the_order_in_which_it_came() -> None:
    """Wherever it is; what is being applied may be in two places."""
    held = HeldDeliveries()
    held.applied.append(delivery(1))
    held.begin_save()
    held.applied.append(delivery(4))
    held.owed.append(delivery(2))
    held.asking.append(delivery(3))
    held.applying = (delivery(4), delivery(5))
    held.waiting.append(delivery(6))
    assert held.unsettled() == [delivery(token) for token in range(1, 7)]
