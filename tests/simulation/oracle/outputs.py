"""What a consumer reads from the output streams, put together again from parts and repeats."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from actors.rules.alarms import AlarmID, Severity, UserID
from actors.rules.digest import DigestID, DigestItem
from bus.wire.instants import parse_instant

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actors.rules.digest import Digest
    from bus.outbound.message import OutgoingMessage
    from tests.simulation.oracle.ledger import Entry


@dataclass(slots=True)
class Outputs:
    """Digests and dead letters as they were published, each id once."""

    told: dict[tuple[UserID, AlarmID], DigestItem] = field(default_factory=dict)
    """How each alarm stood in the last digest that carried it."""
    _parts: dict[DigestID, dict[int, int]] = field(default_factory=dict)
    _dead: dict[str, _DeadLetter] = field(default_factory=dict)
    """By the identity of the message."""

    def add_digest(
        self, published: OutgoingMessage, digests: Mapping[DigestID, Digest]
    ) -> str | None:
        """Read a message; return what is wrong with it. ``digests`` are those in checkpoints.

        They are in the order in which they were saved, and what a user is told comes in this
        order; where there is nothing to tell, it does not matter when that is said.
        """
        name, _, bounds = published.headers["Nats-Msg-Id"].partition(".")
        digest = digests.get(DigestID(name))
        if digest is None:
            return f"{name} was published before a checkpoint held it"
        user_id, items = _read(published.body)
        first = int(bounds.partition("-")[0]) if bounds else 0
        if user_id != digest.user_id or items != digest.items[first : first + len(items)]:
            return f"{name} was published as {published.body!r}"
        for earlier in digests.values():
            if earlier is digest or not items:
                break
            if earlier.user_id == user_id and earlier.items and not self.is_complete(earlier):
                return f"{name} was published before {earlier.digest_id}"
        self._parts.setdefault(digest.digest_id, {})[first] = len(items)
        for item in items:
            self.told[user_id, item.alarm_id] = item
        return None

    def is_complete(self, digest: Digest) -> bool:
        """Whether all of a digest was published, nothing of it twice."""
        parts = self._parts.get(digest.digest_id)
        if parts is None:
            return False
        end = 0
        for first in sorted(parts):
            if first != end:
                return False
            end += parts[first]
        return end == len(digest.items)

    def is_dead_letter(self, entry: Entry) -> bool:
        """Whether a message was published as a dead letter, unchanged but for what had no room."""
        letter = self._dead.get(entry.identity)
        return letter is not None and letter.is_of(entry.body)

    def add_dead_letter(self, published: OutgoingMessage) -> tuple[str, str]:
        """Read a dead letter; return whose, by its identity, and why."""
        headers = published.headers
        number, _, parts = headers.get("Dead-Letter-Part", "1/1").partition("/")
        identity = headers["Nats-Msg-Id"].removeprefix("dead-letter.")
        if parts != "1":
            identity = identity.rpartition(".")[0]
        letter = self._dead.setdefault(identity, _DeadLetter())
        letter.parts[int(number)] = published.body
        letter.count = int(parts)
        letter.cut_from = int(headers.get("Dead-Letter-Cut", 0))
        return identity, headers["Dead-Letter-Reason"]

    def user_of(self, published: OutgoingMessage) -> UserID:
        """Return to whom a digest is."""
        return _read(published.body)[0]


@dataclass(slots=True)
class _DeadLetter:
    """One as far as it was published."""

    parts: dict[int, bytes] = field(default_factory=dict)
    count: int = 0
    cut_from: int = 0
    """How many bytes it had before it was cut; 0 where it was not."""

    def is_of(self, body: bytes) -> bool:
        """Whether this is all of it, and of a message with this body."""
        whole = b"".join(self.parts[number] for number in sorted(self.parts))
        if self.cut_from:
            return self.cut_from == len(body) and body.startswith(whole)
        return len(self.parts) == self.count and whole == body


def _read(body: bytes) -> tuple[UserID, tuple[DigestItem, ...]]:
    fields = json.loads(body)
    items = tuple(
        DigestItem(
            AlarmID(item["AlarmID"]),
            Severity[item["Status"]],
            parse_instant(item["LatestChangedAt"]),
        )
        for item in fields["ActiveAlarms"]
    )
    return UserID(fields["UserID"]), items
