"""The parser of what servers send, which takes the lanes' frames out by the chunk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nats.protocol.parser import AWAITING_CONTROL_LINE, Parser

from bus.connection.client.lanes import take_frames, take_large

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from nats.aio.client import Client

    from bus.connection.client.lanes import Frame


class LaneParser(Parser):
    """Reads the lanes' frames itself, leaves all else to the class it is derived from.

    That keeps in ``state`` whether it is within a message, in ``buf`` what is not complete.
    """

    def __init__(
        self, client: Client, lanes: Mapping[bytes, Callable[[list[Frame]], None]]
    ) -> None:
        """Parse for ``client``."""
        self._lanes = lanes
        self.arrived_bytes = 0
        """Read so far."""
        self._needed = 0
        """Bytes of the lane's frame in ``buf`` once it is all there; 0 without one."""
        super().__init__(client)

    def reset(self) -> None:
        """Begin with another connection; nats-py calls it, also when it makes the parser."""
        super().reset()
        self._needed = 0

    async def parse(self, data: bytes = b"") -> None:
        """Read a chunk; raises ``ProtocolError``."""
        self.arrived_bytes += len(data)
        if self._needed:
            # Put together when it is all there, and not anew for each chunk.
            self.buf += data
            if len(self.buf) < self._needed:
                return
            needed, self._needed, data = self._needed, 0, b""
            take_large(self.buf, needed, self._lanes)
        if self.state == AWAITING_CONTROL_LINE and self._lanes:
            if self.buf:
                data = bytes(self.buf) + data
                self.buf.clear()
            data, self._needed = take_frames(data, self._lanes)
            if self._needed:
                self.buf += data
                return
        if data or self.buf:
            await super().parse(data)
