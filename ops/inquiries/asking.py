"""Asking the running instances of a service, from a command."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import orjson
from nats.errors import NoRespondersError
from nats.errors import TimeoutError as NatsTimeoutError

from actors.rules.partitions import InstanceID
from ops.homes.members import MemberFigures
from ops.inquiries.form import (
    ListInquiry,
    ShowInquiry,
    instance_subject,
    list_subject,
    service_name,
    show_subject,
)
from ops.users.report import UserLine, UserReport

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from nats.aio.client import Client

NO_ANSWER = "no service answers"
_ATTEMPTS = 2
_FIRST_WITHIN_S = 4.0
_OTHERS_WITHIN_S = 0.3
"""How many instances there are, nobody knows; after this silence all have answered."""


async def ask_for_user(
    client: Client, queue_group: str, inquiry: ShowInquiry
) -> tuple[UserReport | None, str | None]:
    """Return what the service says of a user, else why it says nothing.

    Whichever instance is asked; it asks at the user's home. One that stands still does not
    answer: then perhaps another is asked.
    """
    report, why = None, None
    for _ in range(_ATTEMPTS):
        report, why = await ask_for_report(
            client, show_subject(queue_group), inquiry, _FIRST_WITHIN_S / _ATTEMPTS
        )
        if why != NO_ANSWER:
            break
    return report, why


async def ask_for_report(
    client: Client, subject: str, inquiry: ShowInquiry, within_s: float
) -> tuple[UserReport | None, str | None]:
    """Return what is answered on a subject on which one instance answers, else why not."""
    try:
        answer = await client.request(subject, inquiry.encode(), timeout=within_s)
        refused = (answer.headers or {}).get("Nats-Service-Error")
        if refused is not None:
            return None, refused
        return UserReport.from_fields(orjson.loads(answer.data)), None
    except (KeyError, TypeError, ValueError) as error:
        return None, f"an answer that cannot be read: {error!r}"
    except (NoRespondersError, TimeoutError, NatsTimeoutError):
        return None, NO_ANSWER


async def ask_for_figures(client: Client, queue_group: str) -> dict[InstanceID, MemberFigures]:
    """Return what each instance says of itself."""
    found: dict[InstanceID, MemberFigures] = {}
    async for fields in _answers(client, instance_subject(queue_group), b""):
        if isinstance(fields, dict) and isinstance(fields.get("instance_id"), str):
            found[InstanceID(fields["instance_id"])] = MemberFigures.from_fields(fields)
    return found


async def ask_what_is_wrong(client: Client, queue_group: str) -> dict[str, dict[str, str]]:
    """Return what the readiness of each instance complains of, by the instance's name."""
    found: dict[str, dict[str, str]] = {}
    async for fields in _answers(client, instance_subject(queue_group), b""):
        wrong = fields.get("wrong") if isinstance(fields, dict) else None
        if isinstance(wrong, dict) and wrong:
            found[f"{fields.get('instance')}"] = {f"{name}": f"{wrong[name]}" for name in wrong}
    return found


async def ask_for_list(
    client: Client, queue_group: str, inquiry: ListInquiry
) -> tuple[list[UserLine], int | None]:
    """Return the live users of all instances, and how many live in all; None if nobody answers.

    Of an instance that does not say how many live there, those count that it lists.
    """
    lines: list[UserLine] = []
    live: int | None = None
    async for fields in _answers(client, list_subject(queue_group), inquiry.encode()):
        users = fields.get("users") if isinstance(fields, dict) else None
        if not isinstance(users, list):
            continue
        count = fields.get("live")
        live = (live or 0) + (count if isinstance(count, int) else len(users))
        for line in users:
            # One that another version has written, and that cannot be read, costs no other.
            with suppress(KeyError, TypeError, ValueError):
                lines.append(UserLine.from_fields(line))
    return lines, live


async def find_instances(client: Client, queue_group: str) -> list[str]:
    """Return where the running instances of a service are, as ``host, process`` each."""
    found: list[str] = []
    async for ping in _answers(client, f"$SRV.PING.{service_name(queue_group)}", b""):
        about = ping.get("metadata") if isinstance(ping, dict) else None
        if isinstance(about, dict) and about.get("queue_group") == queue_group:
            found.append(f"{about.get('host', '?')}, process {about.get('pid', '?')}")
    return sorted(found)


async def _answers(client: Client, subject: str, body: bytes) -> AsyncIterator[Any]:
    """Yield what each instance answers, decoded; one that says an error has nothing to add."""
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
                continue
            try:
                fields = orjson.loads(msg.data)
            except orjson.JSONDecodeError:
                continue
            yield fields
    except (TimeoutError, NatsTimeoutError):
        return
    finally:
        await answers.unsubscribe()
