"""Asking the running instances of a service, from a command."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from nats.errors import TimeoutError as NatsTimeoutError

from ops.inquiries.form import (
    ListInquiry,
    ShowInquiry,
    list_subject,
    service_name,
    show_subject,
)
from ops.users.report import Source, UserLine, UserReport

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from nats.aio.client import Client

_FIRST_WITHIN_S = 3.0
_OTHERS_WITHIN_S = 0.3
"""How many instances there are, nobody knows; after this silence all have answered."""


async def ask_for_user(
    client: Client, queue_group: str, inquiry: ShowInquiry
) -> tuple[UserReport | None, list[str]]:
    """Return what the service says of a user, and the errors it answered with.

    None when nobody answers; see ``most_telling`` for several instances.
    """
    reports: list[UserReport] = []
    errors: list[str] = []
    async for fields in _answers(client, show_subject(queue_group), inquiry.encode(), errors):
        try:
            reports.append(UserReport.from_fields(fields))
        except (KeyError, TypeError, ValueError) as error:
            errors.append(f"an answer that cannot be read: {error!r}")
    return most_telling(reports), errors


def most_telling(reports: Iterable[UserReport]) -> UserReport | None:
    """Return what counts of what several instances say of one user; None of nothing.

    The latest save: another instance may have kept in memory what was overtaken since. Of equal
    ones the live one, which may be ahead of it.
    """
    return max(
        reports, key=lambda report: (report.version, report.source is Source.LIVE), default=None
    )


async def ask_for_list(
    client: Client, queue_group: str, inquiry: ListInquiry
) -> tuple[list[UserLine], int | None]:
    """Return the live users of all instances, and how many live in all; None if nobody answers."""
    lines: list[UserLine] = []
    live: int | None = None
    async for fields in _answers(client, list_subject(queue_group), inquiry.encode(), []):
        try:
            lines += [UserLine.from_fields(line) for line in fields["users"]]
            live = (live or 0) + int(fields["live"])
        except (KeyError, TypeError, ValueError):
            continue
    return lines, live


async def find_instances(client: Client, queue_group: str) -> list[str]:
    """Return where the running instances of a service are, as ``host, process`` each."""
    found: list[str] = []
    async for ping in _answers(client, f"$SRV.PING.{service_name(queue_group)}", b"", []):
        try:
            about = ping["metadata"]
            if about["queue_group"] == queue_group:
                found.append(f"{about['host']}, process {about['pid']}")
        except (KeyError, TypeError):
            continue
    return sorted(found)


async def _answers(
    client: Client, subject: str, body: bytes, errors: list[str]
) -> AsyncIterator[Any]:
    """Yield what each instance answers, decoded; what is no answer goes to ``errors``."""
    inbox = client.new_inbox()
    answers = await client.subscribe(inbox)
    try:
        await client.publish(subject, body, reply=inbox)
        wait_s = _FIRST_WITHIN_S
        while True:
            msg = await answers.next_msg(timeout=wait_s)
            wait_s = _OTHERS_WITHIN_S
            headers = msg.headers or {}
            if headers.get("Status") == "503":
                return  # nobody listens there
            if "Nats-Service-Error" in headers:
                errors.append(headers["Nats-Service-Error"])
                continue
            try:
                yield orjson.loads(msg.data)
            except orjson.JSONDecodeError:
                errors.append("an answer that is not JSON")
    except (TimeoutError, NatsTimeoutError):
        return
    finally:
        await answers.unsubscribe()
