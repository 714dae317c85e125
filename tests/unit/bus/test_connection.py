"""The connection: commands as they wait to be written."""

from __future__ import annotations

from random import Random

from bus.connection import Connection
from bus.settings import BusSettings


def _connection() -> Connection:
    return Connection(BusSettings(), Random(0), print)


def test_one_body_for_many_subjects_is_written_as_one_piece_in_their_order() -> None:
    """A burst of acknowledgements costs little more than one."""
    connection = _connection()
    connection.write_each(["ack.2", "ack.1", "ack.3"], b"+ACK")
    [write] = connection._writes
    assert write.commands == (
        b"PUB ack.2 4\r\n+ACK\r\nPUB ack.1 4\r\n+ACK\r\nPUB ack.3 4\r\n+ACK\r\n"
    )


def test_for_no_subject_nothing_is_written() -> None:
    """All may have come from a stream that is gone."""
    connection = _connection()
    connection.write_each([], b"+ACK")
    assert not connection._writes
