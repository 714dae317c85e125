"""The console's figures and users, asked of a live service."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from tests.console import HOSTILE_IDS, asking, start_console
from tests.patience import PATIENCE_S
from tests.servers import paused, prepare_mongodb, running

if TYPE_CHECKING:
    from pathlib import Path

    from tests.console import ConsoleClient
    from tests.deployment import Deployment


async def test_the_page_runs_nothing_but_its_own_files(deployment: Deployment) -> None:
    """And no other page can frame it, or read of it."""
    async with asking(start_console(deployment)) as console:
        page = await console.get("/")
        assert (page.status, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
        policy = page.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert page.headers["X-Content-Type-Options"] == "nosniff"
        assert "Access-Control-Allow-Origin" not in page.headers
        assert b"<noscript>" in page.body
        script = await console.get("/static/main.js")
        assert script.headers["Content-Type"] == "text/javascript; charset=utf-8"
        for path in ("/static/", "/static/..%2fserver.py", "/static/../server.py", "/main.py"):
            assert (await console.get(path)).status == 404


async def test_a_page_of_another_name_is_answered_by_nothing(deployment: Deployment) -> None:
    """Neither page nor figures nor users, though the address is right."""
    async with asking(start_console(deployment)) as console:
        for path in ("/", "/static/main.js", "/api/about", "/api/figures", "/api/users"):
            assert (await console.get(path, Host="rebound.test")).status == 421, path
        assert (await console.get("/livez", Host="rebound.test")).status == 200


async def test_figures_have_a_past_and_say_what_is_new(deployment: Deployment) -> None:
    """The page asks again for what came since."""
    async with deployment.broker() as broker, asking(start_console(deployment)) as console:
        await broker.event("u", "a")
        await broker.settled()
        answer = await _figures(console, "taken", 1)
        columns, last = answer["columns"], answer["samples"][-1]
        shown = dict(zip(columns, last, strict=True))
        assert (shown["settled"], shown["waiting"], shown["live_users"]) == (1, 0, 1)
        assert answer["ready"] is True
        since = str(shown["since_start_s"])
        later = (await console.get("/api/figures", {"since": since})).fields["samples"]
        place = columns.index("since_start_s")
        assert all(row[place] > float(since) for row in later)
        assert (await console.get("/api/figures", {"since": "x"})).status == 400


async def _figures(console: ConsoleClient, name: str, value: int) -> dict[str, Any]:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            fields = (await console.get("/api/figures")).fields
            place = fields["columns"].index(name)
            if any(row[place] == value for row in fields["samples"][-1:]):
                return dict(fields)
            await asyncio.sleep(0.1)


async def test_users_are_found_whatever_they_are_called(deployment: Deployment) -> None:
    """By id, by what begins so, among those used last, and in pages."""
    async with deployment.broker() as broker, asking(start_console(deployment)) as console:
        for user in HOSTILE_IDS:
            await broker.event(user, user)
        await broker.settled()
        assert set(await console.users()) == set(HOSTILE_IDS)
        assert set(await console.users(order="due")) == set(HOSTILE_IDS)
        in_order = sorted(HOSTILE_IDS, key=str.encode)
        assert await console.users(order="id") == in_order
        assert await console.users(order="id", limit="3", after=in_order[2]) == in_order[3:6]
        for user in HOSTILE_IDS:
            assert (await console.users(order="id", prefix=user))[0] == user
            report = (await console.get("/api/user", {"user": user, "alarm": user})).fields
            assert (report["user_id"], report["source"]) == (user, "live")
            (alarm,) = report["alarms"]
            assert (alarm["alarm_id"], alarm["due"], alarm["reason"]) == (user, True, "never_told")


async def test_what_cannot_be_an_id_or_a_number_is_refused(deployment: Deployment) -> None:
    """With a sentence."""
    wrong = [
        ("/api/user", {}),
        ("/api/user", {"user": ""}),
        ("/api/user", {"user": "x" * 257}),
        ("/api/user", {"user": "a\0"}),
        ("/api/user", {"user": "u", "alarm": "🔥" * 65}),
        ("/api/user", {"user": "u", "limit": "1001"}),
        ("/api/users", {"limit": "0"}),
        ("/api/users", {"limit": "101"}),
        ("/api/users", {"order": "random"}),
        ("/api/users", {"order": "id", "prefix": "\0"}),
        ("/api/dead-letters", {"before": "-1"}),
        ("/api/dead-letters/x", {}),
    ]
    async with asking(start_console(deployment)) as console:
        for path, query in wrong:
            answer = await console.get(path, query)
            assert (answer.status, bool(answer.fields["error"])) == (400, True), (path, query)
        nobody = await console.get("/api/user", {"user": "nobody"})
        assert (nobody.status, nobody.fields["source"]) == (200, "nowhere")


async def test_a_user_that_left_memory_is_read_from_its_checkpoint(deployment: Deployment) -> None:
    """And not brought back for being looked at."""
    service = start_console(deployment, IDLE_TIMEOUT=0.3)
    async with deployment.broker() as broker, asking(service) as console:
        await broker.event("u", "a", "WARNING")
        await broker.settled()
        async with asyncio.timeout(PATIENCE_S):
            while await console.users():  # noqa: ASYNC110  # asks a server
                await asyncio.sleep(0.05)
        for path, query in (("/api/users", {"order": "id"}), ("/api/users", {"order": "due"})):
            (line,) = (await console.get(path, query)).fields["users"]
            assert (line["source"], line["due"]) == ("stored", 1)
        report = (await console.get("/api/user", {"user": "u"})).fields
        assert (report["source"], report["alarms"][0]["status"]) == ("stored", "WARNING")
        assert await console.users() == []


async def test_a_database_that_does_not_answer_keeps_nobody_from_the_rest(
    deployment: Deployment, tmp_path: Path
) -> None:
    """Who waits for it is told so in time; figures and users in memory are shown meanwhile."""
    with running(prepare_mongodb(tmp_path / "mongodb")) as server:
        deployment.mongodb_uri = server.url
        service = start_console(deployment)
        async with deployment.broker() as broker, asking(service) as console:
            await broker.event("u", "a")
            await broker.settled()
            with paused(server):
                by_id = {"order": "id"}
                waiting = [asyncio.create_task(console.get("/api/users", by_id)) for _ in range(6)]
                assert await console.users() == ["u"]
                assert (await console.get("/api/user", {"user": "u"})).fields["source"] == "live"
                assert (await console.get("/api/figures")).status == 200
                answers = await asyncio.gather(*waiting)
                assert {answer.status for answer in answers} <= {503, 504}
            async with asyncio.timeout(PATIENCE_S):
                while (await console.get("/api/users", by_id)).status != 200:  # noqa: ASYNC110
                    await asyncio.sleep(0.1)
        deployment.end()
