"""What the log says of rejected messages: each kind at once, then now and then, with counts."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from bus.connection.floods import FloodLog

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from actors.rejections import RejectionKind
    from bus.wire.message import Rejected

logger = logging.getLogger("bus.intake")


class RejectionLog:
    """Tells of dead letters at a bounded rate, by kind, each time with a sample. On the loop.

    A producer that sends nothing else would have a line of the log written for each of its
    messages, thousands a second; the counters say the rest.
    """

    def __init__(
        self, call_later: Callable[[float, Callable[[], None]], object] | None = None
    ) -> None:
        """Nothing was rejected yet; ``call_later`` as for ``FloodLog``."""
        self._call_later = call_later
        self._floods: dict[RejectionKind, FloodLog] = {}
        self._samples: dict[RejectionKind, tuple[str, int, str]] = {}

    def add(self, rejected: Sequence[Rejected]) -> None:
        """Count more of them."""
        for _, message, (kind, reason) in rejected:
            self._samples[kind] = (message.subject, message.sequence, reason)
            flood = self._floods.get(kind)
            if flood is None:
                flood = self._floods[kind] = FloodLog(self._teller(kind), self._call_later)
            flood.add(reason)

    def close(self) -> None:
        """Tell what was not told yet."""
        for flood in self._floods.values():
            flood.close()

    def _teller(self, kind: RejectionKind) -> Callable[[int, str], None]:
        def tell(total: int, _: str) -> None:
            subject, sequence, reason = self._samples[kind]
            about = {"subject": subject, "sequence": sequence, "reason": reason}
            logger.warning(
                "message.dead_lettered", extra={**about, "kind": str(kind), "total": total}
            )

        return tell
