"""The service as NATS micro tools see it: ping, info, statistics, and a user's state.

Made on ``nats.micro``, whose endpoints are one sequential subscription each, answer an exception
with its ``repr()``, and end what runs when they stop. So the handlers here only start a task; its
work is done on threads, bounded in number and time; errors are worded here.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
import socket
from dataclasses import dataclass
from functools import partial
from importlib import metadata
from time import perf_counter_ns
from typing import TYPE_CHECKING

from nats.errors import Error as NatsError
from nats.micro.service import Service, ServiceConfig

from actors.settings import setting
from bus.connection.access import MORE_SUBSCRIPTIONS
from bus.connection.tasks import begin
from bus.outbound.message import one_line
from ops.inquiries.answering import AnswerError, Answering
from ops.inquiries.form import (
    home_subject,
    instance_subject,
    list_subject,
    service_name,
    show_subject,
)
from ops.process.daemons import on_daemon_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from nats.micro.request import Request
    from nats.micro.service import EndpointStats

    from actors.rules.partitions import InstanceID
    from bus.connection.client.client import NatsClient
    from ops.users.known import KnownUsers

logger = logging.getLogger("ops.micro")

_ANY = "any"
"""Queue group of what one instance answers, whichever it is."""

RUNNING_MAX = 8
"""Requests that are answered at a time; who comes then is told to come again."""

_WORKING_MAX = 4
_ANSWER_WITHIN_S = 5.0
_STOP_WITHIN_S = 1.0
_HEADERS_BYTES = 1024
_REASON_MAX_CHARS = 500

_SEMVER = re.compile(r"\d+\.\d+\.\d+")


@dataclass(frozen=True, slots=True)
class MicroSettings:
    """Whether the service answers."""

    wanted: bool = setting(
        "NATS_MICRO",
        default=True,
        meaning="whether the service answers NATS micro tools and tells a user's state to those "
        "who ask over NATS",
        choices={"on": True, "off": False},
    )


@dataclass(slots=True)
class _Tally:
    """What an endpoint did; nats.micro would count a request as done when it is begun."""

    errors: int = 0
    busy: int = 0
    processing_ns: int = 0
    last_error: str | None = None

    def correct(self, stats: EndpointStats) -> None:
        """Put what is true into what nats.micro counted."""
        stats.num_errors = self.errors
        stats.last_error = self.last_error
        stats.processing_time = self.processing_ns
        stats.average_processing_time = self.processing_ns // max(1, stats.num_requests)


class MicroService:
    """The service's side of NATS micro. Runs on the event loop."""

    def __init__(
        self,
        client: NatsClient,
        queue_group: str,
        me: InstanceID,
        known: KnownUsers,
        figures: Callable[[], Mapping[str, Any]],
    ) -> None:
        """Answer on ``client`` about users, and with this instance's figures; ``start`` begins."""
        self._client = client
        self._queue_group = queue_group
        self._me = me
        self._known = known
        self._figures = figures
        self._service: Service | None = None
        # Each thread that computes takes its share from the one that handles messages.
        self._working = asyncio.Semaphore(_WORKING_MAX)
        self._running: set[asyncio.Task[None]] = set()
        self._tallies: dict[str, _Tally] = {}

    async def start(self) -> None:
        """Subscribe. What does not work here is logged: nothing else depends on it."""
        refused = self._client.refused_subscriptions
        try:
            service = self._service = Service(self._client, self._config())
            await service.start()
            room = self._client.max_payload - _HEADERS_BYTES
            answering = Answering(self._known, room, self._figures)
            group, here = self._queue_group, service.id
            await self._add("user-show", show_subject(group), answering.show, _ANY)
            at_home = home_subject(group, self._me)
            await self._add("user-show-here", at_home, answering.show_here, here)
            # An endpoint always has a queue group: with one of its own, each instance answers.
            await self._add("user-list", list_subject(group), answering.list, here)
            await self._add("instance-show", instance_subject(group), answering.instance, here)
            await self._client.flush()
        except (NatsError, ValueError) as error:
            logger.warning("micro.not_started", extra={"error": repr(error)})
        if self._client.refused_subscriptions != refused:
            # Half of it would answer some and leave others waiting, and take what others need.
            logger.warning(
                "micro.not_started",
                extra={"error": "too many subscriptions", "mend": MORE_SUBSCRIPTIONS},
            )
            await self.close()

    def _config(self) -> ServiceConfig:
        return ServiceConfig(
            name=service_name(self._queue_group),
            version=_version(),
            description="collects alarms, publishes digests; tells a user's state",
            metadata={
                "queue_group": self._queue_group,
                "host": socket.gethostname(),
                "pid": str(os.getpid()),
            },
            stats_handler=self._stats,
        )

    async def close(self) -> None:
        """Take no more requests, give those that run a moment, end."""
        if self._service is not None:
            try:
                # Disconnected it might wait long for what nobody will say.
                await asyncio.wait_for(self._service.stop(), _STOP_WITHIN_S)
            except (NatsError, TimeoutError) as error:
                logger.debug("micro.stop_failed", extra={"error": repr(error)})
        if self._running:
            await asyncio.wait(self._running, timeout=_STOP_WITHIN_S)
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _add(
        self, name: str, subject: str, answer: Callable[[bytes], bytes], queue_group: str
    ) -> None:
        assert self._service is not None
        tally = self._tallies[name] = _Tally()

        async def handle(request: Request) -> None:
            if len(self._running) >= RUNNING_MAX:
                tally.busy += 1
                await _respond(request, AnswerError("503", "too many requests, ask again"))
                return
            work = partial(answer, request.data)
            task = begin("micro answer", self._answer(request, work, tally))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

        await self._service.add_endpoint(
            name=name,
            subject=subject,
            handler=handle,
            queue_group=queue_group,
            metadata={"format": "application/json"},
        )

    async def _answer(self, request: Request, work: Callable[[], bytes], tally: _Tally) -> None:
        began_ns = perf_counter_ns()
        answer: bytes | AnswerError
        try:
            async with asyncio.timeout(_ANSWER_WITHIN_S), self._working:
                answer = await on_daemon_thread(work, "micro")
        except AnswerError as error:
            answer = error
        except TimeoutError:
            answer = AnswerError("504", f"no answer within {_ANSWER_WITHIN_S:g} s")
        except Exception:
            # What went wrong is for the log, and not for whoever may send a request.
            logger.exception("micro.failed", extra={"subject": request.subject})
            answer = AnswerError("500", "the request could not be answered, see the log")
        tally.processing_ns += perf_counter_ns() - began_ns
        if isinstance(answer, AnswerError):
            tally.errors += 1
            tally.last_error = f"{answer.code}: {answer.description}"
        await _respond(request, answer)

    def _stats(self, stats: EndpointStats) -> dict[str, int]:
        tally = self._tallies[stats.name]
        tally.correct(stats)
        return {"running": len(self._running), "turned_away": tally.busy}


async def _respond(request: Request, answer: bytes | AnswerError) -> None:
    try:
        if isinstance(answer, AnswerError):
            await request.respond_error(
                answer.code, one_line(answer.description, _REASON_MAX_CHARS)
            )
        else:
            await request.respond(answer)
    except Exception as error:
        # Nobody waits for the answer, or the connection is away, or its transport is closed.
        logger.debug("micro.unanswered", extra={"error": repr(error)})


def _version() -> str:
    try:
        found = _SEMVER.match(metadata.version("alarm-digest"))
    except metadata.PackageNotFoundError:
        found = None
    return "0.0.0" if found is None else found[0]
