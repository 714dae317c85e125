"""A real browser: Debian's Chromium, driven by Playwright."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from playwright.async_api import async_playwright, expect

from tests.patience import PATIENCE_S
from tests.programs import program

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import ConsoleMessage, Page, Request

OPTIONS = (
    "--no-sandbox",  # CI runs as root
    "--disable-gpu",
    "--disable-dev-shm-usage",  # which is small in containers
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
# The page asks every few seconds, and the computer may be busy.
expect.set_options(timeout=PATIENCE_S * 1000)

PHONE = {"width": 390, "height": 844}
DESK = {"width": 1280, "height": 900}


class Seen:
    """What a page did that it should not."""

    def __init__(self, url: str) -> None:
        """It may ask ``url`` and nobody else."""
        self._url = url
        self.wrong: list[str] = []

    def watch(self, page: Page) -> None:
        """Note what it says, asks for, and fails at."""
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self.wrong.append(f"error: {error}"))
        page.on("request", self._on_request)
        page.on("dialog", lambda dialog: self.wrong.append(f"dialog: {dialog.message}"))

    def _on_console(self, message: ConsoleMessage) -> None:
        # The browser itself notes each answer that is an error; those are the test's doing.
        if not message.text.startswith("Failed to load resource"):
            self.wrong.append(f"{message.type}: {message.text}")

    def _on_request(self, request: Request) -> None:
        if not request.url.startswith(self._url):
            self.wrong.append(f"asked {request.url}")


@asynccontextmanager
async def opened(
    url: str, path: str = "", *, ours: bool = True, **options: Any
) -> AsyncIterator[Page]:
    """Open a page in a browser of its own; in the end one of ours must have done nothing wrong.

    ``options`` are the browser context's, such as ``viewport`` and ``color_scheme``.
    """
    seen = Seen(url)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=program("chromium"), args=[*OPTIONS]
        )
        context = await browser.new_context(**{"viewport": DESK, **options})
        context.set_default_timeout(PATIENCE_S * 1000)
        page = await context.new_page()
        if ours:
            seen.watch(page)
        await page.goto(url + "/" + path)
        try:
            yield page
        except Exception as error:
            error.add_note(f"{page.url} shows {await page.inner_text('body')!r}; {seen.wrong}")
            raise
        await browser.close()
    assert seen.wrong == []
