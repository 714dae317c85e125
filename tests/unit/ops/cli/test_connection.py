"""Whatever goes wrong with NATS is one line, with the reason of a silence where it is known."""

from __future__ import annotations

import logging

import pytest
from nats.errors import ConnectionClosedError, NoRespondersError
from nats.errors import TimeoutError as NatsTimeoutError
from nats.js.errors import APIError, NoStreamResponseError, ServiceUnavailableError

from ops.cli.connection import Troubles, worded
from ops.cli.failures import CommandError, NotFoundError
from ops.publication import PublicationRefusedError


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (PublicationRefusedError("-ERR no"), "^refused: -ERR no$"),
        (NoRespondersError(), "is the service running"),
        (NoStreamResponseError(), "is the service running"),
        (ServiceUnavailableError(), "JetStream is not there"),
        (APIError(code=400, description="no room"), "^JetStream refused: no room$"),
        (NatsTimeoutError(), "see NATS_URL: is it there"),
        (TimeoutError(), "see NATS_URL: is it there"),
        (ConnectionClosedError(), "^NATS: ConnectionClosedError"),
        (ConnectionRefusedError("refused"), "^NATS: ConnectionRefusedError"),
        (CommandError("a command's own"), "^a command's own$"),
    ],
)
def test_each_trouble_is_one_line_that_says_what_to_look_at(error: Exception, words: str) -> None:
    """Whoever reads it has no traceback."""
    with pytest.raises(CommandError, match=words), worded(Troubles()):
        raise error


def test_a_failure_keeps_its_kind_and_a_bug_stays_one() -> None:
    """The one is an exit status, the other a traceback."""
    with pytest.raises(NotFoundError), worded(Troubles()):
        raise NotFoundError("no such user")
    with pytest.raises(ZeroDivisionError), worded(Troubles()):
        raise ZeroDivisionError


def test_what_the_connection_logged_is_the_reason_of_a_silence() -> None:
    """It is not printed besides, and only while the connection is in use."""
    log, troubles = logging.getLogger("bus.connection"), Troubles()

    def be_silent() -> None:
        log.warning("nats.not_ready", extra={"error": "no route"})
        log.warning("nats.closed")
        assert not log.propagate
        raise TimeoutError

    with pytest.raises(CommandError, match="see NATS_URL: no route"), troubles, worded(troubles):
        be_silent()
    assert (log.propagate, troubles in log.handlers) == (True, False)
    troubles.add("the connection gave up")
    assert troubles.last == "the connection gave up"


def test_whoever_wants_to_hears_of_each_trouble() -> None:
    """By its event: what it means depends on what one does."""
    heard: list[str] = []
    with Troubles(heard.append):
        logging.getLogger("bus.connection").warning("nats.disconnected")
    assert heard == ["nats.disconnected"]
