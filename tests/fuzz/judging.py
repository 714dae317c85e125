"""Whether the codec reads a body as the reference does, over as many bodies as one likes."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from hypothesis import HealthCheck, given, seed, settings

from bus.errors import MessageRejectedError
from bus.wire.codec import decode_alarm_status_changed, decode_send_alarm_digest
from tests.fuzz.bodies import MAX_BYTES, bodies
from tests.fuzz.reference import (
    EVENT_FIELDS,
    REQUEST_FIELDS,
    Rejected,
    read_event,
    read_request,
)

if TYPE_CHECKING:
    from collections.abc import Callable

APPLIED = "applied"

_RUN = 10_000
"""Bodies of one run of Hypothesis, which keeps something of each until its run is over."""


class Subject(NamedTuple):
    """One of the two subjects that come in."""

    name: str
    fields: tuple[str, ...]
    decode: Callable[[bytes, int], object]
    refer: Callable[[bytes, int], object]


EVENTS = Subject("events", EVENT_FIELDS, decode_alarm_status_changed, read_event)
REQUESTS = Subject("requests", REQUEST_FIELDS, decode_send_alarm_digest, read_request)


def judge(subject: Subject, body: bytes, max_bytes: int = MAX_BYTES) -> str:
    """Return what became of a body: ``applied``, or what its rejection names.

    Fails when the codec takes it for something else than the reference, rejects it without a
    sensible reason, or raises anything but a rejection.
    """
    expected = subject.refer(body, max_bytes)
    try:
        read = subject.decode(body, max_bytes)
    except MessageRejectedError as error:
        reason = str(error)
        assert isinstance(expected, Rejected), f"rejected with {reason!r}, not read as {expected}"
        named = next((what for what in expected.blamed if reason.startswith(f"{what} ")), None)
        assert named is not None, f"{reason!r} names none of {sorted(expected.blamed)}"
        assert len(reason.splitlines()) == 1, f"{reason!r} is not one line"
        return named
    assert read == expected, f"read as {read}, not as {expected}"
    return APPLIED


def each_body(subject: Subject, count: int, number: int, use: Callable[[bytes], None]) -> None:
    """Have ``use`` called with about ``count`` bodies, the same for the same ``number``.

    A body that it fails on is made as small as possible, and shown.
    """
    for run, first in enumerate(range(0, count, _RUN)):

        @seed(f"{number}.{run}")
        @settings(
            max_examples=min(_RUN, count - first),
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=False,
        )
        @given(bodies(subject.fields))
        def examine(body: bytes) -> None:
            use(body)

        examine()


def survey(subject: Subject, count: int, number: int) -> tuple[Counter[str], int]:
    """Judge about ``count`` bodies; return how often what came of them, and how many differ."""
    outcomes: Counter[str] = Counter()
    seen: set[int] = set()

    def note(body: bytes) -> None:
        outcomes[judge(subject, body)] += 1
        seen.add(hash(body))

    each_body(subject, count, number, note)
    return outcomes, len(seen)
