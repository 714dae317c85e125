"""Bodies as large as a server can be told to let in: linear in their size, and nobody waits."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bus.outbound.message import headers_size
from tests.deployment import Deployment
from tests.servers import prepare_nats, running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.service import ServiceProcess

MIB = 1024 * 1024
MAX_PAYLOAD = 64 * MIB
LARGEST_STORED = 32 * MIB - 100
BODY = 30 * MIB


@pytest.fixture
def roomy(tmp_path: Path, mongodb_uri: str) -> Iterator[Deployment]:
    """A deployment on a server that takes large messages."""
    with running(
        prepare_nats(
            tmp_path / "nats", f"max_payload: {MAX_PAYLOAD}\nmax_pending: {4 * MAX_PAYLOAD}\n"
        )
    ) as server:
        deployment = Deployment(server.url, mongodb_uri, tmp_path)
        yield deployment
        deployment.end()


def resident_mib(service: ServiceProcess, what: str) -> float:
    """Return the memory that a process has in use, or had at the most (``VmHWM``)."""
    found = re.search(rf"{what}:\s+(\d+) kB", Path(f"/proc/{service.pid}/status").read_text())
    assert found is not None
    return int(found[1]) / 1024


def count_from_here(service: ServiceProcess) -> float:
    """Have the most memory that a process uses counted from now on; return what it uses."""
    Path(f"/proc/{service.pid}/clear_refs").write_text("5")
    return resident_mib(service, "VmRSS")


BODIES = {
    "a text": b'{"UserID":"u","Note":"' + b"x" * BODY + b'"}',
    "brackets": b'{"UserID":"u","Note":[' + b"[]," * (BODY // 3) + b"0]}",
    "no JSON": b"\xff" * BODY,
}


@pytest.mark.long
@pytest.mark.parametrize("kind", BODIES)
async def test_a_body_of_thirty_megabytes_holds_nobody_up(roomy: Deployment, kind: str) -> None:
    """It took half a minute, a gigabyte for some, and the connection and the home with it."""
    service = roomy.start()
    body = BODIES[kind]
    async with roomy.broker() as broker:
        await broker.event("u", "a")
        await broker.settled()
        before = count_from_here(service)
        await broker.put(roomy.names.events, body)
        await broker.request("u")
        digest = await broker.next_digest(5)
        await broker.settled()
        most = resident_mib(service, "VmHWM")
        [letter] = await broker.dead_letters()
    assert [alarm["AlarmID"] for alarm in digest["ActiveAlarms"]] == ["a"]
    assert letter.data == body
    assert "Dead-Letter-Cut" not in (letter.headers or {})
    assert most - before <= 3 * len(body) / MIB
    assert {event["event"] for event in service.events() if event["level"] == "warning"} <= {
        "message.dead_lettered"
    }
    assert service.terminate() == 0


async def test_a_body_as_large_as_a_stream_stores_is_cut_for_its_headers(
    roomy: Deployment,
) -> None:
    """It says how many bytes it had. The account may publish more; the stream never took it."""
    roomy.start()
    body = b"\xff" * LARGEST_STORED
    async with roomy.broker() as broker:
        await broker.put(roomy.names.events, body)
        letter = await broker.next_dead_letter()
        await broker.settled()
    assert letter.headers is not None
    assert letter.headers["Dead-Letter-Cut"] == str(len(body))
    assert len(body) - 8192 < len(letter.data) + headers_size(letter.headers) < len(body)
    assert body.startswith(letter.data)
