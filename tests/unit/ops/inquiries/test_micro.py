"""What NATS micro tools are told: one line an error, and figures of what was done."""

from __future__ import annotations

import re

from nats.micro.service import EndpointStats

from ops.inquiries.micro import MicroSettings, _one_line, _Tally, _version


def test_an_error_is_one_line_of_ascii_and_bounded() -> None:
    """It goes into a header, which a line end would split."""
    assert _one_line("a\r\nNats-Msg-Id: 1\tü") == "a Nats-Msg-Id: 1 \\xfc"
    assert len(_one_line("x" * 5000)) == 500


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
