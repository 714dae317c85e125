"""The service with servers of its own, and where it says that they listen."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from tests.deployment import Deployment
    from tests.service import ServiceProcess

OWN = {"NATS_URL": None, "MONGODB_URI": None}


def launch_embedded(deployment: Deployment, folder: Path, **settings: object) -> ServiceProcess:
    """Start the service with servers of its own, data in ``folder``; return when it is ready."""
    service = deployment.launch("--embedded", "--data-dir", str(folder), **{**OWN, **settings})
    service.wait_for("service.ready")
    return service


def nats_of(service: ServiceProcess) -> str:
    """Return where the service says that its NATS server listens."""
    found = re.search(r"NATS listens at +(\S+)", service.output())
    assert found is not None
    return found[1]


def mongodb_of(service: ServiceProcess) -> str:
    """Return where the service says that its MongoDB server listens."""
    found = re.search(r"MongoDB listens at +(\S+)", service.output())
    assert found is not None
    return found[1]
