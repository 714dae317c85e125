"""What this process is called where several run, and the NATS server that it may start."""

from __future__ import annotations

import os
import socket

EMBEDDED_SERVER = "alarm-digest-embedded"
"""What a NATS server of ``--embedded`` calls itself: nobody runs it for good."""


def instance_name() -> str:
    """Return host and process, as ``doctor`` names them."""
    return f"{socket.gethostname()}, process {os.getpid()}"
