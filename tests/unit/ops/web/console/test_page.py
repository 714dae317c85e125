"""The page and what it asks first: who it talks to, and what may be done here."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest

from ops.version import VERSION
from ops.web.console.page import PAGE_HEADERS, Console
from tests.unit.ops.monitoring.test_samples import Kept
from tests.unit.ops.web.console.serving import AS_OPERATOR, SETTINGS, serving

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    import aiohttp


def asking(kept: Kept | None = None) -> AbstractAsyncContextManager[aiohttp.ClientSession]:
    """Serve the console of a service that has not started yet."""
    about = kept or Kept()
    console = Console(SETTINGS, about.desk.sources, about.samples)
    return serving(lambda _: console.routes())


async def test_files_are_those_that_there_are_and_bear_the_policy() -> None:
    """No request names a path."""
    async with asking() as client:
        for path, kind in (("/", "text/html"), ("/static/main.js", "text/javascript")):
            answer = await client.get(path)
            assert (answer.status, answer.content_type) == (200, kind)
            assert {**answer.headers, **PAGE_HEADERS} == {**answer.headers}
        for path in ("/static/", "/static/index.html", "/static/..%2fpage.py"):
            assert (await client.get(path)).status == 404


async def test_every_route_refuses_a_name_that_is_not_ours() -> None:
    """A page of somebody else's may have had its name made to mean our address."""
    about = Kept()
    routes = Console(SETTINGS, about.desk.sources, about.samples).routes()
    async with asking() as client:
        for route in routes:
            path = route.path.replace("{sequence}", "7")
            answer = await client.request(route.method, path, headers={"Host": "rebound.test"})
            assert answer.status == 421, path


async def test_the_page_is_told_what_may_be_done() -> None:
    """By its token."""
    async with asking() as client:
        fields = await (await client.get("/api/about")).json()
        assert (fields["version"], fields["acting"], fields["proven"]) == (VERSION, "token", False)
        proven = await (await client.get("/api/about", headers=AS_OPERATOR)).json()
        assert proven["proven"] is True


async def test_figures_are_those_since_the_last_that_were_seen() -> None:
    """All of them to a page that has just opened."""
    kept = Kept()
    kept.take(3)
    async with asking(kept) as client:
        shown = [
            await (await client.get(f"/api/figures{query}")).json() for query in ("", "?since=2.0")
        ]
        assert [len(fields["samples"]) for fields in shown] == [3, 2]
        assert (await client.get("/api/figures?since=x")).status == 400


@pytest.mark.parametrize("path", ["/api/users", "/api/user?user=u", "/api/dead-letters"])
async def test_while_it_starts_only_figures_are_there(path: str) -> None:
    """Who asks for users is told why there are none."""
    async with asking() as client:
        answer = await client.get(path)
        assert answer.status == 503
        assert "starting" in (await answer.json())["error"]


def test_no_two_routes_are_the_same() -> None:
    """The second would never be asked."""
    about = Kept()
    routes = Console(SETTINGS, about.desk.sources, about.samples).routes()
    for one, other in itertools.combinations(routes, 2):
        assert (one.method, one.path) != (other.method, other.path)
