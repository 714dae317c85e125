"""However many messages are rejected, the log says so at a bounded rate, and leaves out no kind."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from actors.ports import DeliveryToken
from actors.rejections import Rejection, RejectionKind
from actors.rules.positions import Place
from bus.outbound.rejection_log import RejectionLog
from bus.wire.message import Message, Rejected

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest


class Timer:
    """Keeps what is to be done later, until a test has it done."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.actions: list[Callable[[], None]] = []

    def call_later(self, delay_s: float, action: Callable[[], None]) -> None:
        """Keep it."""
        del delay_s
        self.actions.append(action)

    def pass_by(self) -> None:
        """Do what was kept."""
        due, self.actions = self.actions, []
        for action in due:
            action()


def test_a_hundred_thousand_rejections_are_a_line_a_kind_and_interval(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Each with the count and a sample; the last one tells the whole of it."""
    timer = Timer()
    log = RejectionLog(timer.call_later)
    with caplog.at_level(logging.WARNING):
        for sequence in range(100_000):
            kind = (RejectionKind.NOT_JSON, RejectionKind.BAD_FIELD)[sequence % 2]
            message = Message("AlarmStatusChanged", b"{", "", Place(sequence, 0))
            rejection = Rejection(kind, f"reason {sequence}")
            log.add([Rejected(DeliveryToken(sequence), message, rejection)])
        assert len(caplog.records) == 2
        timer.pass_by()
        assert len(caplog.records) == 4
        log.close()
    told = [(vars(r)["kind"], vars(r)["total"], vars(r)["reason"]) for r in caplog.records]
    assert told == [
        ("not_json", 1, "reason 0"),
        ("bad_field", 1, "reason 1"),
        ("not_json", 50_000, "reason 99998"),
        ("bad_field", 50_000, "reason 99999"),
    ]
