"""What a supervisor that listens is told: systemd's notification protocol, ``sd_notify(3)``.

Twenty lines of our own: the protocol is one datagram, and the packages for it are either without
a release for years (sdnotify) or need systemd's C library to build (systemd-python).
"""

from __future__ import annotations

import logging
import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

logger = logging.getLogger("ops.supervisor")


class SystemdNotifier:
    """Tells systemd, or whoever made the socket, how the service stands. Never blocks or raises."""

    def __init__(self, environment: Mapping[str, str], pid: int) -> None:
        """Read where to tell it; without ``NOTIFY_SOCKET`` nobody is told."""
        address = environment.get("NOTIFY_SOCKET", "")
        # A name in the abstract namespace is written with an @ and begins with a zero byte.
        self._address = "\0" + address[1:] if address.startswith("@") else address
        ours = environment.get("WATCHDOG_PID", str(pid)) == str(pid)
        self.watchdog_s = int(environment.get("WATCHDOG_USEC", "0")) / 1e6 if ours else 0.0
        """How long the watchdog waits; 0 for none."""

    def ready(self) -> None:
        """Messages are being taken."""
        self._tell("READY=1\nSTATUS=taking messages")

    def alive(self) -> None:
        """The loops turn; feeds the watchdog."""
        if self.watchdog_s:
            self._tell("WATCHDOG=1")

    def stopping(self) -> None:
        """The orderly stop has begun."""
        self._tell("STOPPING=1\nSTATUS=finishing what was taken")

    def _tell(self, state: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
                channel.setblocking(False)  # noqa: FBT003  # its name says it
                channel.sendto(state.encode(), self._address)
        except OSError as error:
            logger.warning("supervisor.not_told", extra={"state": state, "error": str(error)})
