"""What becomes of a crashed user's mail."""

from __future__ import annotations

from actors.messages.inputs import AlarmStatusChanged, Delivery
from actors.ports import DeliveryToken
from actors.router.retrying import after_crash
from actors.rules.alarms import AlarmID, Severity, UserID

BODY = AlarmStatusChanged(UserID("u"), AlarmID("a"), Severity.WARNING, 5)


def mail(*attempts: int) -> list[Delivery]:
    """Return deliveries 1, 2 and so on, each tried so often."""
    return [
        Delivery(DeliveryToken(number), BODY, attempt)
        for number, attempt in enumerate(attempts, start=1)
    ]


def again(*tried: tuple[int, int]) -> list[Delivery]:
    """Return deliveries by token and attempt."""
    return [Delivery(DeliveryToken(token), BODY, attempt) for token, attempt in tried]


def test_only_what_is_blamed_counts_an_attempt_and_the_order_stays() -> None:
    """No request may be answered from a state that lacks an event before it."""
    assert after_crash(mail(1, 2, 1), {DeliveryToken(2)}, 5) == (
        again((1, 1), (2, 3), (3, 1)),
        [],
        2,
    )


def test_what_was_tried_too_often_is_given_up() -> None:
    """The others need not wait for it."""
    assert after_crash(mail(5, 1), {DeliveryToken(1)}, 5) == (again((2, 1)), [DeliveryToken(1)], 0)


def test_the_most_tried_of_several_tells_how_long_to_wait() -> None:
    """Where nobody knows which it was, all are blamed."""
    blamed = {DeliveryToken(number) for number in (1, 2, 3)}
    assert after_crash(mail(1, 4, 5), blamed, 5) == (again((1, 2), (2, 5)), [DeliveryToken(3)], 4)


def test_without_mail_nothing_is_to_be_done() -> None:
    """It had all been settled."""
    assert after_crash([], {DeliveryToken(1)}, 5) == ([], [], 0)
