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
    from collections.abc import Iterator, Sequence

    from nats.js.api import StreamConfig, StreamSource


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
    said: set[tuple[str, str]] = set()
    for one in _brought(config, origins):
        fault = _fault(one, config, inputs, understood)
        kind = "" if fault is None else fault.mend
        if fault is not None and (one.origin, kind) not in said:
            said.add((one.origin, kind))
            yield fault


def is_plain(config: StreamConfig, inputs: Sequence[str]) -> bool:
    """Tell whether the sources bring nothing but inputs, whatever their origins have."""
    return all(any(covers(each, one.after) for each in inputs) for one in _brought(config, ()))


def _faults_of_origins(
    config: StreamConfig, inputs: Sequence[str], origins: Sequence[Origin | None]
) -> Iterator[Fault]:
    """Yield where what was published as an input is renamed before it arrives.

    It may arrive under what this stream captures besides: it would be passed over as others'.
    """
    for source, origin in zip(sources_of(config), origins, strict=False):
        for each in inputs:
            stored = [] if origin is None else _ways(origin, each)
            for held in stored:
                for taken in _taken(source, held):
                    after = next(stored_under(config.subject_transform, taken))
                    if each not in (held, after):
                        yield Fault(
                            f"takes what was published as {each} from {source.name} as {after}: "
                            f"{source.name}, or where it has it from, renames it "
                            "(subject_transform), and it would not be known again",
                            f"have {each} renamed nowhere on its way, or that source rename it "
                            f"back (subject_transforms from {held} to {each})",
                            certain=True,
                        )


def _ways(origin: Origin, subject: str) -> Iterator[str]:
    """Yield under what an origin stores what was published under a subject, to it or before."""
    config = origin.config
    if any(covers(pattern, subject) for pattern in config.subjects or ()):
        yield next(stored_under(config.subject_transform, subject))
    for source, before in zip(sources_of(config), origin.origins, strict=False):
        for held in () if before is None else _ways(before, subject):
            for taken in _taken(source, held):
                yield next(stored_under(config.subject_transform, taken))


def _taken(source: StreamSource, subject: str) -> Iterator[str]:
    """Yield under what a source takes a subject over, if it does."""
    for taken, destination in _transforms(source):
        if covers(taken, subject):
            yield renamed(taken, destination, subject)


def _fault(
    one: _Brought, config: StreamConfig, inputs: Sequence[str], understood: Sequence[str]
) -> Fault | None:
    ours = " and ".join(inputs)
    if any(meet(each, one.before) and not covers(one.after, each) for each in inputs):
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
