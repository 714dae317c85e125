"""Risks: what of a stream's settings is warned about."""

from __future__ import annotations

import pytest
from nats.js.api import StreamConfig

from bus.streams.risks import risks_of_output_stream


@pytest.mark.parametrize(
    ("max_msg_size", "warned"),
    [(None, False), (-1, False), (0, False), (8192, True), (1024 * 1024, False)],
)
def test_a_stream_that_takes_small_messages_only_is_warned_about(
    max_msg_size: int | None, *, warned: bool
) -> None:
    """Digests come in parts there, and dead letters are cut: nobody should find that out late."""
    config = StreamConfig(name="s", duplicate_window=120, max_msg_size=max_msg_size)
    risks = list(risks_of_output_stream(config))
    assert [risk.event for risk in risks] == ["stream.limits_message_size"] * warned
    for risk in risks:
        assert "max_msg_size" in risk.mend
