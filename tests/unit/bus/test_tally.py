"""What the bus counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.rejections import Rejection, RejectionKind
from bus.tally import BusTally
from tests.unit.bus.inbound.test_intake import HOME, OTHERS_BODY, Desk, event, logged, request

if TYPE_CHECKING:
    from bus.inbound.log_source import LogMessage


def test_every_message_taken_is_counted_as_what_it_is() -> None:
    """Once each, so that the kinds add up to what was taken."""
    desk = Desk()
    desk.want(HOME, 0)
    desk.take(event(1), event(2), request(3), event(4, body=b"{}"))
    desk.read(logged(5), logged(6, OTHERS_BODY), logged(7, b"{}"), _renamed(8))
    counted = BusTally(taken=7, requests=1, rejected=2, foreign=1, skipped=1)
    assert desk.tally == counted
    assert desk.tally.events == 3


def _renamed(sequence: int) -> LogMessage:
    return logged(sequence)._replace(subject="AlarmRenamed")


def test_a_settled_message_is_counted_once() -> None:
    """A token that is settled already is not."""
    desk = Desk()
    desk.take(event(1), event(2))
    desk.intake.settle(desk.tokens())
    desk.intake.settle(desk.tokens())
    assert desk.tally.settled == 2


def test_a_dead_letter_is_counted_by_its_reason_once_it_is_in_its_stream() -> None:
    """What is not there yet is not a dead letter yet; its message is settled then."""
    desk = Desk()
    desk.take(event(1), event(2, body=b"{}"))
    desk.intake.dead_letter(desk.tokens(), Rejection(RejectionKind.CRASHED, "UserID boom"))
    assert not desk.tally.dead_letters
    for number in range(2):
        desk.letters.store(number)
    assert desk.tally.dead_letters == {RejectionKind.BAD_FIELD: 1, RejectionKind.CRASHED: 1}
    assert desk.tally.settled == 2
