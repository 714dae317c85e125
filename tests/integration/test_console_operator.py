"""Dead letters in the console of a live service: who may look, who may act, what is done."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.console import TOKEN, asking, start_console
from tests.servers import prepare_nats, prepare_nats_without_jetstream, running

if TYPE_CHECKING:
    from pathlib import Path

    from tests.broker import Broker
    from tests.console import ConsoleClient
    from tests.deployment import Deployment

BAD = b"nonsense"
BEARER = {"Authorization": f"Bearer {TOKEN}"}


async def rejected(broker: Broker, *bodies: bytes) -> None:
    """Have the service reject these bodies, in this order."""
    for body in bodies:
        await broker.put(broker.names.events, body)
        await broker.settled()


async def places(console: ConsoleClient) -> list[int]:
    """Return the letters that are there."""
    page = (await console.get("/api/dead-letters")).fields
    return [letter["sequence"] for letter in page["letters"]]


async def test_letters_are_shown_with_reason_place_and_body(deployment: Deployment) -> None:
    """Text as text, and what is none in Base64."""
    async with deployment.broker() as broker, asking(start_console(deployment)) as console:
        assert await places(console) == []
        await rejected(broker, BAD, b"\xff\xfe", b"[" + b" " * 65000 + b"1")
        assert await places(console) == [3, 2, 1]
        letter = (await console.get("/api/dead-letters/1")).fields
        assert (letter["body"], letter["cut"]) == (BAD.decode(), False)
        assert (letter["subject"], "not JSON" in letter["reason"]) == (broker.names.events, True)
        assert (await console.get("/api/dead-letters/2")).fields["body_base64"] == "//4="
        assert (await console.get("/api/dead-letters/9")).status == 404


async def test_what_can_be_handled_now_is_replayed_and_gone(deployment: Deployment) -> None:
    """Published as it was, then deleted; and it is written down that somebody did it."""
    tight = start_console(deployment, MAX_BODY_BYTES=10)
    async with deployment.broker() as broker:
        await broker.event("u", "a")
        await broker.settled()
        assert tight.terminate() == 0
        service = start_console(deployment)
        async with asking(service) as console:
            letter = (await console.get("/api/dead-letters/1")).fields
            seen = {"time": letter["time"]}
            done = await console.post("/api/dead-letters/1/replay", seen, **BEARER)
            assert (done.status, done.fields["done"]) == (200, "replayed")
            await broker.settled()
            assert await places(console) == []
            report = (await console.get("/api/user", {"user": "u"})).fields
            assert [alarm["alarm_id"] for alarm in report["alarms"]] == ["a"]
        service.wait_for("dead_letter.replayed")
        assert [event["letter"] for event in service.events("dead_letter.replayed")] == [1]


async def test_what_is_dropped_is_gone_and_the_others_stay(deployment: Deployment) -> None:
    """For good."""
    service = start_console(deployment)
    async with deployment.broker() as broker, asking(service) as console:
        await rejected(broker, BAD, b"{}")
        letter = (await console.get("/api/dead-letters/2")).fields
        done = await console.post("/api/dead-letters/2/drop", {"time": letter["time"]}, **BEARER)
        assert done.status == 200
        assert await places(console) == [1]
        again = await console.post("/api/dead-letters/2/drop", {"time": letter["time"]}, **BEARER)
        assert again.status == 404
        service.wait_for("dead_letter.dropped")  # lines are written behind what they tell of
        assert [event["letter"] for event in service.events("dead_letter.dropped")] == [2]


async def test_another_letter_at_the_same_place_is_left_alone(deployment: Deployment) -> None:
    """The operator has decided about the one that was there before."""
    async with deployment.broker() as broker, asking(start_console(deployment)) as console:
        await rejected(broker, BAD)
        for verb in ("replay", "drop"):
            path = f"/api/dead-letters/1/{verb}"
            other = await console.post(path, {"time": "2001-01-01T00:00:00Z"}, **BEARER)
            assert other.status == 409
            nothings: tuple[object, ...] = ({}, [], {"time": 1})
            for nothing in nothings:
                assert (await console.post(path, nothing, **BEARER)).status == 400
        assert await places(console) == [1]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": "Bearer wrong"}, 401),
        ({**BEARER, "Origin": "http://evil.test"}, 403),
        ({**BEARER, "Sec_Fetch_Site": "cross-site"}, 403),
        ({**BEARER, "Host": "rebound.test"}, 421),
    ],
)
async def test_who_may_not_act_changes_nothing(
    deployment: Deployment, headers: dict[str, str], status: int
) -> None:
    """Without the token, with another, or sent by another site's page."""
    async with deployment.broker() as broker, asking(start_console(deployment)) as console:
        await rejected(broker, BAD)
        seen = {"time": (await console.get("/api/dead-letters/1")).fields["time"]}
        for verb in ("replay", "drop"):
            answer = await console.post(f"/api/dead-letters/1/{verb}", seen, **headers)
            assert answer.status == status
            assert "Access-Control-Allow-Origin" not in answer.headers
        assert await places(console) == [1]
        assert (await broker.js.stream_info(broker.names.input_stream)).state.last_seq == 1


async def test_without_a_token_it_only_reads(deployment: Deployment) -> None:
    """And says which setting that is."""
    service = start_console(deployment, OPERATOR_TOKEN=None)
    async with deployment.broker() as broker, asking(service) as console:
        await rejected(broker, BAD)
        seen = {"time": (await console.get("/api/dead-letters/1")).fields["time"]}
        for headers in ({}, BEARER, {"Authorization": "Bearer "}, {"Authorization": "Bearer None"}):
            answer = await console.post("/api/dead-letters/1/drop", seen, **headers)
            assert (answer.status, "OPERATOR_TOKEN" in answer.fields["error"]) == (403, True)
        assert await places(console) == [1]
        about = (await console.get("/api/about")).fields
        assert (about["reading"], about["acting"], about["proven"]) == ("free", "never", False)


@pytest.mark.parametrize("token", [TOKEN, None])
async def test_beyond_loopback_users_are_shown_for_the_token_only(
    deployment: Deployment, token: str | None
) -> None:
    """Figures, which name nobody, are open like the metrics."""
    service = start_console(deployment, HTTP_ADDRESS="0.0.0.0:0", OPERATOR_TOKEN=token)
    async with asking(service) as console:
        for path in ("/api/users", "/api/user?user=u", "/api/dead-letters", "/api/dead-letters/1"):
            assert (await console.get(path)).status == (401 if token else 403), path
        for path in ("/", "/api/about", "/api/figures"):
            assert (await console.get(path)).status == 200, path
        assert (await console.get("/api/users", {}, **BEARER)).status == (200 if token else 403)


async def test_a_letter_that_was_cut_says_so_and_is_not_replayed(
    deployment: Deployment, tmp_path: Path
) -> None:
    """It is no message that anybody has sent; it can be dropped."""
    with running(prepare_nats(tmp_path / "nats", "max_payload: 2048\n")) as server:
        deployment.nats_url = server.url
        async with deployment.broker() as broker, asking(start_console(deployment)) as console:
            await rejected(broker, b"x" * 1900)
            page = (await console.get("/api/dead-letters")).fields
            assert [letter["cut_from"] for letter in page["letters"]] == [1900]
            letter = (await console.get("/api/dead-letters/1")).fields
            assert (letter["sequence"], letter["cut_from"]) == (1, 1900)
            seen = {"time": letter["time"]}
            refused = await console.post("/api/dead-letters/1/replay", seen, **BEARER)
            assert refused.status == 409
            assert "cut from 1900 bytes" in refused.fields["error"]
            assert (await console.post("/api/dead-letters/1/drop", seen, **BEARER)).status == 200
            assert await places(console) == []
        deployment.end()


async def test_without_jetstream_there_are_no_letters_and_that_is_said(
    deployment: Deployment, tmp_path: Path
) -> None:
    """Core NATS keeps nothing; the rest of the console works."""
    with running(prepare_nats_without_jetstream(tmp_path)) as server:
        deployment.nats_url = server.url
        async with asking(start_console(deployment)) as console:
            answer = await console.get("/api/dead-letters")
            assert (answer.status, "JetStream" in answer.fields["error"]) == (503, True)
            assert await console.users() == []
        deployment.end()
