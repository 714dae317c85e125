"""What this process is called where several run."""

from __future__ import annotations

import os
import socket


def instance_name() -> str:
    """Return host and process, as ``doctor`` names them."""
    return f"{socket.gethostname()}, process {os.getpid()}"
