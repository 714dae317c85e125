"""Sources: which subjects a stream's sources bring into it, and what is wrong with them. Pure.

What they bring is understood where it arrives under an input subject, or under one that the stream
captures itself: that is for others, and passed over. All else would be nobody's.
"""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING, NamedTuple

from nats.js.api import SubjectTransform

from bus.streams.api import API
from bus.streams.origins.transforms import meet, renamed, stored_under
from bus.subjects import covers

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from nats.js.api import StreamConfig, StreamSource


_WILDCARDS = {"*", ">"}


class Fault(NamedTuple):
    """What is wrong with a source."""

    what: str
    mend: str
    certain: bool
    """Whether it brings what nobody would know; else it may, for what the origin has is unknown."""


class _Brought(NamedTuple):
    """One of the patterns that a source brings."""

    origin: str
    before: str
    """Under what it stands in the origin."""
    after: str
    """Under what it is stored here."""
    known: bool
    """Whether the origin has such subjects; else it has what nobody could see."""
    asked_at: str
    """Where one asks for the origin."""


class Origin(NamedTuple):
    """A stream that a source takes from."""

    config: StreamConfig
    origins: tuple[Origin | None, ...] = ()
    """Those of its own sources, in their order; None, or none, for what could not be seen."""


def api_of(source: StreamSource) -> str:
    """Return where the JetStream that has a source's origin is asked."""
    return API if source.external is None else source.external.api


def own_patterns(config: StreamConfig) -> tuple[str, ...]:
    """Return under what a stream stores what it captures itself."""
    own = config.subjects or ()
    return tuple(under for one in own for under in stored_under(config.subject_transform, one))


def faults_of_sources(
    config: StreamConfig, inputs: Sequence[str], origins: Sequence[Origin | None]
) -> Iterator[Fault]:
    """Yield what is wrong with what the sources bring, at most one of a kind for an origin.

    ``origins`` are theirs in the same order, None or none for what could not be seen.
    """
    yield from _faults_of_origins(config, inputs, origins)
    understood = (*inputs, *own_patterns(config))
    copied = {
        (way.source.name, each)
        for each in inputs
        for way in _copies(config, _ways_here(config, origins, each), each)
    }
    said: set[tuple[str, str]] = set()
    for one in _brought(config, origins):
        renamable = [each for each in inputs if (one.origin, each) not in copied]
        fault = _fault(one, config, inputs, renamable, understood)
        kind = "" if fault is None else fault.mend
        if fault is not None and (one.origin, kind) not in said:
            said.add((one.origin, kind))
            yield fault


def is_plain(config: StreamConfig, inputs: Sequence[str]) -> bool:
    """Tell whether the sources bring nothing but inputs, whatever their origins have."""
    return all(any(covers(each, one.after) for each in inputs) for one in _brought(config, ()))


class _Way(NamedTuple):
    """One of the ways on which what is published as an input comes here."""

    captured_by: str
    """The stream to which it was published."""
    source: StreamSource
    held: str
    """Under what the source's origin stores it."""
    after: str
    """Under what it is stored here."""


def _faults_of_origins(
    config: StreamConfig, inputs: Sequence[str], origins: Sequence[Origin | None]
) -> Iterator[Fault]:
    """Yield where what was published as an input is renamed before it arrives.

    It may arrive under what this stream captures besides: it would be passed over as others'. Where
    it comes as it was published as well, that is a copy for somebody else.
    """
    for each in inputs:
        ways = list(_ways_here(config, origins, each))
        copies = _copies(config, ways, each)
        for way in ways:
            _, source, held, after = way
            if meet(after, each) or way in copies or held == each:
                continue  # what the source itself renames its own settings tell
            yield Fault(
                f"takes what was published as {each} from {source.name} as {after}: "
                f"{source.name}, or where it has it from, renames it (subject_transform), and it "
                "would not be known again",
                f"have {each} renamed nowhere on its way, or that source rename it back "
                f"(subject_transforms from {held} to {each})",
                certain=not _WILDCARDS & {*held.split("."), *after.split(".")},
            )


def _copies(config: StreamConfig, ways: Iterable[_Way], subject: str) -> list[_Way]:
    """Return the ways under other subjects of what arrives, or was captured here, as it is too."""
    ways = list(ways)
    whole = {config.name, *(way.captured_by for way in ways if meet(way.after, subject))}
    return [way for way in ways if way.captured_by in whole and not meet(way.after, subject)]


def _ways_here(
    config: StreamConfig, origins: Sequence[Origin | None], subject: str
) -> Iterator[_Way]:
    for source, origin in zip(sources_of(config), origins, strict=False):
        for captured_by, held in () if origin is None else _ways(origin, subject):
            for taken in _taken(source, held):
                for after in stored_under(config.subject_transform, taken):
                    yield _Way(captured_by, source, held, after)


def _ways(origin: Origin, subject: str) -> Iterator[tuple[str, str]]:
    """Yield by which stream a subject is captured, and under what an origin stores it then."""
    config = origin.config
    if any(covers(pattern, subject) for pattern in config.subjects or ()):
        for held in stored_under(config.subject_transform, subject):
            yield config.name or "", held
    for way in _ways_here(config, origin.origins, subject):
        yield way.captured_by, way.after


def _taken(source: StreamSource, subject: str) -> Iterator[str]:
    """Yield under what a source takes a subject over, if it does."""
    for taken, destination in _transforms(source):
        if met := meet(taken, subject):
            yield renamed(taken, destination, met)


def _fault(
    one: _Brought,
    config: StreamConfig,
    inputs: Sequence[str],
    renamable: Sequence[str],
    understood: Sequence[str],
) -> Fault | None:
    """Return what is wrong; ``renamable`` are the inputs of which this is no copy beside."""
    ours = " and ".join(inputs)
    if any(meet(each, one.before) and not covers(one.after, each) for each in renamable):
        return Fault(
            f"takes messages from {one.origin} under other subjects, {one.before} as {one.after} "
            "(subject_transforms of its source): they would not be known again",
            f"take the transforms of that source away, or have them lead to {ours}",
            certain=True,
        )
    if any(covers(pattern, one.after) for pattern in understood):
        return None
    only = f"have that source bring {ours} only (filter_subject, or subject_transforms)"
    if one.known or not any(meet(each, one.after) for each in inputs):
        return Fault(
            f"takes {one.after} from {one.origin}, which is no input subject and none that it "
            "captures itself: such messages would not be known",
            f"{only}; or, where they are for others, add that to the subjects of {config.name}",
            certain=True,
        )
    return Fault(
        f"takes {one.after} from {one.origin}, whose subjects cannot be seen: what comes under one "
        "that is no input becomes a dead letter",
        f"{only}; or see that {one.origin} is there, and allow {one.asked_at}",
        certain=False,
    )


def sources_of(config: StreamConfig) -> list[StreamSource]:
    """Return what a stream takes from: its sources, or what it is a mirror of."""
    return [*(config.sources or ()), *([config.mirror] if config.mirror else ())]


def _transforms(source: StreamSource) -> list[tuple[str, str]]:
    """Return what a source takes, each with where that leads; nowhere else if that is empty."""
    plain = SubjectTransform(src=source.filter_subject or ">", dest="")
    return [(one.src or ">", one.dest or "") for one in source.subject_transforms or [plain]]


def _brought(config: StreamConfig, origins: Sequence[Origin | None]) -> Iterator[_Brought]:
    sources = sources_of(config)
    for source, origin in zip_longest(sources, origins[: len(sources)]):
        asked_at = f"{api_of(source)}.STREAM.INFO.{source.name}"
        for taken, destination in _transforms(source):
            for pattern, known in _held(origin):
                if (met := meet(taken, pattern)) is None:
                    continue
                arrives = renamed(taken, destination, met)
                for stored in stored_under(config.subject_transform, arrives):
                    yield _Brought(source.name, met, stored, known, asked_at)


def _held(origin: Origin | None) -> Iterator[tuple[str, bool]]:
    """Yield what an origin stores, each with whether that is known."""
    if origin is None:
        yield ">", False
        return
    for pattern in own_patterns(origin.config):
        yield pattern, True
    for brought in _brought(origin.config, origin.origins):
        yield brought.after, brought.known
