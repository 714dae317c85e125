"""A recorder of what a parser hands over, and messages for it to read."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from bus.connection.client.parser import LaneParser

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from nats.protocol.parser import Parser

    from bus.connection.client.lanes import Frame

LANES = (7, 8)


class Recorder:
    """In place of a client: keeps what a parser hands over, in order."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.seen: list[tuple[object, ...]] = []

    async def _process_msg(self, sid: int, *about: object) -> None:
        subject, reply, body, headers = about
        self.seen.append((sid, subject, reply, body, headers or b""))

    async def _process_ping(self) -> None:
        self.seen.append(("ping",))

    async def _process_pong(self) -> None:
        self.seen.append(("pong",))

    async def _process_err(self, error: str) -> None:
        self.seen.append(("error", error))

    async def _process_info(self, info: dict[str, Any]) -> None:
        self.seen.append(("info", info["port"]))

    def lane(self, sid: int) -> Callable[[list[Frame]], None]:
        """Return a lane that keeps what it gets like everything else."""
        return lambda frames: self.seen.extend((sid, *frame) for frame in frames)


def with_lanes(recorder: Recorder) -> LaneParser:
    """Return a parser whose lanes it keeps."""
    lanes = {b"%d" % sid: recorder.lane(sid) for sid in LANES}
    return LaneParser(recorder, lanes)  # type: ignore[arg-type]  # what a parser calls of it


def read(parser: Parser, chunks: Iterable[bytes]) -> None:
    """Have it parse them, one after the other."""

    async def parse() -> None:
        for chunk in chunks:
            await parser.parse(chunk)

    asyncio.run(parse())


def message(sid: int, subject: bytes, reply: bytes, body: bytes, headers: bytes) -> bytes:
    """Return a message as it is on the wire."""
    reply = reply and reply + b" "
    if headers:
        size = len(headers) + len(body)
        sizes = b"%d %d" % (len(headers), size)
        return b"HMSG %b %d %b%b\r\n%b%b\r\n" % (subject, sid, reply, sizes, headers, body)
    return b"MSG %b %d %b%d\r\n%b\r\n" % (subject, sid, reply, len(body), body)
