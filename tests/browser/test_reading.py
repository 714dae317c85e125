"""Looking at the service in a browser: figures, users, reasons, on a desk and on a phone."""

from __future__ import annotations

import re
import signal
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from playwright.async_api import expect

from tests.chromium import PHONE, opened
from tests.console import HOSTILE_IDS, console_url, start_console

if TYPE_CHECKING:
    from playwright.async_api import Page

    from tests.broker import Broker
    from tests.deployment import Deployment

# One browser at a time: each wants both cores while it starts.
pytestmark = [pytest.mark.browser, pytest.mark.long, pytest.mark.xdist_group("browser")]

VIEWS = (
    "#/",
    "#/users",
    "#/users?order=id",
    "#/users/2",
    "#/users/2/disk",
    "#/dead-letters",
    "#/instances",
)


async def some_alarms(broker: Broker) -> None:
    """Have a user with an alarm that was told, and one that is news."""
    await broker.event("2", "disk", "WARNING")
    await broker.request("2")
    await broker.next_digest()
    await broker.event("2", "cpu", "CRITICAL", "2021-06-07T21:00:00.000000001Z")
    await broker.put(broker.names.events, b"{not json")
    await broker.settled()


async def test_figures_are_drawn_and_go_on(deployment: Deployment) -> None:
    """A plot is read at other times with the keyboard; the state says when nobody answers."""
    service = start_console(deployment)
    async with deployment.broker() as broker, opened(console_url(service)) as page:
        await some_alarms(broker)
        await expect(page.get_by_role("status").first).to_have_text("ready")
        await expect(page.locator(".tile", has_text="Users in memory")).to_contain_text("1")
        await expect(page.locator(".tile", has_text="Dead letters")).to_contain_text("1")
        plot = page.get_by_role("slider", name="Users in memory")
        await expect(plot).to_have_attribute("aria-valuetext", re.compile(r": users 1$"))
        line = page.locator("figure", has_text="Users in memory").locator("path.line")
        await expect(line).to_have_attribute(
            "d", re.compile(r"^M[\d.]+ [\d.]+h0(L[\d.]+ [\d.]+)+$")
        )
        await plot.focus()
        await page.keyboard.press("ArrowLeft")
        await expect(plot).to_have_attribute("aria-valuenow", "-1")
        await page.keyboard.press("Escape")
        await expect(plot).to_have_attribute("aria-valuenow", "0")
        service.signal(signal.SIGKILL)
        await expect(page.get_by_role("status").first).to_contain_text("no answer since")


async def test_the_instances_are_side_by_side_and_a_user_says_which_is_its_home(
    deployment: Deployment,
) -> None:
    """From whichever of them: here the second, of a user at home at either."""
    deployment.start()
    service = start_console(deployment)
    async with deployment.broker() as broker, opened(console_url(service)) as page:
        await some_alarms(broker)
        await page.keyboard.press("4")
        await expect(page.get_by_role("heading", name="Instances")).to_be_visible()
        rows = page.get_by_role("row").filter(has_text="process")
        await expect(rows).to_have_count(2)
        await expect(rows.filter(has_text="32: 0-31")).to_have_count(1)
        await expect(rows.filter(has_text="32: 32-63")).to_have_count(1)
        await expect(rows.filter(has_text="(this one)")).to_contain_text(str(service.pid))
        await expect(page.get_by_text("Every partition is where it should be.")).to_be_visible()
        await page.goto(f"{console_url(service)}#/users/2")
        await expect(page.get_by_text("partition 13")).to_be_visible()


async def test_a_user_is_found_and_the_reasons_are_read(deployment: Deployment) -> None:
    """By keys alone: look for the user, open it, ask why."""
    service = start_console(deployment)
    async with deployment.broker() as broker, opened(console_url(service)) as page:
        await some_alarms(broker)
        await page.keyboard.press("/")
        await expect(page.get_by_label("User ID, or how it begins")).to_be_focused()
        await page.keyboard.type("2")
        await page.keyboard.press("Enter")
        # The list before the search has such a link too, which goes with it.
        await expect(page.get_by_role("link", name="Open the user 2")).to_be_visible()
        link = page.get_by_role("rowheader").get_by_role("link", name="2", exact=True)
        await link.focus()
        await expect(link).to_be_focused()
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("heading", name="User 2")).to_be_visible()
        cpu = page.get_by_role("row", name="cpu")
        await expect(cpu).to_contain_text("CRITICAL")
        await expect(cpu).to_contain_text("2021-06-07T21:00:00.000000001Z")
        await expect(cpu).to_contain_text("it was never told")
        disk = page.get_by_role("row", name="disk")
        await expect(disk).to_contain_text("It is no news")
        await page.get_by_label("One alarm, by its whole ID").fill("absent")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("row", name="absent")).to_contain_text("Nothing is known")
        await page.go_back()
        await broker.event("2", "disk", "CLEARED", "2021-06-07T22:00:00Z")
        await expect(disk).to_contain_text("CLEARED")


async def test_hostile_ids_are_shown_as_what_they_are(deployment: Deployment) -> None:
    """As text, whole, in their own order, and each leads to its user."""
    service = start_console(deployment)
    async with (
        deployment.broker() as broker,
        opened(console_url(service), "#/users?order=id", viewport=PHONE) as page,
    ):
        for user in HOSTILE_IDS:
            await broker.event(user, user)
        await broker.settled()
        await page.reload()
        await expect(page.get_by_role("status").first).to_have_text("ready")
        links = page.get_by_role("rowheader").get_by_role("link")
        await expect(links).to_have_count(len(HOSTILE_IDS))
        texts = await links.all_inner_texts()
        assert {"evil\\u202egnp.exe", "tab\\x09and\\x0aline \\x1b[31m", "👨‍👩‍👧"} <= set(texts)
        assert {"\\x20spaced\\x20\\x20out\\x20", "zero\\u200bwidth"} <= set(texts)
        assert {one for one in HOSTILE_IDS if one.startswith(("<", '"', ".", "%"))} <= set(texts)
        await _fits(page)
        for user, text in zip(sorted(HOSTILE_IDS, key=str.encode), texts, strict=True):
            await page.goto(console_url(service) + "/#/users?order=id")
            await links.nth(texts.index(text)).click()
            await expect(page.get_by_role("rowheader")).to_have_count(1)
            await expect(page.get_by_role("rowheader").locator(".id")).to_have_text(text)
            named = await page.evaluate(
                "decodeURIComponent(location.hash.slice('#/users/'.length))"
            )
            assert named == user
            await _fits(page)
        assert await page.evaluate("document.querySelectorAll('main script, main img').length") == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_every_view_fits_a_phone_and_is_legible(deployment: Deployment, scheme: str) -> None:
    """Nothing is wider than the screen; text stands out from its ground by 4.5 to 1."""
    service = start_console(deployment)
    async with (
        deployment.broker() as broker,
        opened(console_url(service), viewport=PHONE, color_scheme=scheme) as page,
    ):
        await some_alarms(broker)
        for view in VIEWS:
            await page.goto(console_url(service) + "/" + view)
            await expect(page.get_by_text("Looking…")).to_have_count(0)
            await _fits(page)
            assert await page.evaluate(_CONTRAST) == [], view


async def test_nothing_moves_under_a_finger_when_the_service_has_answered(
    deployment: Deployment,
) -> None:
    """The button for operators comes with the first answer; what is below it stays in place."""
    service = start_console(deployment)
    async with opened(console_url(service), viewport=PHONE) as page:
        top = "document.querySelector('main').getBoundingClientRect().top"
        await page.route("**/api/*", lambda route: route.abort())
        await page.reload()
        await expect(page.get_by_role("status").first).to_have_text("no answer")
        before = await page.evaluate(top)
        await page.unroute_all()
        await expect(page.get_by_role("button", name="Operator: give the token")).to_be_visible()
        await expect(page.get_by_role("status").first).to_have_text("ready")
        assert await page.evaluate(top) == before


async def test_an_address_that_names_nothing_is_harmless(deployment: Deployment) -> None:
    """Somebody else may have made the link."""
    service = start_console(deployment)
    async with opened(console_url(service)) as page:
        for fragment in ("#/%", "#/nowhere", "#/users/" + quote("<img src=x onerror=alert(1)>")):
            await page.goto(console_url(service) + "/" + fragment)
            await expect(page.get_by_role("heading", level=2)).to_have_count(1)
        await expect(page.get_by_text("Nothing is known of such a user")).to_be_visible()


async def _fits(page: Page) -> None:
    wide = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert wide <= 0, f"{page.url} is {wide} pixels wider than the screen"


# Text whose contrast to the nearest ground below it is less than WCAG AA asks for.
_CONTRAST = """
() => {
  const rgba = (text) => (text.match(/[\\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((c) => c / 255)
    .map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, place) => sum + c * [0.2126, 0.7152, 0.0722][place], 0);
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = rgba(getComputedStyle(at).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  return [...document.querySelectorAll("body *")].filter((element) => {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!own || !element.checkVisibility({visibilityProperty: true})) return false;
    const [one, other] = [light(rgba(getComputedStyle(element).color)), light(ground(element))];
    return (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05) < 4.5;
  }).map((element) => `${element.tagName}.${element.className}: ${element.textContent}`);
}
"""
