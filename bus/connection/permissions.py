"""What the service must be allowed on NATS, and whether a user's permissions allow it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from bus.subjects import covers

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
    subjects, api = settings.subjects, "$JS.API"
    yield Needed("subscribe", f"{settings.inbox_prefix}.>", "to hear answers")
    yield Needed("publish", subjects.alarm_digest, "to publish digests")
    yield Needed("publish", subjects.dead_letter, "to publish dead letters")
    yield Needed("publish", f"{api}.STREAM.INFO.{stream}", "to see how the log stands")
    yield Needed("publish", f"{api}.STREAM.MSG.GET.{stream}", "to see that the log is the same")
    yield Needed("publish", f"{api}.CONSUMER.CREATE.{stream}", "to begin to read")
    yield Needed("publish", f"{api}.CONSUMER.MSG.NEXT.{stream}.>", "to ask for messages")
    yield Needed("publish", f"{api}.CONSUMER.DELETE.{stream}.>", "to end reading")
    yield Needed("publish", f"{api}.STREAM.PURGE.{stream}", "to remove what is settled and old")
    yield Needed("publish", settings.nudge_subject, "to tell other instances of changes")
    yield Needed("subscribe", settings.nudge_subject, "to hear of changes at once")


def denied(permissions: Mapping[str, object], wanted: Iterable[Needed]) -> list[Needed]:
    """Return what ``permissions``, as ``$SYS.REQ.USER.INFO`` tells them, do not allow."""
    return [one for one in wanted if not _allows(permissions.get(one.verb), one.subject)]


def _allows(rules: object, subject: str) -> bool:
    if not isinstance(rules, dict):
        return True  # nothing is said of this verb: everything is allowed
    allow, deny = rules.get("allow"), rules.get("deny") or ()
    if any(covers(pattern, subject) for pattern in deny):
        return False
    return allow is None or any(covers(pattern, subject) for pattern in allow)
