"""Ports of loopback for the servers of tests, which run in many processes at a time."""

from __future__ import annotations

import os
import socket
from itertools import chain

# Linux gives the ports from 32768 on to whoever connects or binds port 0, so that one of those may
# be gone before a server that is to listen there has started, and during each of its restarts.
PORTS = range(20_000, 32_000)
_claims: list[socket.socket] = []


def claim_port() -> int:
    """Return a port of loopback that no other process's tests get while this process lives."""
    first = os.getpid() * 97 % len(PORTS)  # neighbours begin apart, so that few claims collide
    for port in chain(PORTS[first:], PORTS[:first]):
        # A name of this kind has one owner; the kernel frees it when the process ends, however.
        claim = socket.socket(socket.AF_UNIX)
        try:
            claim.bind(f"\0alarm-digest-tests-{port}")
            _assert_free(port)
        except OSError:
            claim.close()
            continue
        _claims.append(claim)
        return port
    raise OSError(f"no free port in {PORTS}")


def _assert_free(port: int) -> None:
    """Raise ``OSError`` where a program other than a test's uses it."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))
