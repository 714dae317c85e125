"""Dead letters for the console: nobody acts on another letter than the one that was seen."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, cast

import orjson
import pytest
from nats.errors import TimeoutError as NatsTimeoutError

from bus.subjects import Subjects
from ops.inquiries.answering import AnswerError
from ops.web.console.letters import BODY_CHARS_MAX, ConsoleLetters
from tests.unit.ops.dead_letters.letters import LETTER, StoredLetters
from tests.unit.ops.scripted_client import ScriptedClient, message

if TYPE_CHECKING:
    from nats.aio.client import Client


class Nats(ScriptedClient):
    """A client whose JetStream is not asked: the letters are in memory."""

    def jetstream(self) -> None:
        """See ``nats.aio.client.Client``."""


def console(stored: StoredLetters, nats: Nats | None = None) -> ConsoleLetters:
    """Return what answers, on letters in memory."""
    made = ConsoleLetters(cast("Client", nats or Nats()), Subjects())
    made._letters = stored.letters
    return made


async def code_of(stored: StoredLetters, time: str, nats: Nats | None = None) -> str:
    """Return the error that replaying letter 7 ends with."""
    with pytest.raises(AnswerError) as failed:
        await console(stored, nats).replay(7, time)
    return failed.value.code


async def test_of_a_long_body_the_beginning_is_shown() -> None:
    """And that it is no more than that."""
    long = replace(LETTER, body=b"x" * (BODY_CHARS_MAX + 1))
    shown = orjson.loads(await console(StoredLetters([long])).show(7))
    assert (len(shown["body"]), shown["cut"], shown["bytes"]) == (
        BODY_CHARS_MAX,
        True,
        BODY_CHARS_MAX + 1,
    )
    assert orjson.loads(await console(StoredLetters()).show(7))["cut"] is False


async def test_the_letter_that_was_seen_is_put_back_or_dropped() -> None:
    """The answer says what was done."""
    stored, nats = StoredLetters(), Nats()
    done = orjson.loads(await console(stored, nats).replay(7, LETTER.time))
    assert done == {"sequence": 7, "done": "replayed", "subject": "AlarmStatusChanged"}
    assert [sent[0] for sent in nats.sent] == ["AlarmStatusChanged"]
    await console(stored).drop(8, LETTER.time)
    assert stored.deleted == [7, 8]


async def test_another_letter_in_its_place_is_left_alone() -> None:
    """A stream that was made anew counts from 1 again."""
    stored = StoredLetters()
    assert await code_of(stored, "2021-06-07T20:40:16Z") == "409"
    with pytest.raises(AnswerError, match="another one by now"):
        await console(stored).drop(7, "")
    assert stored.deleted == []


async def test_each_way_to_fail_has_its_code() -> None:
    """What to do about it differs."""
    assert await code_of(StoredLetters([]), LETTER.time) == "404"
    assert await code_of(StoredLetters(name=None), LETTER.time) == "404"
    cut = StoredLetters([replace(LETTER, cut_from=2_000)])
    assert await code_of(cut, LETTER.time) == "409"
    refusing = Nats([message(b"-ERR no")])
    assert await code_of(StoredLetters(), LETTER.time, refusing) == "502"

    async def silent() -> None:
        raise NatsTimeoutError

    stored, nats = StoredLetters(), Nats(on_request=silent)
    assert await code_of(stored, LETTER.time, nats) == "503"
    assert stored.deleted == []
