"""Examining what is stored of instances and partitions, against the log. Changes nothing."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from actors.errors import StoreUnavailableError
from actors.rules.watching import FORGOTTEN_AFTER
from ops.doctor.findings import Finding, away, note, ok, risk
from ops.homes.belonging import MEND, stranger_than
from ops.homes.members import State, in_ranges, members_of
from ops.homes.watching import NOBODY, watch_until_known
from store.homes.browsing import HomeBrowser

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from actors.rules.partitions import InstanceID
    from ops.homes.members import Member, MemberFigures
    from ops.homes.watching import Watched
    from store.homes.browsing import StoredHomes
    from store.settings import StoreSettings

_CLOCK_S = 60
"""An instance that says it was started so much later than now has another clock."""

_FAR_BEHIND_S = 600


class LogFacts(NamedTuple):
    """What the examination of NATS has seen of the log."""

    stream: str
    created: str
    first: int
    last: int
    first_at_s: float | None
    """When the first message was put into it, in seconds since 1970."""
    max_age_s: float
    """Older messages are removed by the server; 0: none."""


class Seen(NamedTuple):
    """What was seen on NATS, to judge by it what MongoDB has."""

    log: LogFacts | None
    """None if it is not there, or cannot be seen."""
    figures: Mapping[InstanceID, MemberFigures]
    """Of who answers."""


def examine_homes(
    settings: StoreSettings, lease_s: float, history_s: float, seen: Seen
) -> Iterator[Finding]:
    """Yield what there is to say; blocks for the lease at most."""
    try:
        with HomeBrowser(settings) as browser:
            watched = watch_until_known(browser.look, lease_s)
    except StoreUnavailableError as error:
        yield away("homes", str(error), "see MONGODB_URI, and whether it runs")
        return
    stored, log = watched.stored, seen.log
    strange = stranger_than(seen.figures, stored.view.instances)
    if strange is not None:
        yield risk("service", strange, f"{MEND}: what is found here is of two deployments")
    if stored.layout_problem is not None:
        yield risk("layout", stored.layout_problem, "the service does not start like this")
        return
    if not stored.made:
        yield note("homes", "no instance was ever started here", "the service makes what it needs")
        return
    yield from judge_partitions(stored)
    yield from judge_instances(watched, lease_s, time.time())
    if log is not None:
        yield from judge_positions(stored, log)
        yield from judge_history(stored, log, history_s, time.time())


def judge_partitions(stored: StoredHomes) -> Iterator[Finding]:
    """Judge what is stored of the layout and the partitions."""
    if stored.damaged:
        yield risk(
            "partitions",
            f"{in_ranges(stored.damaged)} missing or damaged",
            "start the service, which mends them: it reads them from the log's beginning",
        )
    else:
        yield ok("partitions", "64, dealt by crc32")
    if stored.damaged_instances:
        yield note(
            "instances",
            f"{stored.damaged_instances} documents are none of an instance's",
            "remove them; an instance that lives writes its own anew",
        )


def judge_instances(watched: Watched, lease_s: float, now_s: float) -> Iterator[Finding]:
    """Judge who is up, and whether everything is at home with somebody who is."""
    found = members_of(watched.stored.view, watched.watch, NOBODY, lease_s, now_s, {})
    at_work = [one for one in found.instances if one.state in (State.UP, State.STANDS_BY)]
    if at_work:
        yield ok("instances", f"{len(at_work)} at work: {_names(at_work)}")
    else:
        yield note("instances", "none is at work", "start the service")
    for one in found.instances:
        yield from _on_instance(one, lease_s)
    for instance in watched.stored.view.instances:
        if instance.started_at_s > now_s + _CLOCK_S:
            yield note(
                "instances",
                f"{instance.name} was started {instance.started_at_s - now_s:.0f} s from now, by "
                "its clock",
                "run an NTP client on all machines",
            )
    homeless = [move.partition for move in found.moving]
    if homeless and at_work:
        yield note(
            "partitions",
            f"{in_ranges(homeless)} are not where they should be",
            "wait a few seconds and look again: main.py members; if they stay, see the logs",
        )


def _on_instance(one: Member, lease_s: float) -> Iterator[Finding]:
    about = f"instance {one.name}"
    match one.state:
        case State.SILENT:
            yield note(
                about,
                f"gives no sign of life, {len(one.partitions)} partitions are at home with it",
                "nothing, if it was ended: others take them over, and forget it after "
                f"{FORGOTTEN_AFTER * lease_s:g} s; else see its log",
            )
        case State.CANNOT_READ:
            yield risk(about, "cannot read the log", "see its log, and its permissions on NATS")
        case State.OLD:
            yield note(about, "cannot read what newer ones write", "give it the newer version")
        case _:
            return


def judge_positions(stored: StoredHomes, log: LogFacts) -> Iterator[Finding]:
    """Judge the positions against what the log still has."""
    positions = {one.number: one.position for one in stored.view.partitions}
    strangers = [
        number for number, place in positions.items() if place.sequence and place.log != log.created
    ]
    beyond = [
        number
        for number, place in positions.items()
        if number not in strangers and place.sequence > log.last
    ]
    # Where nothing is known to be settled, the log may well begin above 1.
    behind = {
        number: log.first - 1 - place.sequence
        for number, place in positions.items()
        if number not in strangers and 0 < place.sequence < log.first - 1
    }
    about = "positions"
    if strangers:
        yield note(
            about,
            f"{in_ranges(strangers)} are of another stream than {log.stream} is now",
            "nothing: they are read from its beginning once an instance is at work",
        )
    if beyond:
        yield risk(
            about,
            f"{in_ranges(beyond)} are above the log's end: NATS has lost its last messages",
            "see docs/operations/durability.md; an instance notices, and reads again",
        )
    if behind:
        yield risk(
            about,
            f"the log begins at {log.first}, up to {max(behind.values())} messages of "
            f"{in_ranges(behind)} were discarded unread",
            "raise the stream's limits above the longest outage; have agents send their state anew",
        )
    if not (strangers or beyond or behind):
        lowest = min((place.sequence for place in positions.values()), default=0)
        yield ok(about, f"the lowest is {lowest}, the log is from {log.first} to {log.last}")


def judge_history(
    stored: StoredHomes, log: LogFacts, history_s: float, now_s: float
) -> Iterator[Finding]:
    """Judge what the log keeps of what is settled, against ``INPUT_HISTORY``."""
    about, mend = f"stream {log.stream}", "raise its max_age, or lower INPUT_HISTORY"
    if 0 < log.max_age_s < history_s:
        yield risk(
            about, f"keeps messages for {log.max_age_s:g} s, INPUT_HISTORY is {history_s:g} s", mend
        )
        return
    made = stored.streams.get(log.stream) == log.created
    if not made:
        yield note(
            about,
            "was not made by the service, which does not purge it",
            "give it limits of its own (max_age above INPUT_HISTORY), or it grows for ever",
        )
    if log.first_at_s is None or log.last < log.first:
        return
    kept_s = now_s - log.first_at_s
    if made and kept_s > 2 * history_s + _FAR_BEHIND_S:
        yield note(
            about,
            f"keeps {_span(kept_s)} of messages, INPUT_HISTORY is {_span(history_s)}: it is not "
            "purged",
            "main.py members says whether all positions move; the log has log.not_purged",
        )
    else:
        yield ok(about, f"keeps {_span(kept_s)} of messages")


def _names(instances: Sequence[Member]) -> str:
    return "; ".join(one.name for one in instances)


def _span(seconds: float) -> str:
    return f"{seconds / 60:.0f} minutes" if seconds < 2 * 3_600 else f"{seconds / 3_600:.1f} hours"
