"""Servers and streams that are set up in ways that others have: used rightly, or named."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from bus.streams.api import JetStreamAPI
from tests.deployment import Deployment
from tests.probes import ANY_PORT, monitoring
from tests.servers import prepare_nats, running

if TYPE_CHECKING:
    from pathlib import Path

    from tests.broker import Names


class Setup(NamedTuple):
    """What somebody has set up, and what must be said of it, each time with the mend."""

    doctor: str
    """What a finding says."""
    mend: str
    """What that finding's mend says."""
    configuration: str = ""
    streams: tuple[dict[str, Any], ...] = ()
    """There before the service: subjects and names by what ``placed`` has for them."""
    ends: str | None = None
    """With what the line begins, after which the status is 2."""
    check: tuple[str, str] | None = None
    """Which check of readiness says what; None where the service works."""
    user: str = ""
    settings: dict[str, Any] = {}  # noqa: RUF012  # nobody writes to it


def account(jetstream: str, more: str = "") -> str:
    """Return the configuration of a server with one account, of one user."""
    user = "users: [{ user: u, password: p }]"
    return f"accounts {{ A {{ {user}, jetstream: {jetstream}\n {more} }} }}"


INPUT = {"name": "$INPUT", "subjects": ["$EVENTS", "$REQUESTS"]}
DIGESTS = {"name": "$DIGEST_STREAM", "subjects": ["$DIGESTS"]}
A_SECOND_NS = 10**9

SETUPS = {
    "an account without JetStream": Setup(
        "our account has no JetStream, the server has: JetStream not enabled for account",
        "nsc edit account --js-enable",
        account("disabled"),
        user="u:p@",
        ends="DELIVERY: jetstream is asked for, our account has no JetStream",
        settings={"DELIVERY": "jetstream"},
    ),
    "an account of one stream": Setup(
        "the account may have 1 streams",
        "raise max_streams",
        account("{ max_streams: 1 }"),
        user="u:p@",
        ends="DIGEST_STREAM: the server refused to create stream ",
    ),
    "an account whose streams must be bounded": Setup(
        "the account wants every stream to have max_bytes",
        "create it with max_bytes",
        account("{ max_bytes_required: true }"),
        user="u:p@",
        ends="INPUT_STREAM: the server refused to create stream ",
    ),
    "another stream of that name": Setup(
        "is there and does not capture $EVENTS and $REQUESTS",
        "set another name",
        streams=({"name": "OTHERS", "subjects": ["others"]}, {**INPUT, "subjects": ["mine"]}),
        ends="INPUT_STREAM: stream $INPUT is there and does not capture",
    ),
    "inputs in two streams": Setup(
        "one stream must capture both input subjects",
        "take it from the one stream and add it to the other",
        streams=(
            {"name": "X", "subjects": ["$EVENTS"]},
            {"name": "Y", "subjects": ["$REQUESTS"]},
        ),
        ends="INPUT_STREAM: one stream must capture both input subjects",
    ),
    "a stream that renames": Setup(
        "renames $EVENTS and $REQUESTS",
        "take its subject_transform away",
        streams=({**INPUT, "subject_transform": {"src": ">", "dest": "in.>"}},),
        ends="INPUT_STREAM: stream $INPUT renames",
    ),
    "interest retention": Setup(
        "has interest retention",
        "--retention limits",
        streams=({**INPUT, "retention": "interest"},),
        ends="INPUT_STREAM: stream $INPUT has interest retention",
    ),
    "digests that nobody keeps": Setup(
        "it has interest retention",
        "use limits retention",
        streams=({**DIGESTS, "retention": "interest"},),
    ),
    "digests that are not acknowledged": Setup(
        "acknowledges no publication",
        "give $DIGESTS a stream of its own",
        streams=({**DIGESTS, "no_ack": True},),
        ends="DIGEST_STREAM: stream $DIGEST_STREAM acknowledges no publication",
    ),
    "digests of 8 KiB": Setup(
        "messages of 8192 bytes at the most",
        "set max_msg_size to -1",
        streams=({**DIGESTS, "max_msg_size": 8192},),
    ),
    "an account of 32 KiB": Setup(
        "takes messages of 32768 bytes, MAX_BODY_BYTES is larger",
        "raise max_payload",
        account("enabled", "limits { max_payload: 32768 }"),
        user="u:p@",
    ),
    "a stream that captures more": Setup(
        "captures others as well, which is passed over",
        "have it capture the input subjects only",
        streams=({**INPUT, "subjects": ["$EVENTS", "$REQUESTS", "others"]},),
    ),
    "a digest stream that is full": Setup(
        "is not ready: digests: they are refused: ",
        "see what else is said here",
        streams=({**DIGESTS, "max_bytes": 100, "discard": "new"},),
        check=("digests", "they are refused: "),
    ),
}
"""Each by what it is; those of permissions, credentials and TLS are in tests of their own."""


def placed(what: Any, names: Names) -> Any:
    """Return ``what`` with this test's names for those that begin with a dollar."""
    text = json.dumps(what)
    for mark, name in {
        "$INPUT": names.input_stream,
        "$DIGEST_STREAM": names.digest_stream,
        "$EVENTS": names.events,
        "$REQUESTS": names.requests,
        "$DIGESTS": names.digests,
    }.items():
        text = text.replace(mark, name)
    return json.loads(text)


@pytest.mark.needs_nats_2_10
@pytest.mark.parametrize("setup", SETUPS.values(), ids=SETUPS)
async def test_doctor_and_readiness_agree_with_what_happens(
    tmp_path: Path, mongodb_uri: str, setup: Setup
) -> None:
    """A fault that stops or endangers messages shows in both, by name and with its mend."""
    with running(prepare_nats(tmp_path / "nats", setup.configuration)) as server:
        url = server.url.replace("://", f"://{setup.user}")
        deployment = Deployment(url, mongodb_uri, tmp_path)
        try:
            await _agrees(deployment, setup)
        finally:
            deployment.end()


async def _agrees(deployment: Deployment, setup: Setup) -> None:
    setup = setup._replace(**placed(setup._asdict(), deployment.names))
    async with deployment.broker() as broker:
        for stream in setup.streams:
            await JetStreamAPI(broker.client).create(stream)
        service = deployment.launch(HTTP_ADDRESS=ANY_PORT, **setup.settings)
        if setup.ends is not None:
            assert service.wait() == 2, service.output()
            line = service.output().splitlines()[-1].removeprefix("main.py: ")
            assert line.startswith(setup.ends)
        else:
            async with monitoring(service) as probes:
                await probes.becomes_ready()
                await broker.client.publish(broker.names.requests, b'{"UserID":"u"}')
                if setup.check is None:
                    await broker.settled()
                    await probes.becomes_ready()
                else:
                    await probes.becomes(*setup.check)
    found = deployment.command("doctor", "--json").json["findings"]
    said = [one for one in found if setup.doctor in one["says"]]
    assert said, found
    assert all(setup.mend in one["mend"] for one in said)
    assert {one["level"] for one in said} <= {"risk", "note"}
    if setup.ends is not None or setup.check is not None:
        assert {one["level"] for one in said} == {"risk"}


async def test_a_consumer_that_the_stream_bounds_is_asked_for(deployment: Deployment) -> None:
    """The default was asked for again and again, and nothing was read."""
    bounded = {"inactive_threshold": 5 * A_SECOND_NS}
    async with deployment.broker() as broker:
        await JetStreamAPI(broker.client).create(
            placed({**INPUT, "consumer_limits": bounded}, deployment.names)
        )
        service = deployment.start()
        await broker.event("u", "a")
        await broker.request("u")
        assert len((await broker.next_digest())["ActiveAlarms"]) == 1
    service.wait_for("pull.limited")
    (limited,) = service.events("pull.limited")
    assert limited["said"].endswith("limit of 5s")


async def test_what_the_server_bounds_is_asked_for_or_named(
    tmp_path: Path, mongodb_uri: str
) -> None:
    """A pull that is larger than allowed was refused; a window that is, was tried for ever."""
    for limit, settings in (("max_request_batch: 250", {}), ("duplicate_window: 60s", {"at": 60})):
        server = prepare_nats(tmp_path / limit[:3], f"jetstream {{ limits {{ {limit} }} }}")
        with running(server):
            deployment = Deployment(server.url, mongodb_uri, tmp_path)
            try:
                if settings:
                    ended = deployment.command()
                    assert ended.status == 2
                    assert ended.stderr.splitlines()[-1].startswith("main.py: DUPLICATE_WINDOW: ")
                    deployment.start(DUPLICATE_WINDOW=settings["at"])
                    continue
                service = deployment.start()
                async with deployment.broker() as broker:
                    await broker.put_many(
                        (broker.names.requests, b'{"UserID":"u"}') for _ in range(1000)
                    )
                    await broker.settled()
                    assert len(await broker.digests()) == 1000
                service.wait_for("pull.limited")
                assert len(service.events("pull.limited")) == 1
            finally:
                deployment.end()


@pytest.mark.needs_nats_2_10
async def test_a_stream_that_renames_later_is_not_read_on_and_nothing_is_passed_over(
    deployment: Deployment,
) -> None:
    """Its messages were passed over, alarms among them; what is stored so becomes a dead letter."""
    names = deployment.names
    service = deployment.start(HTTP_ADDRESS=ANY_PORT)
    async with deployment.broker() as broker, monitoring(service) as probes:
        await probes.becomes_ready()
        api = JetStreamAPI(broker.client)
        sound = (await api.stream(names.input_stream)).settings
        await api.edit({**sound, "subject_transform": {"src": ">", "dest": "in.>"}})
        await broker.event("u", "renamed")
        probe = await probes.becomes("reading", "no messages are read: stream ")
        assert "take its subject_transform away" in probe.checks["reading"]
        await broker.event("u", "renamed as well")
        doctor = deployment.command("doctor", "--json")
        risks = [one for one in doctor.json["findings"] if one["level"] == "risk"]
        assert "take its subject_transform away" in " ".join(one["mend"] for one in risks)
        await api.edit(sound)
        letters = [await broker.next_dead_letter() for _ in range(2)]
        await probes.becomes_ready()
        await broker.event("u", "good")
        await broker.request("u")
        digest = await broker.next_digest()
    assert [item["AlarmID"] for item in digest["ActiveAlarms"]] == ["good"]
    for letter, name in zip(letters, (b'"renamed"', b'"renamed as well"'), strict=True):
        assert name in letter.data
        assert (letter.headers or {})["Dead-Letter-Subject"] == f"in.{names.events}"
        assert "which it does not capture" in (letter.headers or {})["Dead-Letter-Reason"]
