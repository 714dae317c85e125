"""The name by which the version before the log knew a message."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.wire.earlier import HEADER, earlier_id, earlier_id_in, earlier_sequence

NAME = "17.1623098415598765212"


def on_the_wire(*lines: str) -> bytes:
    """Return headers as the server sends them."""
    return "\r\n".join(["NATS/1.0", *lines, "", ""]).encode()


@given(st.integers(1, 2**63 - 1), st.integers(0, 2**63 - 1))
def test_what_a_migration_writes_is_read_back(sequence: int, timestamp_ns: int) -> None:
    """Between others', wherever it stands."""
    name = earlier_id(sequence, timestamp_ns)
    headers = on_the_wire("traceparent: 00-a", f"{HEADER}: {name}", "Nats-Msg-Id: x")
    assert earlier_id_in(headers) == name
    assert earlier_sequence(name) == sequence


def test_the_form_is_that_of_the_checkpoints() -> None:
    """``<sequence>.<timestamp>``, as the earlier version made it of a delivery's address."""
    assert earlier_id(17, 1623098415598765212) == NAME


@pytest.mark.parametrize(
    "lines",
    [
        [],
        ["traceparent: 00-a"],
        [f"X-{HEADER}: {NAME}"],
        [f"X: {HEADER}: {NAME}"],
        [f"{HEADER}: "],
        [f"{HEADER}: 17"],
        [f"{HEADER}: 0.5"],
        [f"{HEADER}: -1.5"],
        [f"{HEADER}: {NAME}.3"],
        [f"{HEADER}: {'9' * 30}.1"],
    ],
)
def test_what_has_another_form_is_no_name(lines: list[str]) -> None:
    """A producer may write what it likes there."""
    assert earlier_id_in(on_the_wire(*lines)) is None


def test_without_headers_there_is_none() -> None:
    """As most messages are."""
    assert earlier_id_in(b"") is None
