"""What a consumer reads from the output streams, put together again from parts and repeats."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from actors.rules.alarms import AlarmID, Severity, UserID
from actors.rules.digest import DigestID, DigestItem
from bus.outbound.dead_letters import CUT
from bus.wire.instants import parse_instant

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actors.rules.digest import Digest
    from bus.outbound.message import OutgoingMessage


@dataclass(slots=True)
class Outputs:
    """Digests and dead letters as they were published, each id once."""

    told: dict[tuple[UserID, AlarmID], DigestItem] = field(default_factory=dict)
    """How each alarm stood in the last digest that carried it."""
    _parts: dict[DigestID, dict[int, int]] = field(default_factory=dict)
    _begun: dict[UserID, list[DigestID]] = field(default_factory=dict)
    _dead: dict[int, OutgoingMessage] = field(default_factory=dict)

    def add_digest(
        self, published: OutgoingMessage, digests: Mapping[DigestID, Digest]
    ) -> str | None:
        """Read a message; return what is wrong with it. ``digests`` are those in checkpoints."""
        name, _, bounds = published.headers["Nats-Msg-Id"].partition(".")
        digest = digests.get(DigestID(name))
        if digest is None:
            return f"{name} was published before a checkpoint held it"
        user_id, items = _read(published.body)
        first = int(bounds.partition("-")[0]) if bounds else 0
        if user_id != digest.user_id or items != digest.items[first : first + len(items)]:
            return f"{name} was published as {published.body!r}"
        begun = self._begun.setdefault(user_id, [])
        if digest.digest_id not in begun:
            unfinished = [owed for owed in begun if not self.is_complete(digests[owed])]
            if unfinished:
                return f"{name} was published before {unfinished}"
            begun.append(digest.digest_id)
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

    def is_dead_letter(self, sequence: int, body: bytes) -> bool:
        """Whether a message was published as a dead letter: unchanged, or cut as it says."""
        letter = self._dead.get(sequence)
        if letter is None:
            return False
        if CUT in letter.headers:
            cut = letter.headers[CUT] == str(len(body)) and len(letter.body) < len(body)
            return cut and body.startswith(letter.body)
        return letter.body == body

    def add_dead_letter(self, published: OutgoingMessage) -> tuple[int, str]:
        """Read a dead letter; return whose and why."""
        headers = published.headers
        sequence = int(headers["Dead-Letter-Sequence"])
        self._dead[sequence] = published
        return sequence, headers["Dead-Letter-Reason"]


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
