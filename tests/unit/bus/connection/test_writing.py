"""Writing: commands as they wait to be written, in bursts, in order."""

from __future__ import annotations

from functools import partial

import pytest

from bus.connection.client.client import NatsClient
from bus.connection.tasks import LongTasks
from bus.connection.writing import OrderedWriter


def _writer() -> OrderedWriter:
    return OrderedWriter(NatsClient())


async def test_whatever_the_client_raises_is_an_error_of_that_write() -> None:
    """A RuntimeError of a closed transport once ended the writer, and nothing was sent again."""
    writer = _writer()
    sent: list[bytes] = []
    failures: list[Exception] = []

    async def send(cmd: bytes, priority: bool = False) -> None:  # noqa: FBT002
        del priority
        sent.append(cmd)
        if len(sent) == 1:
            raise RuntimeError("unable to perform operation on <TCPTransport closed=True>")

    writer._client._max_payload = 1024
    writer._client._send_command = send  # type: ignore[method-assign]
    tasks = LongTasks(pytest.fail)
    tasks.start("nats writer", writer.run())
    writer.write("first", b"1", failed=failures.append)
    await writer.written()
    writer.write("second", b"2", failed=failures.append)
    await writer.written()
    assert [type(error) for error in failures] == [RuntimeError]
    assert sent[1] == b"PUB second  1\r\n2\r\n"
    await tasks.close()


async def test_a_large_message_is_not_copied_to_go_with_the_others() -> None:
    """Thirty megabytes were held a third time when something else was to be written with them."""
    writer = _writer()
    sent: list[bytes] = []

    async def send(cmd: bytes, priority: bool = False) -> None:  # noqa: FBT002
        del priority
        sent.append(cmd)

    writer._client._max_payload = 2 * 1024 * 1024
    writer._client._send_command = send  # type: ignore[method-assign]
    for body in (b"1", b"2", b"3" * 1024 * 1024, b"4"):
        writer.write("subject", body)
    large = writer._writes[2].commands
    tasks = LongTasks(pytest.fail)
    tasks.start("nats writer", writer.run())
    await writer.written()
    assert sent[0] == b"PUB subject  1\r\n1\r\nPUB subject  1\r\n2\r\n"
    assert sent[1] is large
    assert sent[2] == b"PUB subject  1\r\n4\r\n"
    await tasks.close()


async def test_what_nobody_waits_for_any_more_when_its_turn_comes_is_not_written() -> None:
    """Else a server that stood still is given each attempt, and plain subscribers a copy."""
    writer = _writer()
    sent: list[bytes] = []

    async def send(cmd: bytes, priority: bool = False) -> None:  # noqa: FBT002
        del priority
        sent.append(cmd)

    writer._client._max_payload = 1024
    writer._client._send_command = send  # type: ignore[method-assign]
    waited_for = {1, 2}
    for number in (1, 2, 3):
        writer.write(f"s{number}", b"", wanted=partial(waited_for.__contains__, number))
    waited_for.remove(1)
    tasks = LongTasks(pytest.fail)
    tasks.start("nats writer", writer.run())
    assert await writer.written(5)
    assert sent == [b"PUB s2  0\r\n\r\n"]
    await tasks.close()


async def test_who_waits_for_the_writes_waits_no_longer_than_asked() -> None:
    """Nothing takes them here, as where a server stands still."""
    writer = _writer()
    writer._client._max_payload = 1024
    assert await writer.written(0)
    writer.write("s", b"")
    assert not await writer.written(0.01)
