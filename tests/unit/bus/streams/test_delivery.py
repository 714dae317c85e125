"""Whose fault it is that there is no JetStream, and whether it may pass."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

import pytest
from nats.errors import AuthorizationError, NoRespondersError
from nats.errors import Error as NatsError
from nats.errors import TimeoutError as NatsTimeoutError
from nats.js.errors import APIError, ServiceUnavailableError

from bus.connection.access import refusal
from bus.connection.client.client import NatsClient
from bus.connection.tasks import LongTasks
from bus.errors import BusSetupError
from bus.settings import BusSettings, DeliveryMode
from bus.streams.api import describe, is_passing, lack_of
from bus.streams.delivery import JetStreamWatch, choose_delivery
from bus.streams.topology import Topology
from bus.subjects import Subjects

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

READY = Topology("INPUT", "2026-01-01T00:00:00Z")


def said(code: int, err_code: int, description: str) -> APIError:
    """Return a refusal as the server says it, which nats-py returns or raises."""
    refusal = {"code": code, "err_code": err_code, "description": description}
    with pytest.raises(APIError) as raised:
        raise APIError.from_error(refusal)
    return raised.value


ACCOUNT = said(503, 10039, "JetStream not enabled for account")
ELECTION = said(503, 10008, "JetStream system temporarily unavailable")
NO_PEERS = said(400, 10005, "no suitable peers for placement")
BUSY = said(429, 10167, "too many requests")
WRONG = said(400, 10025, "invalid JSON")

WITHOUT: dict[str, Any] = {}
WITH = {"jetstream": True}
CLUSTERED = {"cluster": "C", "connect_urls": ["127.0.0.1:4223"]}


def client_of(greeting: dict[str, Any]) -> NatsClient:
    """Return a client whom a server has greeted so."""
    client = NatsClient()
    client._server_info = greeting
    return client


@pytest.mark.parametrize(
    ("greeting", "error", "lacks"),
    [
        (WITHOUT, NoRespondersError(), "the server has JetStream disabled"),
        (WITHOUT, ServiceUnavailableError(), "the server has JetStream disabled"),
        (WITHOUT, NatsTimeoutError(), None),
        (WITHOUT, ELECTION, None),
        (CLUSTERED, NoRespondersError(), None),
        (WITH, NoRespondersError(), None),
        (WITH, ServiceUnavailableError(), None),
        (WITH, ELECTION, None),
        (WITH, ACCOUNT, "our account has no JetStream, the server has"),
        (CLUSTERED, ACCOUNT, "our account has no JetStream, the server has"),
    ],
)
def test_only_what_cannot_pass_is_a_lack(
    greeting: dict[str, Any], error: NatsError, lacks: str | None
) -> None:
    """The servers of a cluster that have JetStream may be away for a moment; so may an answer."""
    lack = lack_of(client_of(greeting), error)
    assert (None if lack is None else lack.who) == lacks


@pytest.mark.parametrize(
    ("error", "passes"),
    [(NO_PEERS, True), (BUSY, True), (ELECTION, True), (ACCOUNT, True), (WRONG, False)],
)
def test_a_refusal_that_passes_is_no_wrong_setting(error: APIError, passes: bool) -> None:
    """A cluster says 400 while there are too few servers for the replicas."""
    assert is_passing(error) is passes


class Tries:
    """What comes of each try to have the streams."""

    def __init__(self, *outcomes: NatsError | Topology) -> None:
        """In this order; the last one for ever."""
        self.made = 0
        self._outcomes = list(outcomes)

    async def __call__(self, client: NatsClient, settings: BusSettings) -> Topology:
        """See ``ensure_topology``."""
        del client, settings
        self.made += 1
        outcome = self._outcomes[0] if len(self._outcomes) == 1 else self._outcomes.pop(0)
        if isinstance(outcome, NatsError):
            raise outcome
        return outcome


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    async def asked(client: NatsClient, subject: str) -> None:
        del client, subject

    monkeypatch.setattr("bus.streams.delivery._ask", asked)
    monkeypatch.setattr("bus.streams.delivery._SETUP_RETRY_S", 0)
    return iter(())


async def choose(
    client: NatsClient,
    delivery: DeliveryMode = DeliveryMode.AUTO,
    waits: Callable[[str], None] = lambda _: None,
) -> Topology | None:
    """Choose, with nobody else there."""

    async def agreed() -> None:
        """Nobody takes the other way."""

    return await choose_delivery(client, BusSettings(delivery=delivery), agreed, waits)


@pytest.mark.parametrize(
    "passing", [NoRespondersError(), ELECTION, NO_PEERS, BUSY, NatsTimeoutError()]
)
async def test_auto_waits_for_a_jetstream_that_is_out_of_reach(
    passing: NatsError, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On core NATS, events published meanwhile would be lost."""
    tries = Tries(*[passing] * 20, READY)
    monkeypatch.setattr("bus.streams.delivery.ensure_topology", tries)
    told: list[str] = []
    assert await choose(client_of(CLUSTERED), waits=told.append) is READY
    assert tries.made == 21
    assert set(told) == {f"JetStream is not ready: {describe(passing)}"}


@pytest.mark.parametrize(
    ("greeting", "error", "mend"),
    [(WITHOUT, NoRespondersError(), "-js"), (WITH, ACCOUNT, "nsc edit account")],
)
async def test_a_server_or_account_without_it_is_believed_the_third_time(
    greeting: dict[str, Any],
    error: NatsError,
    mend: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Then core NATS takes its place, or, where that is not wanted, the start ends; each mend."""
    tries = Tries(error)
    monkeypatch.setattr("bus.streams.delivery.ensure_topology", tries)
    with caplog.at_level(logging.WARNING):
        assert await choose(client_of(greeting)) is None
    assert tries.made == 3
    assert mend in vars(caplog.records[-1])["mend"]
    with pytest.raises(BusSetupError, match=f"^DELIVERY: .*{mend}"):
        await choose(client_of(greeting), DeliveryMode.JETSTREAM)


async def test_one_other_word_between_begins_the_count_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A server that starts says this and that."""
    tries = Tries(ACCOUNT, ACCOUNT, ELECTION, ACCOUNT, ACCOUNT, READY)
    monkeypatch.setattr("bus.streams.delivery.ensure_topology", tries)
    assert await choose(client_of(WITH)) is READY


def test_a_server_that_waited_too_long_for_our_word_has_not_refused_us() -> None:
    """It was busy, or we were."""
    assert refusal(NatsError("nats: 'Authentication Timeout'")) is None
    assert refusal(NatsError("nats: 'User Authentication Expired'")) is not None
    assert refusal(AuthorizationError()) is not None


class Paused:
    """A queue consumer that does nothing."""

    def pause(self) -> None:
        """See ``QueueConsumer``."""

    resume = pause


class Reached:
    """As much of a connection as the watch needs."""

    def __init__(self) -> None:
        """Note why the process is to end."""
        self.reasons: list[str] = []
        self.ended = asyncio.Event()
        self.tasks = LongTasks(self._end)
        self.client = client_of(WITHOUT)
        self.on_disconnected: list[Callable[[], None]] = []
        self.on_reconnected: list[Callable[[], None]] = []

    def _end(self, reason: str) -> None:
        self.reasons.append(reason)
        self.ended.set()


async def test_a_watch_for_jetstream_that_fails_ends_the_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Else the service would stay on core NATS for ever, beside others that read the log."""

    async def fail(client: NatsClient, subject: str) -> None:
        del client, subject
        raise RuntimeError("nobody foresaw it")

    async def drained() -> None:
        return

    monkeypatch.setattr("bus.streams.delivery._ask", fail)
    connection, queue = Reached(), Paused()
    watch = JetStreamWatch(
        connection,  # type: ignore[arg-type]  # as much of one as is used
        Subjects(),
        queue,  # type: ignore[arg-type]
        drained,
        pytest.fail,
    )
    watch.start()
    async with asyncio.timeout(5):
        await connection.ended.wait()
    [reason] = connection.reasons
    assert reason.startswith("the task jetstream watch has ended: RuntimeError")
    await connection.tasks.close()
