"""Looking at the service in a browser: figures, users, reasons, on a desk and on a phone."""

from __future__ import annotations

import asyncio
import re
import signal
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from playwright.async_api import expect

from tests.chromium import DESK, PHONE, opened
from tests.console import HOSTILE_IDS, console_url, start_console

if TYPE_CHECKING:
    from playwright.async_api import Page, ViewportSize

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
    "#/users/2?only=active",
    "#/dead-letters?reason=JSON",
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
        await page.get_by_label("Alarm ID, or a part of it").fill("absent")
        await page.keyboard.press("Enter")
        await page.get_by_role("link", name="What is known of the alarm absent").click()
        await expect(page.get_by_role("row", name="absent")).to_contain_text("Nothing is known")
        await page.go_back()
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


async def test_nobody_is_offered_who_is_not_there(deployment: Deployment) -> None:
    """A search that finds nobody says so, and leads nowhere."""
    service = start_console(deployment)
    async with (
        deployment.broker() as broker,
        opened(console_url(service), "#/users?prefix=nobody") as page,
    ):
        await some_alarms(broker)
        await expect(page.get_by_text("No stored user has this id")).to_be_visible()
        await expect(page.get_by_role("link", name="Open the user")).to_have_count(0)


async def test_dead_letters_are_told_apart_and_chosen(deployment: Deployment) -> None:
    """Whose, how the body begins, and how many there are of a reason, or of a subject."""
    service = start_console(deployment)
    async with (
        deployment.broker() as broker,
        opened(console_url(service), "#/dead-letters") as page,
    ):
        names = broker.names
        for user in ("one", "two"):
            await broker.put(names.events, b'{"user_id": "%s"}' % user.encode())
        await broker.put(names.events, b"disk full!")
        await broker.put(names.events, b'{"UserID": "' + b"x" * 10_000)
        await broker.put(names.requests, b"{}")
        await broker.settled()
        rows = page.get_by_role("row").filter(has=page.get_by_role("rowheader"))
        await expect(rows).to_have_count(5)
        await expect(rows.nth(4)).to_contain_text("one")
        await expect(rows.nth(2)).to_contain_text("disk full!")
        await expect(rows.nth(1)).to_contain_text("a long body")
        await page.get_by_label("The reason, or a part of it").fill("MISSING")
        await page.keyboard.press("Enter")
        await expect(rows).to_have_count(3)
        await expect(
            page.get_by_text("3 of the newest 5 looked at; 5 in the stream.")
        ).to_be_visible()
        await page.get_by_role("link", name=names.requests).click()
        await expect(rows).to_have_count(1)
        await page.goto(console_url(service) + "/#/dead-letters")
        await expect(rows).to_have_count(5)
        await page.get_by_role("link", name="user_id is not read").first.click()
        await expect(rows).to_have_count(2)


async def test_a_user_with_many_alarms_has_the_active_first_and_an_end(
    deployment: Deployment,
) -> None:
    """Pages, a choice, and a part of the id; the numbers are of all of them."""
    service = start_console(deployment)
    async with deployment.broker() as broker, opened(console_url(service)) as page:
        await asyncio.gather(
            *(
                broker.event(
                    "many", f"alarm-{number:04}", "CRITICAL" if number % 25 == 7 else "CLEARED"
                )
                for number in range(1000)
            )
        )
        await broker.settled()
        await page.goto(f"{console_url(service)}/#/users/many")
        rows = page.get_by_role("row").filter(has=page.get_by_role("rowheader"))
        await expect(rows).to_have_count(25)
        await expect(rows.nth(24)).to_contain_text("alarm-0607")
        await page.get_by_role("link", name="Next page").click()
        await expect(page.get_by_text("26 to 50 of 1,000")).to_be_visible()
        await expect(rows.nth(14)).to_contain_text("alarm-0982")
        await expect(rows.nth(15)).to_contain_text("CLEARED")
        await page.get_by_role("link", name="Active (40)").click()
        await expect(page.get_by_text("1 to 25 of 40")).to_be_visible()
        await page.get_by_role("link", name="Next page").click()
        await expect(rows).to_have_count(15)
        await expect(page.get_by_role("link", name="Next page")).to_have_count(0)
        await page.goto(f"{console_url(service)}/#/users/many")
        await page.get_by_label("Alarm ID, or a part of it").fill("ALARM-099")
        await page.keyboard.press("Enter")
        await expect(rows).to_have_count(10)


async def test_checks_say_what_they_mean(deployment: Deployment) -> None:
    """To a person: which server, how far away, what works."""
    service = start_console(deployment)
    async with deployment.broker() as broker, opened(console_url(service)) as page:
        await some_alarms(broker)
        checks = page.locator(".checks li")
        await expect(checks.filter(has_text="NATS: connected to")).to_contain_text(
            re.compile(r"connected to \S+, [\d.]+ ms$")
        )
        await expect(checks.filter(has_text="MongoDB: answers")).to_contain_text(" ms")
        await expect(checks.filter(has_text="Service: takes messages")).to_be_visible()
        await expect(checks.filter(has_text=re.compile(r"\bok$"))).to_have_count(0)


@pytest.mark.parametrize("screen", [DESK, PHONE], ids=["desk", "phone"])
async def test_long_ids_are_broken_in_their_own_column_and_nothing_else_is(
    deployment: Deployment, screen: ViewportSize
) -> None:
    """No time, no word beside them; numbers stand below one another."""
    service = start_console(deployment)
    async with deployment.broker() as broker, opened(console_url(service), viewport=screen) as page:
        for name in HOSTILE_IDS:
            await broker.event("x" * 256, name, "CRITICAL", "2021-06-07T20:40:15.598765212Z")
            await broker.event(name, name, "RED")
        await broker.event("many", "a")
        await broker.request("x" * 256)
        await broker.settled()
        long_user = f"#/users/{'x' * 256}"
        for view in ("#/users?order=id", "#/users", long_user, "#/dead-letters", "#/instances"):
            await page.goto(f"{console_url(service)}/{view}")
            await expect(page.get_by_role("rowheader")).not_to_have_count(0)
            await _fits(page)
            assert await page.evaluate(_BROKEN) == [], view
            for width in (360, 640, 800, 1100, 1600):
                await page.set_viewport_size({"width": width, "height": 800})
                await _fits(page)
            await page.set_viewport_size(screen)


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


# Times that are broken; numbers that do not stand below one another; on a desk also cells of more
# than a line that are not for what others wrote.
_BROKEN = """
() => {
  const lines = (element) => {
    const range = document.createRange();
    range.selectNodeContents(element);
    const tops = [...range.getClientRects()].map(({top, height}) => Math.round(top + height / 2));
    return new Set(tops.map((top) => Math.round(top / 8))).size;
  };
  const broken = [...document.querySelectorAll("time")].filter((time) => lines(time) > 1);
  const ids = [...document.querySelectorAll("td:not(.wide):not(.middling):not(:has(.fine))")];
  if (innerWidth > 640) broken.push(...ids.filter((cell) => lines(cell) > 1));
  const ends = new Map();
  for (const cell of document.querySelectorAll("tbody .number:not(.empty)")) {
    const {right} = cell.getBoundingClientRect();
    const name = cell.dataset.label;
    if (ends.has(name) && Math.abs(ends.get(name) - right) > 1) broken.push(cell);
    ends.set(name, right);
  }
  return broken.map((element) => `${element.tagName}: ${element.textContent}`);
}
"""

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
