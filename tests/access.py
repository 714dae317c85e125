"""Servers that ask who comes, and what a service that they take or refuse must look like."""

from __future__ import annotations

import re
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.deployment import Deployment
from tests.servers import prepare_nats, running

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.servers import Server
    from tests.service import ServiceProcess

ALARM = ("alarm", "u", "disk-full", "WARNING")
NO_ALARM = (*ALARM, "--changed-at", "never")
"""Refused in the answer on core NATS, a dead letter everywhere."""
REQUEST = ("digest", "u")

_IN_PLAIN = ("NATS_TOKEN", "NATS_PASSWORD")
_IN_FILES = ("NATS_CREDENTIALS", "NATS_NKEY_SEED", "NATS_TLS_KEY")


@contextmanager
def guarded(
    folder: Path, mongodb_uri: str, configuration: str
) -> Iterator[tuple[Server, Deployment]]:
    """Run a NATS server with that configuration, and a deployment on it."""
    with running(prepare_nats(folder / "nats", configuration)) as server:
        deployment = Deployment(server.url, mongodb_uri, folder)
        try:
            yield server, deployment
        finally:
            deployment.end()


def serves(
    deployment: Deployment, by: Mapping[str, object] | None = None, **settings: object
) -> bool:
    """Whether the service serves with these settings, and shows no secret.

    It is sent an alarm, a bad one and a request by the tools, with the settings ``by`` or the same.
    """
    service = deployment.start(LOG_LEVEL="debug", **settings)
    tools = [send(deployment, *what, **(by or settings)) for what in (ALARM, NO_ALARM, REQUEST)]
    service.wait_for("digest.published")
    service.wait_for("message.dead_lettered")
    assert service.terminate() == 0
    return not any(shows_a_secret(process, settings) for process in (service, *tools))


def send(deployment: Deployment, *what: str, **settings: object) -> ServiceProcess:
    """Run the tool that sends; return it when it has ended well."""
    tool = deployment.launch("send", *what, **settings)
    assert tool.wait() in (0, 1 if what == NO_ALARM else 0), tool.output()
    return tool


def refused(deployment: Deployment, **settings: object) -> str:
    """Return the one line with which the service ends, with status 2 and without a secret."""
    service = deployment.launch(LOG_LEVEL="debug", **settings)
    assert service.wait() == 2, service.output()
    (line,) = [line for line in service.output().splitlines() if not line.startswith('{"event"')]
    assert not shows_a_secret(service, settings)
    return line.removeprefix("main.py: ")


def shows_a_secret(process: ServiceProcess, settings: Mapping[str, object]) -> bool:
    """Whether a process wrote a secret of its settings, or of the files that they name."""
    secrets = [str(settings[name]) for name in _IN_PLAIN if name in settings]
    secrets += re.findall(r"://[^/@]+:([^/@]+)@", f"{settings.get('MONGODB_URI')}")
    for name in _IN_FILES:
        if name in settings:
            # Seeds, a JWT, the lines of a private key.
            secrets += re.findall(r"[\w+/.-]{40,}", Path(str(settings[name])).read_text())
    return any(secret in process.output() for secret in secrets)
