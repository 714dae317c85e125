"""Order, judged from outside: a request has one digest, which lacks nothing that stood before it.

The judge reads the log, not what any process knew. A digest may know more than it must: events
behind its request are applied before it is answered.
"""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from actors.rules.alarms import AlarmID, Severity
from bus.wire.instants import parse_instant
from tests.oracle import Oracle

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from actors.rules.alarms import UserID
    from chaos.load.log import Entry
    from chaos.load.reader import Stored
    from tests.oracle import Key


class Verdict(NamedTuple):
    """A line for each breach."""

    lacking: list[str]
    """Digests without an event that stood before their request, an entry an alarm."""
    unanswered: list[str]
    answered_twice: list[str]


def judge_order(
    logs: Sequence[Sequence[Entry]],
    digests: Iterable[Stored],
    published: Mapping[tuple[UserID, AlarmID], Iterable[Key]] | None = None,
) -> Verdict:
    """Hold digests, in the order in which they were told, against the logs, one after another.

    Each log is what its stream held in the end; what a broker lost of it nobody is blamed for.
    Of what was ``published`` the service may have applied an event that was lost later: an alarm
    that was cleared by such a one is not due.
    """
    entries = [entry for log in logs for entry in log]
    place = {entry.request: number for number, entry in enumerate(entries) if entry.request}
    of_user: dict[UserID, list[int]] = defaultdict(list)
    later: dict[tuple[UserID, AlarmID], list[tuple[int, Key]]] = defaultdict(list)
    for number, entry in enumerate(entries):
        if entry.event is not None:
            of_user[entry.user_id].append(number)
            alarm_id, severity, at_ns = entry.event
            later[entry.user_id, alarm_id].append((number, (at_ns, severity)))
    kept = {alarm: {key for _, key in events} for alarm, events in later.items()}
    lost = {
        alarm: {key for key in keys if key not in kept.get(alarm, ())}
        for alarm, keys in (published or {}).items()
    }
    walk = _Walk(entries, of_user, later, lost)
    lacking: list[str] = []
    answers: dict[int, set[str]] = defaultdict(set)
    for digest in digests:
        if digest.request is None:
            continue
        first = not answers[digest.request]
        answers[digest.request].add(digest.digest_id)
        if first:
            lacking += walk.lacking(digest, place.get(digest.request))
    unanswered = [f"request {request}" for request in place if not answers.get(request)]
    twice = [f"request {request}: {ids}" for request, ids in answers.items() if len(ids) > 1]
    return Verdict(lacking, unanswered, twice)


class _Walk:
    """Goes through each user's part of the log, as far as its next request."""

    def __init__(
        self,
        entries: Sequence[Entry],
        of_user: dict[UserID, list[int]],
        later: dict[tuple[UserID, AlarmID], list[tuple[int, Key]]],
        lost: Mapping[tuple[UserID, AlarmID], Iterable[Key]],
    ) -> None:
        self._entries = entries
        self._of_user = of_user
        self._later = later
        self._lost = lost
        self._walked: dict[UserID, int] = defaultdict(int)
        self._oracles: dict[UserID, Oracle] = defaultdict(Oracle)

    def lacking(self, digest: Stored, place: int | None) -> list[str]:
        """Say what a digest lacks, then have it told; one of a lost request is only told."""
        fields = json.loads(digest.body)
        user_id = fields["UserID"]
        oracle = self._oracles[user_id]
        told = {
            AlarmID(item["AlarmID"]): (
                parse_instant(item["LatestChangedAt"]),
                Severity[item["Status"]],
            )
            for item in fields["ActiveAlarms"]
        }
        lacking = []
        if place is not None:
            self._walk_to(user_id, place)
            for item in oracle.due(user_id):
                alarm_id, key = item.alarm_id, (item.changed_at_ns, item.severity)
                at = told.get(alarm_id)
                if at is not None and at >= key:
                    continue
                if at is None and self._may_have_been_cleared(user_id, alarm_id, place, key):
                    continue
                lacking.append(f"request {digest.request} of {user_id}: {alarm_id} is {at}")
        for alarm_id, (at_ns, severity) in told.items():
            oracle.tell(user_id, alarm_id, severity, at_ns)
        return lacking

    def _walk_to(self, user_id: UserID, place: int) -> None:
        numbers, oracle = self._of_user[user_id], self._oracles[user_id]
        at = self._walked[user_id]
        while at < len(numbers) and numbers[at] < place:
            event = self._entries[numbers[at]].event
            assert event is not None
            oracle.receive(user_id, *event)
            at += 1
        self._walked[user_id] = at

    def _may_have_been_cleared(
        self, user_id: UserID, alarm_id: AlarmID, place: int, key: Key
    ) -> bool:
        """Whether an event behind the request, or one that is lost now, may have been applied."""
        if any(
            event > key and event[1] is Severity.CLEARED
            for event in self._lost.get((user_id, alarm_id), ())
        ):
            return True
        return any(
            number > place and event > key and event[1] is Severity.CLEARED
            for number, event in self._later[user_id, alarm_id]
        )
