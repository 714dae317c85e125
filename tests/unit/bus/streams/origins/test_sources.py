"""What is wrong with a stream's sources, by their settings and by those of their origins."""

from __future__ import annotations

from typing import Any

import pytest
from nats.js.api import StreamConfig

from bus.streams.origins.sources import Origin, faults_of_sources, is_plain, own_patterns

INPUTS = ["AlarmStatusChanged", "SendAlarmDigest"]
ONTO = [{"src": f"site.{one}", "dest": one} for one in INPUTS]
"""Transforms that lead onto the inputs, from where the same account may have them."""


def stream(*subjects: str, **differs: Any) -> StreamConfig:
    """Return a stream that captures these."""
    said = {"name": "S", "subjects": list(subjects), **differs}
    config: StreamConfig = StreamConfig.from_response(said)
    return config


def sourced(*subjects: str, transform: dict[str, str] | None = None, **source: Any) -> StreamConfig:
    """Return the input stream with one source, O; it captures these besides."""
    own = {} if transform is None else {"subject_transform": transform}
    return stream(*INPUTS, *subjects, name="HUB", sources=[{"name": "O", **source}], **own)


def judged(config: StreamConfig, *origins: StreamConfig | None) -> list[tuple[bool, str]]:
    """Return of each fault whether it is certain, and what it is."""
    of_sources = [None if one is None else Origin(one) for one in origins]
    found = list(faults_of_sources(config, INPUTS, of_sources))
    assert all(one.mend for one in found)
    return [(one.certain, one.what) for one in found]


@pytest.mark.parametrize(
    ("config", "origin"),
    [
        (stream(*INPUTS), None),
        (sourced(filter_subject="SendAlarmDigest"), None),
        (sourced(subject_transforms=[{"src": one, "dest": ""} for one in INPUTS]), None),
        (sourced(subject_transforms=ONTO), None),
        (sourced("Other", filter_subject="Other"), None),
        (sourced("other.>", subject_transforms=[{"src": "x.>", "dest": "other.x.>"}]), None),
        (sourced(), stream(*INPUTS)),
        (sourced(), stream("site.*", subject_transform={"src": "site.*", "dest": INPUTS[0]})),
        (sourced(subject_transforms=[{"src": "site.>", "dest": ">"}]), stream("site." + INPUTS[0])),
        (sourced(filter_subject=INPUTS[0]), stream(">")),
        (sourced("Other"), stream("Other", INPUTS[0])),
        (sourced(), stream(sources=[{"name": "P", "filter_subject": INPUTS[0]}])),
        (sourced(transform={"src": "site.*", "dest": INPUTS[0]}, filter_subject="site.a"), None),
    ],
)
def test_what_arrives_under_an_input_or_is_captured_besides_is_used(
    config: StreamConfig, origin: StreamConfig | None
) -> None:
    """Whether it is so by a filter, by a transform, or by what the origin has."""
    assert judged(config, origin) == []


@pytest.mark.parametrize(
    ("config", "origin", "takes"),
    [
        (sourced(filter_subject="Other"), None, "takes Other from O"),
        (sourced(subject_transforms=[{"src": ">", "dest": "in.>"}]), None, "> as in.>"),
        (
            sourced("in.>", subject_transforms=[{"src": INPUTS[0], "dest": "in.x"}]),
            None,
            "AlarmStatusChanged as in.x",
        ),
        (
            sourced(),
            stream(*INPUTS, subject_transform={"src": ">", "dest": "in.>"}),
            "AlarmStatusChanged from O as in.AlarmStatusChanged",
        ),
        (
            sourced("in.>", filter_subject="in.>"),
            stream(">", subject_transform={"src": "*", "dest": "in.$1"}),
            "AlarmStatusChanged from O as in.",
        ),
        (
            sourced(),
            stream(INPUTS[0], subject_transform={"src": INPUTS[0], "dest": INPUTS[1]}),
            "AlarmStatusChanged from O as SendAlarmDigest",
        ),
        (sourced(), stream("site.AlarmStatusChanged"), "takes site.AlarmStatusChanged from O"),
        (sourced(), stream(">"), "takes > from O"),
        (sourced(), stream(mirror={"name": "P", "filter_subject": "p.a"}), "takes p.a from O"),
    ],
)
def test_what_nobody_would_know_is_a_fault(
    config: StreamConfig, origin: StreamConfig | None, takes: str
) -> None:
    """It arrives under no input and under nothing that the stream captures itself."""
    ((certain, what), *_) = judged(config, origin)
    assert takes in what
    # What a mirror of somebody else's holds is not seen, but none of it can be an input.
    assert certain or origin is not None


@pytest.mark.parametrize(
    ("config", "origin"),
    [
        (sourced(), None),
        (sourced(filter_subject="*"), None),
        (sourced(subject_transforms=[{"src": "site.>", "dest": ">"}]), None),
        (sourced(), stream(*INPUTS, sources=[{"name": "P"}])),
    ],
)
def test_what_cannot_be_seen_is_no_certain_fault(
    config: StreamConfig, origin: StreamConfig | None
) -> None:
    """The origin may be behind a link that is down; its stream may hold the inputs alone."""
    ((certain, what),) = judged(config, origin)
    assert not certain
    assert "dead letter" in what


def test_of_an_origin_one_fault_of_a_kind_is_named() -> None:
    """Its mend is that of the others."""
    many = stream(*(f"site.{number}" for number in range(9)))
    assert len(judged(sourced(), many)) == 1
    renames = [{"src": one, "dest": f"in.{one}"} for one in INPUTS]
    assert len(judged(sourced(subject_transforms=renames))) == 1


def test_what_an_origin_of_an_origin_does_is_known_as_well() -> None:
    """It renames an input into what is captured besides; or holds what nobody would know."""
    renames = stream(*INPUTS, subject_transform={"src": INPUTS[0], "dest": "other.x"})
    between = stream(sources=[{"name": "P"}])
    chain = [Origin(between, (Origin(renames),))]
    config = sourced("other.>")
    (fault,) = faults_of_sources(config, INPUTS, chain)
    assert fault.certain
    assert "published as AlarmStatusChanged from O as other.x" in fault.what
    back = sourced("other.>", subject_transforms=[{"src": "other.x", "dest": INPUTS[0]}])
    assert list(faults_of_sources(back, INPUTS, chain)) == []
    chain = [Origin(between, (Origin(stream("site.a")),))]
    assert [one.certain for one in faults_of_sources(sourced(), INPUTS, chain)] == [True]
    assert list(faults_of_sources(sourced("site.*"), INPUTS, chain)) == []


def test_what_an_origin_renames_and_a_source_renames_back_is_used() -> None:
    """As it is done where two sites have the same subjects."""
    renames = stream(*INPUTS, subject_transform={"src": ">", "dest": "north.>"})
    back = [{"src": "north.>", "dest": ">"}]
    assert judged(sourced(subject_transforms=back), renames) == []


def test_a_copy_under_another_subject_is_for_others() -> None:
    """An input that comes as it was published is known, however often it comes besides."""
    plain = Origin(stream(*INPUTS, name="O"))
    audit = Origin(stream(name="AUDIT", sources=[{"name": "O"}]), (plain,))

    def copied(*besides: dict[str, Any]) -> StreamConfig:
        copies = [{"src": ">", "dest": "audit.>"}]
        sources = [*besides, {"name": "AUDIT", "subject_transforms": copies}]
        return stream("audit.>", name="HUB", sources=sources)

    assert list(faults_of_sources(copied({"name": "O"}), INPUTS, [plain, audit])) == []
    (fault,) = faults_of_sources(copied(), INPUTS, [audit])
    assert fault.certain
    assert "AlarmStatusChanged as audit.AlarmStatusChanged" in fault.what


def test_what_comes_back_from_where_it_went_is_a_copy() -> None:
    """A site sources the hub, and the hub the site."""
    site = stream(name="O", sources=[{"name": "HUB", "subject_transforms": [
        {"src": INPUTS[0], "dest": "audit.x"},
    ]}])  # fmt: skip
    hub = sourced("audit.>", filter_subject="audit.>")
    assert list(faults_of_sources(hub, INPUTS, [Origin(site, (Origin(hub),))])) == []


def test_what_an_origin_deals_out_by_partitions_is_found() -> None:
    """Which one cannot be told, but none of them is an input."""
    deals = {"src": "*", "dest": "{{partition(2,1)}}.{{wildcard(1)}}"}
    origin = stream(INPUTS[0], name="O", subject_transform=deals)
    hub = sourced("0.*", "1.*", filter_subject="0.*")
    ((certain, what),) = judged(hub, origin)
    assert not certain
    assert "AlarmStatusChanged from O as 0.AlarmStatusChanged" in what


def test_nobody_need_be_asked_of_what_brings_inputs_only() -> None:
    """What a source takes may be for others, and be an input that its origin has renamed."""
    assert is_plain(stream(*INPUTS), INPUTS)
    assert is_plain(sourced(filter_subject=INPUTS[0]), INPUTS)
    assert is_plain(sourced(subject_transforms=ONTO), INPUTS)
    assert not is_plain(sourced(), INPUTS)
    assert not is_plain(sourced("other.>", filter_subject="other.>"), INPUTS)


def test_an_origin_elsewhere_is_asked_where_it_is() -> None:
    """Who may not ask is told what to permit."""
    leaf = sourced(external={"api": "$JS.leaf.API", "deliver": ""})
    (fault,) = faults_of_sources(leaf, INPUTS, ())
    assert "$JS.leaf.API.STREAM.INFO.O" in fault.mend


def test_a_stream_stores_under_what_it_captures_and_renames() -> None:
    """Of what it captures beside the inputs, too."""
    config = stream(*INPUTS, "a.>", subject_transform={"src": "a.>", "dest": "b.>"})
    assert own_patterns(config) == (*INPUTS, "b.>")
