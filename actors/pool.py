"""A dispatcher with threads of its own."""

from __future__ import annotations

import threading
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actors.runtime import Mailbox


class PoolDispatcher:
    """Runs actors on a fixed set of threads.

    One thread is the default: under the GIL more do not help actors that only compute. With an
    actor of its own, one that blocks on I/O, it is what Akka calls a pinned dispatcher.
    """

    def __init__(self, name: str, threads: int = 1, throughput: int = 64) -> None:
        """Create the dispatcher; ``start`` starts its threads, which bear ``name``."""
        self._ready: SimpleQueue[Sequence[Mailbox] | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._throughput = throughput
        self._threads = [
            threading.Thread(target=self._work, name=f"{name}-{number}", daemon=True)
            for number in range(threads)
        ]
        self._own = _OwnThread()

    def start(self) -> None:
        """Start the threads."""
        for thread in self._threads:
            thread.start()

    def stop(self, timeout_s: float) -> bool:
        """End the threads once what is ready has run; whether all ended in time.

        Not to be called from one of them.
        """
        for _ in self._threads:
            self._ready.put(None)
        for thread in self._threads:
            thread.join(timeout_s)
        return not any(thread.is_alive() for thread in self._threads)

    def mail_arrived(self, mailbox: Mailbox) -> None:
        """Schedule the mailbox's actor unless it is scheduled already."""
        with self._lock:
            if mailbox.scheduled:
                return
            mailbox.scheduled = True
        awakened = self._own.awakened
        if awakened is None:
            self._ready.put((mailbox,))
        else:
            awakened.append(mailbox)

    def all_mail_arrived(self, mailboxes: Sequence[Mailbox]) -> None:
        """Schedule the actors of those mailboxes that are not scheduled already."""
        with self._lock:
            awakened = [mailbox for mailbox in mailboxes if not mailbox.scheduled]
            for mailbox in awakened:
                mailbox.scheduled = True
        if awakened:
            self._ready.put(awakened)

    def _work(self) -> None:
        awakened = self._own.awakened = []
        stopping = False
        while awakened or not stopping:
            # What was awakened on this very thread needs no wake-up; it waits for the next round,
            # and so does what others awaken meanwhile.
            mailboxes, awakened[:] = awakened[:], []
            stopping = not self._collect(mailboxes, wait=not mailboxes) or stopping
            for mailbox in mailboxes:
                self._run(mailbox, awakened)

    def _collect(self, mailboxes: list[Mailbox], *, wait: bool) -> bool:
        """Add what other threads have awakened; whether to go on after that."""
        try:
            while (ready := self._ready.get(block=wait)) is not None:
                mailboxes.extend(ready)
                wait = False
        except Empty:
            return True
        return False

    def _run(self, mailbox: Mailbox, awakened: list[Mailbox]) -> None:
        actor = mailbox.actor
        if actor is None:
            mailbox.refuse()
        else:
            actor.run_batch(self._throughput)
            if mailbox.mail:
                awakened.append(mailbox)
                return
        # Cleared first, looked at again afterwards: a sender that still saw the flag set has
        # appended before this line, so no mail is left behind unscheduled.
        mailbox.scheduled = False
        if mailbox.mail:
            self.mail_arrived(mailbox)


class _OwnThread(threading.local):
    """What is known on a dispatcher's own thread only."""

    awakened: list[Mailbox] | None = None
