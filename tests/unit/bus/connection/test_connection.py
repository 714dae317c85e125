"""The connection: commands as they wait to be written."""

from __future__ import annotations

from random import Random

from bus.connection.connection import Connection
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


async def test_whatever_the_client_raises_is_an_error_of_that_write() -> None:
    """A RuntimeError of a closed transport once ended the writer, and nothing was sent again."""
    connection = _connection()
    sent: list[bytes] = []
    failures: list[Exception] = []

    async def send(cmd: bytes, priority: bool = False) -> None:  # noqa: FBT002
        del priority
        sent.append(cmd)
        if len(sent) == 1:
            raise RuntimeError("unable to perform operation on <TCPTransport closed=True>")

    connection.client._max_payload = 1024
    connection.client._send_command = send  # type: ignore[method-assign]
    connection.tasks.start("nats writer", connection._write_in_order())
    connection.write("first", b"1", failed=failures.append)
    await connection.written()
    connection.write("second", b"2", failed=failures.append)
    await connection.written()
    assert [type(error) for error in failures] == [RuntimeError]
    assert sent[1] == b"PUB second  1\r\n2\r\n"
    await connection.tasks.close()
