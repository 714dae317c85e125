"""Dead letters in a browser: read-only, with the token, and what another site's page can do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from aiohttp import web
from playwright.async_api import expect

from tests.chromium import opened
from tests.console import TOKEN, console_url, start_console

if TYPE_CHECKING:
    from playwright.async_api import Page

    from tests.deployment import Deployment

# One browser at a time: each wants both cores while it starts.
pytestmark = [pytest.mark.browser, pytest.mark.long, pytest.mark.xdist_group("browser")]

EVIL_BODY = "<script>alert(1)</script>\u202e\x1b[31m\n{}".encode()


async def _give(page: Page, token: str) -> None:
    dialog = page.get_by_role("dialog", name="Operator token")
    await dialog.get_by_label("Token").fill(token)
    await page.keyboard.press("Enter")


async def test_without_a_token_set_the_page_offers_nothing_to_do(deployment: Deployment) -> None:
    """It shows the letter, and says which setting is missing."""
    service = start_console(deployment, OPERATOR_TOKEN=None)
    async with (
        deployment.broker() as broker,
        opened(console_url(service), "#/dead-letters") as page,
    ):
        await broker.put(broker.names.events, EVIL_BODY)
        await page.get_by_role("link", name="1", exact=True).click()
        await expect(page.locator("pre")).to_have_text(
            "<script>alert(1)</script>\\u202e\\x1b[31m\n{}"
        )
        await expect(page.get_by_text("OPERATOR_TOKEN set")).to_be_visible()
        await expect(page.get_by_role("button", name="Replay")).to_have_count(0)
        await expect(page.get_by_role("button", name="Operator")).to_have_count(0)


async def test_a_letter_is_replayed_with_the_token(deployment: Deployment) -> None:
    """Which is asked for once, checked, and kept; then the deed is asked about."""
    tight = start_console(deployment, MAX_BODY_BYTES=10)
    async with deployment.broker() as broker:
        await broker.event("u", "a")
        await broker.settled()
        assert tight.terminate() == 0
        service = start_console(deployment)
        async with opened(console_url(service), "#/dead-letters/1") as page:
            await page.get_by_role("button", name="Replay").click()
            await _give(page, "not-the-token-at-all")
            await expect(page.get_by_role("alert")).to_have_text("That is not the token.")
            await _give(page, TOKEN)
            ask = page.get_by_role("dialog", name="Replay letter 1?")
            await ask.get_by_role("button", name="Replay").click()
            await expect(page.get_by_text("Letter 1 replayed.")).to_be_visible()
            await expect(page.get_by_text("There is none.")).to_be_visible()
            await broker.settled()
            await page.goto(console_url(service) + "/#/users/u")
            await expect(page.get_by_role("row", name="a CRITICAL")).to_be_visible()
            await expect(
                page.get_by_role("button", name="Operator: token accepted")
            ).to_be_visible()


async def test_a_letter_is_dropped_after_a_question_only(deployment: Deployment) -> None:
    """Esc is no."""
    service = start_console(deployment)
    async with (
        deployment.broker() as broker,
        opened(console_url(service), "#/dead-letters") as page,
    ):
        await broker.put(broker.names.events, b"{}")
        await broker.put(broker.names.events, b"[]")
        await page.get_by_role("link", name="2", exact=True).click()
        await page.get_by_role("button", name="Drop").click()
        await _give(page, TOKEN)
        ask = page.get_by_role("dialog", name="Drop letter 2?")
        await expect(ask).to_be_visible()
        await page.keyboard.press("Escape")
        await expect(ask).to_be_hidden()
        await page.get_by_role("button", name="Drop").click()
        await ask.get_by_role("button", name="Drop for good").click()
        await expect(page.get_by_text("Letter 2 dropped.")).to_be_visible()
        await expect(page.get_by_role("link", name="1", exact=True)).to_be_visible()
        await expect(page.get_by_role("link", name="2", exact=True)).to_have_count(0)


async def test_beyond_loopback_the_token_opens_the_users(deployment: Deployment) -> None:
    """Figures are open; the token is forgotten when asked to."""
    service = start_console(deployment, HTTP_ADDRESS="0.0.0.0:0")
    async with deployment.broker() as broker, opened(console_url(service), "#/users") as page:
        await broker.event("u", "a")
        await broker.settled()
        await expect(page.get_by_role("alert")).to_contain_text("Give the operator token.")
        await page.get_by_role("button", name="Give the token", exact=True).click()
        await _give(page, TOKEN)
        await expect(page.get_by_role("link", name="u", exact=True)).to_be_visible()
        await page.get_by_role("button", name="Operator: token accepted").click()
        await page.get_by_role("button", name="Forget it").click()
        await expect(page.get_by_role("alert")).to_contain_text("Give the operator token.")
        await expect(page.get_by_role("link", name="u", exact=True)).to_have_count(0)


async def test_another_sites_page_can_neither_read_nor_act(deployment: Deployment) -> None:
    """Not by asking, not by posting though it knew the token, not by framing."""
    service = start_console(deployment)
    target = console_url(service)
    runner = await _evil_site()
    evil = f"http://localhost:{runner.addresses[0][1]}"
    async with deployment.broker() as broker:
        await broker.put(broker.names.events, b"{}")
        await broker.settled()
        async with opened(evil, ours=False) as page:
            found = await page.evaluate(_ATTACK, [target, TOKEN])
            assert found == {"read": "refused", "act": "refused", "blind": "sent", "framed": ""}
            letters = await broker.dead_letters()
            assert len(letters) == 1
    await runner.cleanup()


async def _evil_site() -> web.AppRunner:
    async def page(request: web.Request) -> web.Response:
        del request
        return web.Response(text="<!doctype html><title>evil</title>", content_type="text/html")

    application = web.Application()
    application.add_routes([web.get("/", page)])
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return runner


_ATTACK = """
async ([target, token]) => {
  const tried = async (path, options) =>
    fetch(target + path, options).then((answer) => answer.type === "opaque" ? "sent" : "answered",
      () => "refused");
  const path = "/api/dead-letters/1/drop";
  const headers = {Authorization: `Bearer ${token}`};
  const frame = document.createElement("iframe");
  frame.src = target;
  const loaded = new Promise((resolve) => { frame.onload = resolve; });
  document.body.append(frame);
  await loaded;
  let framed = "";
  try { framed = frame.contentDocument?.title ?? ""; } catch {}
  return {
    read: await tried("/api/users", {}),
    act: await tried(path, {method: "POST", headers, body: "{}"}),
    blind: await tried(path, {method: "POST", mode: "no-cors", body: "{}"}),
    framed,
  };
}
"""
