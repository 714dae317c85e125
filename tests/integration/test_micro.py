"""The service under NATS micro tools: discovery, a user's state, and no harm to its work."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
from nats.errors import NoRespondersError

from tests.patience import PATIENCE_S
from tests.servers import paused, prepare_mongodb, running

if TYPE_CHECKING:
    from pathlib import Path

    from nats.aio.msg import Msg

    from tests.broker import Broker
    from tests.deployment import Deployment


async def ask(
    broker: Broker, subject: str, body: bytes = b"", timeout_s: float = PATIENCE_S
) -> Any:
    """Return the first answer, decoded; fails for an error."""
    answer = await broker.client.request(subject, body, timeout=timeout_s)
    assert not answer.headers, answer.headers
    return json.loads(answer.data)


def show(broker: Broker) -> str:
    """Return the subject that tells a user's state."""
    return f"{broker.names.consumer}.user.show"


def about(user: str, **more: object) -> bytes:
    """Return a request about a user."""
    return json.dumps({"UserID": user, **more}).encode()


async def test_the_service_is_found_by_ping_info_and_statistics(deployment: Deployment) -> None:
    """Under the name of its queue group, with what it serves and what it did."""
    service = deployment.start()
    async with deployment.broker() as broker:
        name = broker.names.consumer
        ping = await ask(broker, f"$SRV.PING.{name}")
        assert (ping["name"], ping["metadata"]["pid"]) == (name, str(service.pid))
        info = await ask(broker, f"$SRV.INFO.{name}.{ping['id']}")
        subjects = [endpoint["subject"] for endpoint in info["endpoints"]]
        home = subjects.pop(1)
        assert home.startswith(f"{name}.user.show.")
        assert subjects == [f"{name}.user.show", f"{name}.user.list", f"{name}.instance.show"]
        await ask(broker, show(broker), about("u"))
        refused = await broker.client.request(show(broker), b"nonsense", timeout=PATIENCE_S)
        assert refused.headers is not None
        assert refused.headers["Nats-Service-Error-Code"] == "400"
        shown, _, listed, _ = (await ask(broker, f"$SRV.STATS.{name}"))["endpoints"]
        assert (shown["num_requests"], shown["num_errors"]) == (2, 1)
        assert shown["last_error"].startswith("400: the request is not JSON")
        assert shown["processing_time"] > shown["average_processing_time"] > 0
        assert listed["num_requests"] == 0


async def test_a_user_is_told_as_it_lives_and_after_a_restart_as_it_is_stored(
    deployment: Deployment,
) -> None:
    """Marked which; looking at a stored user does not load it."""
    service = deployment.start()
    async with deployment.broker() as broker:
        await broker.event("u", "a", "WARNING")
        await broker.event("v", "a", "WARNING")
        await broker.settled()
        live = await ask(broker, show(broker), about("u"))
        assert (live["source"], live["due"], live["alarms"][0]["alarm_id"]) == ("live", 1, "a")
        assert service.terminate() == 0
        deployment.start()
        stored = await ask(broker, show(broker), about("u", AlarmID="a"))
        assert (stored["source"], stored["alarms"]) == ("stored", live["alarms"])
        assert stored["instance"] not in (None, live["instance"])
        assert (await ask(broker, f"{broker.names.consumer}.user.list"))["live"] == 0
        await broker.event("u", "a", "CRITICAL", "2022-01-01T00:00:00Z")
        await broker.settled()
    lines = deployment.command("user", "list", "--json").json_lines
    assert [(line["user_id"], line["source"]) for line in lines] == [("u", "live"), ("v", "stored")]
    (only,) = deployment.command("user", "list", "--live", "--json").json_lines
    assert (only["user_id"], only["unsaved"], only["due"]) == ("u", 0, 1)
    shown = deployment.command("user", "show", "u", "--json").json
    assert (shown["source"], shown["note"]) == ("live", None)
    kept = deployment.command("user", "show", "u", "--stored", "--json").json
    assert (kept["source"], kept["instance"], kept["alarms"]) == ("stored", None, shown["alarms"])


async def test_what_is_not_saved_yet_is_shown_and_a_slow_store_holds_nobody_up(
    deployment: Deployment, tmp_path: Path
) -> None:
    """With MongoDB standing still a live user is shown at once, a stored one not at all."""
    with running(prepare_mongodb(tmp_path / "mongodb")) as server:
        deployment.mongodb_uri = server.url
        service = deployment.start()
        async with deployment.broker() as broker:
            await broker.event("u", "a")
            await broker.settled()
            with paused(server):
                waiting = [
                    asyncio.create_task(
                        broker.client.request(show(broker), about("nobody"), timeout=PATIENCE_S)
                    )
                    for _ in range(4)
                ]
                while await running_requests(broker) < 4:
                    pass
                await broker.event("u", "b")
                live = await ask(broker, show(broker), about("u"), timeout_s=3)
                while live["known"] < 2:
                    live = await ask(broker, show(broker), about("u"), timeout_s=3)
                assert (live["source"], live["unsaved"], live["known"]) == ("live", 1, 2)
                refused: list[Msg] = await asyncio.gather(*waiting)
                codes = {(msg.headers or {}).get("Nats-Service-Error-Code") for msg in refused}
                assert codes <= {"503", "504"}
            await broker.settled()
        assert service.terminate() == 0


async def test_a_request_that_hangs_does_not_keep_the_service_from_ending(
    deployment: Deployment, tmp_path: Path
) -> None:
    """Whoever asked gets no answer; only what is at home here cannot be freed."""
    with running(prepare_mongodb(tmp_path / "mongodb")) as server:
        deployment.mongodb_uri = server.url
        service = deployment.start(SHUTDOWN_TIMEOUT=1)
        async with deployment.broker() as broker:
            await ask(broker, show(broker), about("nobody"))
            with paused(server):
                request = asyncio.create_task(
                    broker.client.request(show(broker), about("nobody"), timeout=PATIENCE_S)
                )
                while not await running_requests(broker):
                    pass
                assert await asyncio.to_thread(service.terminate, 6) == 1
                request.cancel()
                await asyncio.gather(request, return_exceptions=True)


async def running_requests(broker: Broker) -> int:
    """Return how many requests the service is about to answer."""
    stats = await ask(broker, f"$SRV.STATS.{broker.names.consumer}")
    count: int = stats["endpoints"][0]["data"]["running"]
    return count


async def test_a_flood_of_requests_is_turned_away_and_the_events_go_on(
    deployment: Deployment,
) -> None:
    """Every request gets an answer or a refusal, every event is applied."""
    deployment.start()
    async with deployment.broker() as broker:
        client, inbox = broker.client, broker.client.new_inbox()
        answers = await client.subscribe(inbox)
        for number in range(500):
            await client.publish(broker.names.events, event(number))
            await client.publish(show(broker), about("u"), reply=inbox)
        codes = []
        for _ in range(500):
            msg = await answers.next_msg(timeout=PATIENCE_S)
            codes.append((msg.headers or {}).get("Nats-Service-Error-Code"))
        assert set(codes) == {None, "503"}
        await broker.settled()
        assert (await ask(broker, show(broker), about("u")))["known"] == 500


def event(number: int) -> bytes:
    """Return an event of another alarm each."""
    fields = {"UserID": "u", "AlarmID": f"{number}", "Status": "WARNING"}
    return json.dumps({**fields, "ChangedAt": "2021-06-07T20:40:15Z"}).encode()


async def test_one_instance_answers_for_a_user_wherever_it_is_at_home(
    deployment: Deployment,
) -> None:
    """Whichever is asked; each answers for its own figures, and for the users in its memory."""
    services = [deployment.start(), deployment.start()]
    async with deployment.broker() as broker:
        for number in range(20):
            await broker.event("u", f"alarm-{number}")
        await broker.settled()
        said = [await ask(broker, show(broker), about("u")) for _ in range(20)]
        assert {(one["source"], one["known"]) for one in said} == {("live", 20)}
        assert len({(one["instance"], one["home"], one["partition"]) for one in said}) == 1
        inbox = broker.client.new_inbox()
        answers = await broker.client.subscribe(inbox)
        subject = f"{broker.names.consumer}.instance.show"
        await broker.client.publish(subject, b"", reply=inbox)
        own = [json.loads((await answers.next_msg(timeout=PATIENCE_S)).data) for _ in services]
        assert said[0]["home"] in {one["instance"] for one in own}
        assert len({one["instance_id"] for one in own}) == 2
        for service in services:
            assert service.terminate() == 0


async def test_it_can_be_turned_off_and_commands_then_read_the_checkpoint(
    deployment: Deployment,
) -> None:
    """Nobody answers, and the report says what it is."""
    deployment.start(NATS_MICRO="off")
    async with deployment.broker() as broker:
        await broker.event("u", "a")
        await broker.settled()
        with pytest.raises(NoRespondersError):
            await broker.client.request(f"$SRV.PING.{broker.names.consumer}", b"")
    shown = deployment.command("user", "show", "u", "--json")
    assert (shown.status, shown.json["source"]) == (0, "stored")
    assert "no service answers" in shown.json["note"]
    listed = deployment.command("user", "list", "--json")
    assert [line["source"] for line in listed.json_lines] == ["stored"]
    live = deployment.command("user", "list", "--live")
    assert (live.status, live.text) == (1, "")
    assert "NATS_MICRO" in live.stderr


async def test_a_user_with_very_many_alarms_fits_into_an_answer(deployment: Deployment) -> None:
    """The most urgent of them do, and the numbers are of all; the checkpoint has the rest."""
    deployment.start()
    async with deployment.broker() as broker:
        await broker.put_all(event(number) for number in range(20_000))
        await broker.settled()
        shown = deployment.command("user", "show", "u", "--limit", "0", "--json").json
        assert (shown["source"], shown["known"], shown["due"]) == ("live", 20_000, 20_000)
        assert 1000 < len(shown["alarms"]) <= 10_000
    stored = deployment.command("user", "show", "u", "--limit", "0", "--stored", "--json").json
    assert len(stored["alarms"]) == 20_000
