"""Lanes: subscriptions whose messages skip the client's queues and come by the chunk.

nats-py spends ten microseconds on a message: two regular expressions, an object, a queue and the
wake-up of a task. Here a chunk read from the socket is cut into frames in one loop and handed over
as one list. Whatever is not for a lane is left to nats-py's own parser; see ``parser``.
"""

from __future__ import annotations

import asyncio
import re
from itertools import repeat
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_NO_HEADERS = b""
_MESSAGES = (b"MSG", b"HMSG")

_DIGITS_MAX = 20

_SIZES = {b"%d" % size: size for size in range(1024)}
"""To look up what most sizes read costs a third of reading them."""

_PLAIN = re.compile(
    rb"MSG ([^ ]{1,256}+) ([^ ]{1,20}+) ([^ ]{1,256}+) ([^\r]{1,4}+)\r\n([^\r]{0,1023}+)\r\n"
)
"""A frame with a reply and without headers, whose body has no CR: subject, sid, reply, size, body.

Each class leaves out one byte only, which costs a third of one that leaves out two. Each has an
end: a body full of what looks like the begin of a frame was read to its end for each of those.
"""

Frame: TypeAlias = tuple[bytes, bytes, bytes, bytes]
"""A message as it is on the wire: subject, reply (empty when there is none), body, headers
(``NATS/1.0 …``; empty when there are none). Not named: that would make it five times as dear."""


def parse_status(headers: bytes) -> tuple[str, str]:
    """Return status and description of a frame without a body: ``NATS/1.0 404 No Messages``."""
    _, _, line = headers.partition(b"\r\n")[0].partition(b" ")
    status, _, description = line.decode(errors="replace").strip().partition(" ")
    return status, description


def number_at_end(subject: bytes) -> int:
    """Return the number that a subject of ours ends with; 0 where a stranger's ends otherwise."""
    tail = subject.rpartition(b".")[2]
    return int(tail) if tail.isdigit() and len(tail) < _DIGITS_MAX else 0


def take_frames(
    data: bytes, lanes: Mapping[bytes, Callable[[list[Frame]], None]]
) -> tuple[bytes, int]:
    """Hand over the lanes' frames at the beginning; return the rest.

    With it, when it begins with a lane's frame that is not all there yet, how many bytes that will
    have, line and all; else 0.
    """
    lane, frames, position = _plain_frames(data, lanes)
    end, needed = len(data), 0
    while position < end:
        line_end = data.find(b"\r\n", position)
        if line_end < 0:
            break
        fields = data[position:line_end].split()
        is_message = len(fields) >= 4 and fields[0] in _MESSAGES
        if not is_message or (take := lanes.get(fields[2])) is None:
            break
        if take is not lane:
            if lane is not None:
                hand_over(lane, frames)
            frames, lane = [], take
        size = _SIZES.get(fields[-1])
        if size is None and (size := _size(fields[-1])) is None:
            break
        body_at = line_end + 2
        body_end = body_at + size
        if body_end + 2 > end:
            needed = body_end + 2 - position
            break
        if len(fields) == 5 and fields[0] == b"MSG":
            frames.append((fields[1], fields[3], data[body_at:body_end], _NO_HEADERS))
        else:
            frames.append(_frame(fields, data, body_at, body_end))
        position = body_end + 2
    if lane is not None and frames:
        hand_over(lane, frames)
    return data[position:], needed


def _plain_frames(
    data: bytes, lanes: Mapping[bytes, Callable[[list[Frame]], None]]
) -> tuple[Callable[[list[Frame]], None] | None, list[Frame], int]:
    """Return a lane, its frames at the beginning, and where they end; a short way, or nothing.

    As nearly every chunk is: one lane's plain frames, and the begin of another. One call cuts them
    all, in half the time of the loop. It is not fooled by what looks like a frame within a body,
    if all that it cut lies end to end, no head has a CR, and each size is its body's: then the
    first CR is the first head's end, its body is as long as it says, and so on.
    """
    nothing: tuple[None, list[Frame], int] = None, [], 0
    if not data.startswith(b"MSG ") or b"\r\nHMSG " in data:
        return nothing
    cut = _PLAIN.split(data)
    subjects, sids, replies = cut[1::6], cut[2::6], cut[3::6]
    sizes, bodies, rest = cut[4::6], cut[5::6], cut[-1]
    if not sids or any(cut[:-1:6]) or sids.count(sids[0]) != len(sids):
        return nothing
    take = lanes.get(sids[0])
    if take is None or list(map(_SIZES.get, sizes)) != list(map(len, bodies)):
        return nothing
    if any(b"\r" in field for field in (b" ".join(subjects), b" ".join(replies))):
        return nothing
    frames = list(zip(subjects, replies, bodies, repeat(_NO_HEADERS)))
    return take, frames, len(data) - len(rest)


def take_large(
    buffer: bytearray, size: int, lanes: Mapping[bytes, Callable[[list[Frame]], None]]
) -> None:
    """Hand over a frame that has come in several chunks: the first ``size`` bytes, cut off.

    Left where it is if its lane was closed meanwhile. However large it is, its body is copied once.
    """
    line_end = buffer.index(b"\r\n")
    fields = bytes(buffer[:line_end]).split()
    if (take := lanes.get(fields[2])) is None:
        return
    with memoryview(buffer) as data:
        frame = _frame(fields, data, line_end + 2, size - 2)
    del buffer[:size]
    hand_over(take, [frame])


def hand_over(take: Callable[[list[Frame]], None], frames: list[Frame]) -> None:
    """Call a lane; what it raises must not end the client's read loop, which nobody would see."""
    try:
        take(frames)
    except Exception as error:
        about = {"message": "a lane's messages were not taken", "exception": error}
        asyncio.get_running_loop().call_exception_handler(about)


def _size(field: bytes) -> int | None:
    """Read what is not in the table; None when it is no number."""
    return int(field) if field.isdigit() and len(field) < _DIGITS_MAX else None


def _frame(fields: list[bytes], data: bytes | memoryview, start: int, end: int) -> Frame:
    """Cut a frame: ``MSG subject sid [reply] size``, ``HMSG subject sid [reply] headers size``."""
    if fields[0] == b"MSG":
        reply = fields[3] if len(fields) == 5 else b""
        return fields[1], reply, bytes(data[start:end]), _NO_HEADERS
    reply = fields[3] if len(fields) == 6 else b""
    body_at = start + int(fields[-2])
    return fields[1], reply, bytes(data[body_at:end]), bytes(data[start:body_at])
