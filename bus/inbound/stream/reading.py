"""StreamReading: one ephemeral pull consumer of a stream, asked so that requests overlap."""

from __future__ import annotations

import logging
import re
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import orjson

from bus.connection.client.lanes import parse_status

if TYPE_CHECKING:
    from bus.inbound.log_source import LogMessages, ReadingCallbacks

logger = logging.getLogger("bus.stream")

HEARTBEAT_S = 0.5
INACTIVE_THRESHOLD_S = 60.0
"""After which the server lets go of a consumer of which nobody asks anything."""
EXPIRES_S = 30.0
BATCH = 4000
"""Messages asked for at a time at the most."""
REQUEST_BYTES = 16 * 1024 * 1024
"""And bytes; never less than what one message may have."""

_DIGITS_MAX = 20
_LIMITED = re.compile(r"exceeded maxrequest(batch|expires|maxbytes)(?: of (\S+))?", re.IGNORECASE)
_INACTIVE = re.compile(r"inactive threshold exceeds system limit of (\S+)", re.IGNORECASE)
_DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)(ms|us|µs|ns|h|m|s)")
_UNIT_S = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_LAST_CONSUMER = re.compile(rb"\r\nNats-Last-Consumer: *(\d{1,19})\b", re.IGNORECASE)


@dataclass(slots=True)
class Allowed:
    """What the server, the account or the stream lets one ask for; learnt from refusals."""

    batch: int = BATCH
    expires_s: float = EXPIRES_S
    size_bytes: int = REQUEST_BYTES
    inactive_s: float = INACTIVE_THRESHOLD_S

    def learn_of_consumers(self, description: str) -> bool:
        """Take in why a consumer was not made; False for what cannot be met."""
        found = _INACTIVE.search(description)
        told_s = 0.0 if found is None else _seconds(found[1])
        if not 0 < told_s < self.inactive_s:
            return False
        self.inactive_s = told_s
        return True

    def learn(self, description: str) -> bool:
        """Take in a refusal; False for one of another kind, or that does not help."""
        found = _LIMITED.search(description)
        if found is None:
            return False
        which, limit = found[1].lower(), found[2] or ""
        told = int(limit) if limit.isdecimal() and len(limit) < _DIGITS_MAX else None
        batch, expires_s, size_bytes = self.batch, self.expires_s, self.size_bytes
        if which == "batch":
            batch = batch // 2 if told is None else told
        elif which == "maxbytes":
            size_bytes = size_bytes // 2 if told is None else told
        else:
            expires_s = _seconds(limit) or expires_s / 2
        if min(batch, expires_s, size_bytes) <= 0:
            return False  # nothing could be asked for ever again
        before = (self.batch, self.expires_s, self.size_bytes)
        self.batch, self.expires_s, self.size_bytes = batch, expires_s, size_bytes
        return before != (batch, expires_s, size_bytes)


def _seconds(duration: str) -> float:
    """Read a duration as the server prints it, ``1m30s`` say; 0 for what is none."""
    return sum(float(amount) * _UNIT_S[unit] for amount, unit in _DURATION.findall(duration))


class ReadingOwner(Protocol):
    """What a reading needs of its source."""

    @property
    def largest_bytes(self) -> int:
        """What a single message may have."""

    @property
    def allowed(self) -> Allowed:
        """What may be asked for at a time."""

    def request(self, reading: StreamReading, consumer: str, body: bytes) -> int:
        """Send a pull request; return its number, with which statuses come."""

    def served(self, request: int) -> None:
        """Let go of a pull request: nothing more comes of it."""

    def over(self, reading: StreamReading, consumer: str | None) -> None:
        """Let go of a reading that is over, and of its consumer."""

    def note_status(self, status: str, description: str) -> None:
        """Say at a bounded rate what the server answered in place of messages."""


class StreamReading:
    """See ``Reading``. Runs on the bus's event loop."""

    def __init__(self, owner: ReadingOwner, after: int, callbacks: ReadingCallbacks) -> None:
        """Read what is behind ``after``, once ``open`` tells the consumer."""
        self.after = after
        self.heard = True
        """Whether anything came since the watch looked last."""
        self.silent_s = 0.0
        self._owner = owner
        self._callbacks = callbacks
        self._consumer: str | None = None
        self._requests: OrderedDict[int, tuple[int, int]] = OrderedDict()
        self._owed = self._owed_bytes = 0
        self._room = self._room_bytes = 0
        self._number = 0
        self._over = False

    @property
    def waits(self) -> bool:
        """Whether a frame must come before long."""
        return bool(self._requests)

    def opened(self, consumer: str) -> None:
        """Go on with the consumer that was made for it."""
        self._consumer = consumer
        if self._over:
            self._owner.over(self, consumer)
        else:
            self._callbacks.opened()

    def ask(self, messages: int, size_bytes: int) -> None:
        """See ``Reading``."""
        self._room, self._room_bytes = messages, size_bytes
        self._ask_for_more()

    def end(self) -> None:
        """See ``Reading``."""
        if not self._over:
            self._over = True
            self._owner.over(self, self._consumer)

    def trouble(self, reason: str) -> None:
        """End, and say why."""
        if not self._over:
            self.end()
            self._callbacks.troubled(reason)

    def take(self, messages: LogMessages, first: int, last: int, waiting: int) -> None:
        """Take deliveries whose numbers go from ``first`` to ``last`` without a gap."""
        self.heard = True
        if self._over:
            return
        if first != self._number + 1:
            self.trouble(f"delivery {first} came in place of {self._number + 1}")
            return
        self._number = last
        size = sum(map(len, messages.bodies))
        self._count(len(messages), size)
        self._room -= len(messages)
        self._room_bytes -= size
        self._callbacks.took(messages, waiting)

    def on_status(self, request: int, headers: bytes) -> None:
        """Take a frame that is no message."""
        self.heard = True
        if self._over:
            return
        status, description = parse_status(headers)
        if status == "100":
            found = _LAST_CONSUMER.search(headers)
            if found is not None and int(found[1]) > self._number:
                self.trouble(f"delivery {found[1].decode()} is missing")
            return
        if (left := self._requests.pop(request, None)) is None:
            return
        self._owner.served(request)
        self._owed -= left[0]
        self._owed_bytes -= left[1]
        self._owner.note_status(status, description)
        kind = description.lower()
        if status in ("404", "408") or (status == "409" and "exceeds maxbytes" in kind):
            self._ask_for_more()
        elif status == "409" and self._owner.allowed.learn(description):
            logger.warning("pull.limited", extra={"said": description})
            self._ask_for_more()
        else:
            self.trouble(f"{status} {description}")

    def _ask_for_more(self) -> None:
        """Have the next request overlap with the last, within the room there is."""
        allowed, largest = self._owner.allowed, self._owner.largest_bytes
        room, room_bytes = self._room - self._owed, self._room_bytes - self._owed_bytes
        batch = min(room, allowed.batch)
        if self._over or self._consumer is None or batch <= 0 or self._room_bytes <= 0:
            return
        if self._owed and (
            self._owed >= allowed.batch // 2
            or batch < min(allowed.batch // 8, self._room // 2)
            or room_bytes < largest
        ):
            return
        size = min(max(room_bytes, largest), max(allowed.size_bytes, largest))
        if allowed.size_bytes < REQUEST_BYTES:
            size = min(size, allowed.size_bytes)
        request = {
            "batch": batch,
            "max_bytes": size,
            "expires": int(allowed.expires_s * 1e9),
            "idle_heartbeat": int(min(HEARTBEAT_S, allowed.expires_s / 2) * 1e9),
        }
        number = self._owner.request(self, self._consumer, orjson.dumps(request))
        self._requests[number] = (batch, size)
        self._owed += batch
        self._owed_bytes += size

    def _count(self, messages: int, size: int) -> None:
        """The server serves requests in order: the oldest is the one that was answered."""
        while messages and self._requests:
            number, (left, left_bytes) = next(iter(self._requests.items()))
            served = min(messages, left)
            messages -= served
            self._owed -= served
            if served == left:
                self._owed_bytes -= left_bytes
                del self._requests[number]
                self._owner.served(number)
            else:
                served_bytes = min(size, left_bytes)
                self._owed_bytes -= served_bytes
                self._requests[number] = (left - served, left_bytes - served_bytes)
            size = 0
