"""An actor whose work may take more than a turn: it does a slice, and others have theirs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from actors.runtime.pooled import PooledActor

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class GoOn:
    """Sliced actor to itself: do the next slice; what came meanwhile has been handled."""


_GO_ON = GoOn()
_END = object()


class SlicedActor(PooledActor):
    """Handles other messages between two slices, whatever that means to it."""

    _slices: Iterator[None] | None = None
    """What is in hand. Of most actors nothing ever is, and this takes no memory of theirs."""

    def begin_slices(self, slices: Iterator[None]) -> None:
        """Work on these in place of what is in hand; the first has its turn soon."""
        self._slices = slices
        self._go_on_later()

    def drop_slices(self) -> None:
        """Leave what is in hand."""
        if self._slices is not None:
            self._slices = None

    def go_on(self) -> None:
        """Do a slice. Runs on the dispatcher's thread."""
        slices = self._slices
        if slices is None:
            return
        if next(slices, _END) is not _END:
            self._go_on_later()
        elif self._slices is slices:
            self._slices = None

    def _go_on_later(self) -> None:
        """In a turn of its own: begun late in one of others, a slice would add to that."""
        mailbox = self.mailbox
        mailbox.mail.append(_GO_ON)
        mailbox.dispatcher.turn_wanted(mailbox)
