"""What the publisher is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from pykka import ActorRef

    from actors.errors import PublishFailedError
    from actors.rules.digest import Digest, DigestID


class PublishOutbox(NamedTuple):
    """User actor to publisher: the outbox is durable, publish its digests, in order."""

    digests: tuple[Digest, ...]
    """At least one; the first one's id names them all."""
    reply_to: ActorRef[Any]


@dataclass(frozen=True, slots=True)
class RetryPublish:
    """Timer to publisher: try again."""

    digest_id: DigestID
    attempt: int
    """The one that failed."""


@dataclass(frozen=True, slots=True)
class PublishSettled:
    """Bus to publisher: how an attempt ended."""

    digest_id: DigestID
    attempt: int
    """Its number; no two of a publisher have the same."""
    error: PublishFailedError | None


@dataclass(frozen=True, slots=True)
class MayPublish:
    """Home to publisher: what is at home here may be published until then; held back beyond."""

    until_s: float
    """By ``Clock.monotonic_s``."""


@dataclass(frozen=True, slots=True)
class AdmitPartitions:
    """Home to publisher: these partitions are at home here from now on."""

    numbers: frozenset[int]


@dataclass(frozen=True, slots=True)
class ForgetPartitions:
    """Home to publisher: publish nothing more of these partitions' users.

    Nor of what their actors, who leave only later, still ask for.
    """

    numbers: frozenset[int]


PublisherMessage = (
    PublishOutbox | RetryPublish | PublishSettled | MayPublish | AdmitPartitions | ForgetPartitions
)
