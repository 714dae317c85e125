"""What is said of streams and consumer, by what the server says of them."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

import pytest
from nats.js.api import (
    AccountInfo,
    AccountLimits,
    AckPolicy,
    APIStats,
    ConsumerConfig,
    ConsumerInfo,
    DiscardPolicy,
    StorageType,
    StreamConfig,
    StreamInfo,
    StreamSource,
    StreamState,
)
from nats.js.errors import NotFoundError

from bus.settings import BusSettings
from bus.streams.api import stream_of
from bus.streams.marks import marks_of
from bus.streams.origins.sources import Origin
from ops.doctor.findings import Finding, Level
from ops.doctor.jetstream import Sync, examine_jetstream

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nats.js import JetStreamContext

SETTINGS = BusSettings()
SUBJECTS = SETTINGS.subjects
EARLIER = ConsumerInfo(
    name="alarm-digester",
    stream_name="INPUT",
    config=ConsumerConfig(ack_policy=AckPolicy.EXPLICIT),
    created=datetime(2021, 6, 7, tzinfo=UTC),
)
"""What the version before the log shared."""


MUST_SAY = {"max_bytes_required": True}


def stream(name: str, letters: int = 0) -> StreamInfo:
    """Return a stream that breaks no promise."""
    config = StreamConfig(name=name, num_replicas=3, duplicate_window=120, max_age=0)
    state = StreamState(9, 9, 1, 9, 1, subjects={SUBJECTS.dead_letter: letters})
    return StreamInfo(config=config, state=state)


def account(**limits: Any) -> AccountInfo:
    """Return an account that has two streams, with these limits."""
    none = {field.name: -1 for field in fields(AccountLimits)}
    allowed = AccountLimits(**{**none, "max_bytes_required": False, **limits})
    return AccountInfo(0, 0, 2, 0, allowed, APIStats(total=0, errors=0))


@dataclass
class Server:
    """A server that is as it should be, until a test changes it."""

    captured: dict[str, str] = field(
        default_factory=lambda: {
            **dict.fromkeys(SUBJECTS.inputs, "INPUT"),
            SUBJECTS.alarm_digest: "DIGESTS",
            SUBJECTS.dead_letter: "DEAD",
        }
    )
    streams: dict[str, StreamInfo] = field(
        default_factory=lambda: {name: stream(name) for name in ("INPUT", "DIGESTS", "DEAD")}
    )
    consumer: ConsumerInfo | None = None
    account: AccountInfo = field(default_factory=account)
    of_sources: list[Origin | None] = field(default_factory=list)

    @property
    def js(self) -> JetStreamContext:
        """It, as what it stands for."""
        return cast("JetStreamContext", self)

    async def find_stream_name_by_subject(self, subject: str) -> str:
        """See ``JetStreamContext``."""
        if subject not in self.captured:
            raise NotFoundError
        return self.captured[subject]

    async def stream_info(self, name: str, subjects_filter: str | None = None) -> StreamInfo:
        """See ``JetStreamContext``."""
        del subjects_filter
        if name not in self.streams:
            raise NotFoundError
        return self.streams[name]

    async def account_info(self) -> AccountInfo:
        """See ``JetStreamContext``."""
        return self.account

    async def consumer_info(self, stream: str, consumer: str) -> ConsumerInfo:
        """See ``JetStreamContext``."""
        del stream, consumer
        if self.consumer is None:
            raise NotFoundError
        return self.consumer

    async def origins(self, _: StreamConfig, __: Sequence[str]) -> list[Origin | None]:
        """Return those of the input stream's sources."""
        return list(self.of_sources)

    async def findings(self, sync: Sync = Sync.ALWAYS) -> list[Finding]:
        """Return what the doctor says of it."""
        return [
            finding async for finding in examine_jetstream(self.js, SETTINGS, sync, self.origins)
        ]

    async def worse(self, sync: Sync = Sync.ALWAYS) -> list[tuple[Level, str]]:
        """Return the level and the words of what is not well."""
        found = await self.findings(sync)
        assert all(one.mend for one in found if one.level is Level.RISK)
        return [(one.level, one.says) for one in found if one.level is not Level.OK]


async def test_where_all_is_well_nothing_is_to_mend() -> None:
    """Each stream is spoken of."""
    server = Server()
    assert await server.worse() == []
    about = {finding.about for finding in await server.findings()}
    assert about >= {"stream INPUT", "stream DIGESTS", "stream DEAD"}


async def test_before_the_first_start_there_is_nothing_yet() -> None:
    """Which is no risk, unless the service cannot make them."""
    server = Server(captured={}, streams={})
    assert await server.worse() == [(Level.NOTE, "is not there")] * 3
    assert await stream_of(Server(captured={}).js, "x") is None
    for limits, words in (({"max_streams": 4}, "may have 4 streams"), (MUST_SAY, "have max_bytes")):
        server.account = account(**limits)
        found = await server.worse()
        assert [level for level, _ in found] == [Level.RISK] * 3
        assert all(words in says for _, says in found)


async def test_a_name_that_another_stream_has_is_a_risk() -> None:
    """The service does not start, as little as with what it says there."""
    streams = SETTINGS.streams
    names = (streams.input_stream, streams.digest_stream, streams.dead_letter_stream)
    found = await Server(captured={}, streams={name: stream(name) for name in names}).worse()
    assert [level for level, _ in found] == [Level.RISK] * 3
    assert found[0][1] == "is there and does not capture AlarmStatusChanged and SendAlarmDigest"


async def test_what_else_a_stream_captures_is_noted() -> None:
    """It is passed over."""
    server = Server()
    server.streams["INPUT"].config.subjects = [*SUBJECTS.inputs, "Other"]
    assert await server.worse() == [(Level.NOTE, "captures Other as well, which is passed over")]


async def test_what_sources_bring_is_judged_by_what_their_origins_have() -> None:
    """What nobody would know is no start; what cannot be seen is a risk."""
    server = Server()
    server.streams["INPUT"].config.sources = [StreamSource(name="X")]
    ((level, says),) = await server.worse()
    assert level is Level.RISK
    assert "cannot be seen" in says
    server.of_sources = [Origin(StreamConfig(name="X", subjects=["Other"]))]
    (finding,) = [one for one in await server.findings() if "takes Other from X" in one.says]
    assert finding.mend is not None
    assert "does not start" in finding.mend
    server.of_sources = [Origin(StreamConfig(name="X", subjects=SUBJECTS.inputs))]
    assert await server.worse() == []


async def test_inputs_in_two_streams_are_a_risk() -> None:
    """The service would not start."""
    server = Server()
    server.captured[SUBJECTS.send_alarm_digest] = "OTHER"
    (level, says), *_ = await server.worse()
    assert level is Level.RISK
    assert "SendAlarmDigest in OTHER" in says


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("INPUT", {"storage": StorageType.MEMORY}, "kept in memory"),
        ("INPUT", {"max_age": 60.0}, "vanish"),
        ("DIGESTS", {"duplicate_window": 0}, "told twice"),
        ("DEAD", {"no_ack": True}, "acknowledges no publication"),
    ],
)
async def test_a_stream_that_breaks_a_promise_is_a_risk(
    name: str, change: dict[str, object], words: str
) -> None:
    """Said of that stream."""
    server = Server()
    known = server.streams[name]
    server.streams[name] = replace(known, config=replace(known.config, **change))  # type: ignore[arg-type]  # fields of it
    (level, says), *_ = await server.worse()
    assert level is Level.RISK
    assert words in says


@pytest.mark.parametrize(
    ("sync", "levels"),
    [
        (Sync.ALWAYS, [Level.NOTE]),
        (Sync.LATER, [Level.NOTE, Level.RISK]),
        (Sync.UNKNOWN, [Level.NOTE, Level.RISK]),
        (Sync.TRIAL, [Level.NOTE]),
    ],
)
async def test_a_single_copy_is_a_risk_unless_it_is_written_through_or_for_a_trial(
    sync: Sync, levels: list[Level]
) -> None:
    """A power cut loses what was acknowledged last; who tries the service out knows."""
    server = Server()
    known = server.streams["INPUT"]
    server.streams["INPUT"] = replace(known, config=replace(known.config, num_replicas=1))
    assert [level for level, _ in await server.worse(sync)] == levels


async def test_dead_letters_are_worth_a_look() -> None:
    """Somebody's events were rejected."""
    server = Server()
    server.streams["DEAD"] = stream("DEAD", letters=2)
    assert await server.worse() == [(Level.NOTE, "holds 2 dead letters")]


@pytest.mark.parametrize(
    ("limits", "full"),
    [
        ({"max_msgs": 3}, False),
        ({"max_msgs": 2}, True),
        ({"max_msgs": 2, "discard": DiscardPolicy.OLD}, False),
        ({"max_bytes": 100_000}, False),
        ({"max_bytes": 1_100}, True),
        ({"max_msgs_per_subject": 2}, False),
        ({"max_msgs_per_subject": 2, "discard_new_per_subject": True}, True),
    ],
)
async def test_a_stream_that_is_full_is_a_risk(limits: dict[str, Any], *, full: bool) -> None:
    """What should be published to it waits; one that discards old messages takes new ones."""
    server = Server()
    for name in ("DEAD", "DIGESTS"):
        known = stream(name, letters=2)
        config = replace(known.config, **{"discard": DiscardPolicy.NEW, **limits})
        held = {SUBJECTS.dead_letter: 2, SUBJECTS.alarm_digest: 2}
        state = replace(known.state, messages=2, bytes=1_000, subjects=held)
        server.streams[name] = replace(known, config=config, state=state)
    risks = [says for level, says in await server.worse() if level is Level.RISK]
    assert len(risks) == 2 * full, risks
    assert all("is full, with 2 messages of 1000 bytes" in says for says in risks)


async def test_a_consumer_of_the_earlier_version_is_a_risk() -> None:
    """What it has done with would be done again; one of another kind is somebody else's."""
    server = Server(consumer=EARLIER)
    (level, says), *more = await server.worse()
    assert (level, more) == (Level.RISK, [])
    assert "left of the earlier version" in says
    other = replace(EARLIER.config, ack_policy=AckPolicy.NONE)
    assert await Server(consumer=replace(EARLIER, config=other)).worse() == []


async def test_a_migration_that_was_cut_off_is_a_risk() -> None:
    """The old stream holds what was not moved yet."""
    server = Server()
    server.captured[marks_of(SUBJECTS).left] = "OLD"
    assert (Level.RISK, "a migration has not finished") in await server.worse()
