"""Pages of the dead-letter stream, on a real server: holes, cuts, and letters of others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bus.dead_letters import pages as letter_pages
from bus.dead_letters.pages import LetterHead, LetterPage, newest_letters
from bus.dead_letters.stored import DeadLetters
from tests.broker import Broker, Names, connected

if TYPE_CHECKING:
    import pytest


async def put(broker: Broker, count: int, *, to: str = "", cut: str = "", why: str = "why") -> None:
    """Put letters into their stream."""
    headers = {"Dead-Letter-Reason": why, "Dead-Letter-Time": "2021-06-07T20:40:15Z"}
    headers |= {"Dead-Letter-Cut": cut} if cut else {}
    for _ in range(count):
        await broker.js.publish(to or broker.names.dead_letters, b"body", headers=headers)


async def opened(broker: Broker) -> DeadLetters:
    """Create the stream, which somebody else uses, too."""
    names = broker.names
    subjects = [names.dead_letters, f"{names.dead_letters}.other"]
    await broker.js.add_stream(name=names.dead_letter_stream, subjects=subjects)
    return DeadLetters(broker.js, names.dead_letters)


async def page(broker: Broker, letters: DeadLetters, before: int | None = None) -> LetterPage:
    """Return a page of three."""
    return await newest_letters(letters, broker.names.dead_letter_stream, before, 3)


def places(found: LetterPage) -> list[int]:
    """Return the letters' places."""
    return [head.sequence for head in found.heads]


async def test_pages_lead_from_the_newest_letter_to_the_oldest(nats_url: str) -> None:
    """Each once, and their bodies stay where they are."""
    async with connected(nats_url, Names()) as broker:
        letters = await opened(broker)
        assert await page(broker, letters) == LetterPage([], None, 0)
        await put(broker, 7)
        first = await page(broker, letters)
        assert (places(first), first.older, first.stored) == ([7, 6, 5], 5, 7)
        assert (first.heads[0].size, first.heads[0].reason, first.heads[0].cut_from) == (
            4,
            "why",
            None,
        )
        second = await page(broker, letters, first.older)
        assert (places(second), second.older) == ([4, 3, 2], 2)
        third = await page(broker, letters, second.older)
        assert (places(third), third.older) == ([1], None)
        assert places(await page(broker, letters, 99)) == [7, 6, 5]


async def test_letters_that_fit_are_found_and_counted(nats_url: str) -> None:
    """Among others, on several pages; the count is of all that was looked at."""
    async with connected(nats_url, Names()) as broker:
        letters = await opened(broker)
        for _ in range(5):
            await put(broker, 1, why="no JSON")
            await put(broker, 10)
        stream = broker.names.dead_letter_stream

        def fits(head: LetterHead) -> bool:
            return head.reason == "no JSON"

        first = await newest_letters(letters, stream, None, 3, fits)
        assert (places(first), first.older) == ([45, 34, 23], 23)
        assert (first.fitting, first.looked_at, first.stored) == (5, 55, 55)
        second = await newest_letters(letters, stream, first.older, 3, fits)
        assert (places(second), second.older, second.fitting) == ([12, 1], None, 2)


async def test_what_was_deleted_and_what_is_not_ours_is_passed_over(nats_url: str) -> None:
    """Though it lies between, before and behind."""
    async with connected(nats_url, Names()) as broker:
        letters = await opened(broker)
        other = f"{broker.names.dead_letters}.other"
        await put(broker, 4, to=other)
        await put(broker, 2)
        await put(broker, 30, to=other)
        await put(broker, 2, cut="9000")
        await put(broker, 5, to=other)
        for place in (5, 20, 21, 37):
            await broker.js.delete_msg(broker.names.dead_letter_stream, place)
        found = await page(broker, letters)
        assert (places(found), found.stored) == ([38, 6], 2)
        assert found.heads[0].cut_from == 9000


async def test_a_page_looks_at_so_many_places_and_no_more(
    nats_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be empty; it says where to go on, and that leads to what there is."""
    monkeypatch.setattr(letter_pages, "_SPANS_MAX", 2)
    async with connected(nats_url, Names()) as broker:
        letters = await opened(broker)
        await put(broker, 1)
        await put(broker, 40, to=f"{broker.names.dead_letters}.other")
        found, asked = await page(broker, letters), 1
        assert (places(found), found.older) == ([], 27)
        while found.older is not None:
            found, asked = await page(broker, letters, found.older), asked + 1
        assert (places(found), asked) == ([1], 3)
