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


def api_of(source: StreamSource) -> str:
    """Return where the JetStream that has a source's origin is asked."""
    return API if source.external is None else source.external.api


def own_patterns(config: StreamConfig) -> tuple[str, ...]:
    """Return under what a stream stores what it captures itself."""
    own = config.subjects or ()
    return tuple(under for one in own for under in stored_under(config.subject_transform, one))


def faults_of_sources(
    config: StreamConfig, inputs: Sequence[str], origins: Sequence[StreamConfig | None]
) -> Iterator[Fault]:
    """Yield what is wrong with what the sources bring, at most one of a kind for an origin.

    ``origins`` are theirs in the same order, None or none for what could not be seen.
    """
    understood = (*inputs, *own_patterns(config))
    said: set[tuple[str, str]] = set()
    for one in _brought(config, origins):
        fault = _fault(one, config, inputs, understood)
        kind = "" if fault is None else fault.mend
        if fault is not None and (one.origin, kind) not in said:
            said.add((one.origin, kind))
            yield fault


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


def _brought(config: StreamConfig, origins: Sequence[StreamConfig | None]) -> Iterator[_Brought]:
    sources = [*(config.sources or ()), *([config.mirror] if config.mirror else ())]
    for source, origin in zip_longest(sources, origins[: len(sources)]):
        asked_at = f"{api_of(source)}.STREAM.INFO.{source.name}"
        plain = SubjectTransform(src=source.filter_subject or ">", dest="")
        for transform in source.subject_transforms or [plain]:
            taken = transform.src or ">"
            for pattern, known in _held(origin):
                if (met := meet(taken, pattern)) is None:
                    continue
                arrives = renamed(taken, transform.dest, met)
                for stored in stored_under(config.subject_transform, arrives):
                    yield _Brought(source.name, met, stored, known, asked_at)


def _held(origin: StreamConfig | None) -> Iterator[tuple[str, bool]]:
    """Yield what an origin stores, each with whether that is known."""
    if origin is None:
        yield ">", False
        return
    for pattern in own_patterns(origin):
        yield pattern, True
    # Where those have it from is not asked: a chain may be long, and go round.
    for brought in _brought(origin, ()):
        yield brought.after, brought.known
