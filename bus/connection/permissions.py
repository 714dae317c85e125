"""What the service must be allowed on NATS, and whether a user's permissions allow it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from bus.settings import BusSettings


class Needed(NamedTuple):
    """One thing that the service does."""

    verb: str
    """``publish`` or ``subscribe``, as the server's configuration has it."""
    subject: str
    purpose: str


def needed(settings: BusSettings, stream: str) -> Iterator[Needed]:
    """Yield what a running service needs on JetStream; ``stream`` has the input subjects."""
    subjects, durable = settings.subjects, settings.queue_group
    yield Needed("subscribe", f"{settings.inbox_prefix}.>", "to hear answers")
    yield Needed("publish", subjects.alarm_digest, "to publish digests")
    yield Needed("publish", subjects.dead_letter, "to publish dead letters")
    yield Needed("publish", f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{durable}", "to ask for messages")
    yield Needed("publish", f"$JS.ACK.{stream}.{durable}.>", "to acknowledge messages")


def denied(permissions: Mapping[str, object], wanted: Iterable[Needed]) -> list[Needed]:
    """Return what ``permissions``, as ``$SYS.REQ.USER.INFO`` tells them, do not allow."""
    return [one for one in wanted if not _allows(permissions.get(one.verb), one.subject)]


def covers(pattern: str, subject: str) -> bool:
    """Whether a pattern matches all that ``subject``, which may end in ``>``, stands for."""
    wanted = subject.split(".")
    elements = pattern.split(".")
    for place, element in enumerate(elements):
        if element == ">":
            return place < len(wanted)
        if place >= len(wanted) or wanted[place] == ">":
            return False
        if element not in ("*", wanted[place]):
            return False
    return len(elements) == len(wanted)


def _allows(rules: object, subject: str) -> bool:
    if not isinstance(rules, dict):
        return True  # nothing is said of this verb: everything is allowed
    allow, deny = rules.get("allow"), rules.get("deny") or ()
    if any(covers(pattern, subject) for pattern in deny):
        return False
    return allow is None or any(covers(pattern, subject) for pattern in allow)
