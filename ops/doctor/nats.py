"""Examining NATS: server, permissions, streams, clock. Changes nothing."""

from __future__ import annotations

import json
from datetime import datetime
from functools import partial
from time import time
from typing import TYPE_CHECKING, Any
from urllib.request import urlopen

from nats.errors import Error as NatsError
from nats.errors import NoRespondersError
from nats.js.errors import APIError

from bus.connection.access import MORE_SUBSCRIPTIONS
from bus.connection.permissions import denied, needed
from bus.settings import DeliveryMode
from bus.streams.api import JetStreamAPI, describe, lack_of, stream_of
from bus.streams.origins.asking import origins_of
from ops.doctor.findings import Finding, note, ok, on_clock, risk
from ops.doctor.jetstream import Sync, examine_jetstream
from ops.inquiries.asking import ask_what_is_wrong, find_instances
from ops.instance import EMBEDDED_SERVER

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping

    from nats.aio.client import Client

    from bus.connection.client.client import NatsClient
    from bus.settings import BusSettings

_TIMEOUT_S = 2.0
_PASSING_CHECKS = ("phase", "beats", "partitions")
"""Of an instance that comes, goes or waits its turn; homes are looked at in MongoDB."""
_SUBSCRIPTIONS = 18
"""What a service takes at the most; a handful is enough without NATS micro."""


def read_sync(monitor_url: str) -> Sync:
    """Return what the server's monitoring port says of ``sync_interval``; blocks.

    Raises ``OSError`` or ``ValueError`` when it does not say anything.
    """
    if not monitor_url.startswith(("http://", "https://")):
        raise ValueError("not an http:// URL")
    url = f"{monitor_url.rstrip('/')}/varz"
    with urlopen(url, timeout=_TIMEOUT_S) as answer:  # noqa: S310  # checked above
        config = json.load(answer).get("jetstream", {}).get("config", {})
    if config.get("sync_always"):
        return Sync.ALWAYS
    return Sync.LATER if "sync_interval" in config else Sync.UNKNOWN


async def examine_nats(
    client: NatsClient, settings: BusSettings, sync: Sync = Sync.UNKNOWN
) -> AsyncIterator[Finding]:
    """Yield what there is to say of a server that we are connected to."""
    version = client.connected_server_version
    yield ok("nats", f"connected, version {version.major}.{version.minor}.{version.patch}")
    user = await _user_info(client)
    for finding in _clock(user):
        yield finding
    for finding in await _instances(client, settings):
        yield finding
    for finding in await _on_subscriptions(client):
        yield finding
    if client.max_payload < settings.max_body_bytes:
        yield note(
            "nats",
            f"takes messages of {client.max_payload} bytes, MAX_BODY_BYTES is larger",
            "raise max_payload; digests are split and dead letters cut until then",
        )
    if settings.delivery is DeliveryMode.CORE:
        yield risk("nats", "DELIVERY is core: at most once", "set DELIVERY to jetstream")
        return
    js = client.jetstream(timeout=_TIMEOUT_S)
    try:
        stream = await stream_of(js, settings.subjects.alarm_status_changed)
    except (APIError, NatsError) as error:
        yield _on_absence(client, error)
        return
    if sync is not Sync.ALWAYS and client.greeting.get("server_name") == EMBEDDED_SERVER:
        sync = Sync.TRIAL
    asking = partial(origins_of, JetStreamAPI(client))
    async for finding in examine_jetstream(js, settings, sync, asking):
        yield finding
    for finding in _on_permissions(user, settings, stream or settings.streams.input_stream):
        yield finding


def _on_absence(client: NatsClient, error: NatsError) -> Finding:
    lack = lack_of(client, error)
    if lack is not None:
        mend = f"{lack.mend}; core NATS delivers at most once"
        return risk("jetstream", f"{lack.who}: {describe(error)}", mend)
    return risk(
        "jetstream",
        f"does not answer: {describe(error)}",
        "see whether it runs, and allow this user $JS.API.>: the service waits for it",
    )


async def _instances(client: Client, settings: BusSettings) -> list[Finding]:
    found = await find_instances(client, settings.queue_group)
    if found:
        running = ok("service", f"{len(found)} running: {'; '.join(found)}")
        return [running, *on_what_is_wrong(await ask_what_is_wrong(client, settings.queue_group))]
    return [note("service", "no instance answers", "start it; or it goes without NATS micro")]


def on_what_is_wrong(wrong: Mapping[str, Mapping[str, str]]) -> Iterator[Finding]:
    """Judge what instances say of themselves, by their names; what comes and goes is no matter."""
    for name, checks in sorted(wrong.items()):
        for check, says in checks.items():
            if check not in _PASSING_CHECKS:
                mend = "see what else is said here, /readyz of that instance, and its log"
                yield risk(f"instance {name}", f"is not ready: {check}: {says}", mend)


async def _on_subscriptions(client: NatsClient) -> list[Finding]:
    """Try whether as many are allowed as the service takes; they end with the trial."""
    before = client.refused_subscriptions
    tried = [await client.subscribe(client.new_inbox()) for _ in range(_SUBSCRIPTIONS)]
    await client.flush()
    refused = client.refused_subscriptions - before
    for subscription in tried:
        await subscription.unsubscribe()
    if not refused:
        return []
    says = f"refuses {refused} of the {_SUBSCRIPTIONS} subscriptions that the service takes: it "
    return [note("nats", f"{says}does without NATS micro, or does not start", MORE_SUBSCRIPTIONS)]


async def _user_info(client: Client) -> dict[str, Any] | None:
    """Return what the server says of us, with when; None where it does not say."""
    asked_s = time()
    try:
        answer = await client.request("$SYS.REQ.USER.INFO", b"", timeout=_TIMEOUT_S)
        said: dict[str, Any] = json.loads(answer.data)
    except (TimeoutError, NatsError, NoRespondersError, ValueError):
        return None
    return {**said, "asked_s": asked_s, "answered_s": time()}


def _clock(user: dict[str, Any] | None) -> Iterator[Finding]:
    stamp = (user or {}).get("server", {}).get("time")
    if user is None or stamp is None:
        yield note("nats", "does not tell its clock", "compare it by hand")
        return
    # The server writes nanoseconds, of which Python reads six digits.
    server_s = datetime.fromisoformat(stamp[:19] + "+00:00").timestamp()
    server_s += float(f"0.{stamp[20:].rstrip('Z') or 0}")
    asked_s, answered_s = user["asked_s"], user["answered_s"]
    yield on_clock("nats", server_s - (asked_s + answered_s) / 2, (answered_s - asked_s) / 2)


def _on_permissions(
    user: dict[str, Any] | None, settings: BusSettings, stream: str
) -> Iterator[Finding]:
    if user is None:
        yield note("nats", "does not tell our permissions", "see the permissions in the docs")
        return
    missing = denied(user.get("data", {}).get("permissions") or {}, needed(settings, stream))
    for one in missing:
        yield risk(
            "nats", f"no permission {one.purpose}", f"allow this user to {one.verb} {one.subject}"
        )
    if not missing:
        yield ok("nats", "allows this user what the service does")
