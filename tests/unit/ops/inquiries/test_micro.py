"""What NATS micro tools are told: one line an error, and figures of what was done."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from nats.micro.service import EndpointStats

from ops.inquiries.answering import AnswerError
from ops.inquiries.micro import MicroSettings, _respond, _Tally, _version

if TYPE_CHECKING:
    from nats.micro.request import Request


def test_figures_are_of_what_was_done_and_not_of_what_was_begun() -> None:
    """The handlers return before their work is done."""
    stats = EndpointStats(
        name="user-show",
        subject="s",
        queue_group="q",
        num_requests=4,
        num_errors=0,
        processing_time=1,
        average_processing_time=1,
    )
    _Tally(errors=1, processing_ns=1000, last_error="503: away").correct(stats)
    assert (stats.num_errors, stats.last_error) == (1, "503: away")
    assert (stats.processing_time, stats.average_processing_time) == (1000, 250)
    stats.num_requests = 0
    _Tally().correct(stats)
    assert stats.average_processing_time == 0


def test_the_version_is_one_that_micro_tools_take() -> None:
    """They refuse what is not three numbers."""
    assert re.fullmatch(r"\d+\.\d+\.\d+", _version())


def test_it_answers_unless_it_is_turned_off() -> None:
    """Most want it."""
    assert MicroSettings().wanted


class Asked:
    """A request that notes how it was refused."""

    def __init__(self) -> None:
        """Note nothing yet."""
        self.refusals: list[tuple[str, str]] = []

    async def respond_error(self, code: str, description: str) -> None:
        """Note it; both become headers."""
        self.refusals.append((code, description))


async def test_a_refusal_that_quotes_line_ends_is_one_line_of_ascii() -> None:
    """A UserID may hold them, and an error may quote the id."""
    asked = Asked()
    request: Request = asked  # type: ignore[assignment]  # as much of one as is used
    user = "u\r\nNats-Service-Error-Code: 200\r\n\r\n\x1b[2J\u2028"
    await _respond(request, AnswerError("404", f"no user {user!s}" + "x" * 1000))
    [(code, description)] = asked.refusals
    assert code == "404"
    assert description.startswith("no user u Nats-Service-Error-Code: 200 \\x1b[2J\\u2028")
    assert description.isascii()
    assert description.isprintable()
    assert len(description) == 500
