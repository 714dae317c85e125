"""Putting a dead letter back: only where it is safe, and deleted only when that is proved."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ops.dead_letters.replay import UnreplayableError, replay_letter, target_of
from ops.publication import PublicationRefusedError
from tests.unit.ops.dead_letters.letters import CUT, LETTER, StoredLetters
from tests.unit.ops.scripted_client import ScriptedClient, message

INPUTS = ("AlarmStatusChanged", "SendAlarmDigest")


def test_a_letter_goes_where_it_came_from_or_where_the_operator_says() -> None:
    """The latter need not be an input."""
    assert target_of(LETTER, INPUTS, None) == "AlarmStatusChanged"
    assert target_of(LETTER, INPUTS, "elsewhere") == "elsewhere"


@pytest.mark.parametrize("subject", ["", "AlarmDigest", "$JS.API.STREAM.PURGE.INPUT"])
def test_headers_are_not_believed_a_subject_that_is_no_input(subject: str) -> None:
    """Whoever may publish dead letters could have us publish anywhere."""
    with pytest.raises(UnreplayableError, match="see --to"):
        target_of(replace(LETTER, subject=subject), INPUTS, None)


def test_a_letter_that_lacks_parts_is_not_put_back() -> None:
    """Nor to a subject that is named: it would be another message."""
    for to_subject in (None, "elsewhere"):
        with pytest.raises(UnreplayableError, match="cut"):
            target_of(CUT, INPUTS, to_subject)


async def test_a_letter_is_published_under_a_name_of_its_own_and_then_deleted() -> None:
    """Replaying it again is a repeat, that the stream drops; another letter in its place is not."""
    stored, nats = StoredLetters(), ScriptedClient()
    target = await replay_letter(nats.client, stored.letters, "DEAD", LETTER, INPUTS)
    assert target == "AlarmStatusChanged"
    identity = {"Nats-Msg-Id": "replay.7.2021-06-07T20:40:15Z"}
    assert nats.sent == [("AlarmStatusChanged", b"nonsense", identity)]
    assert stored.deleted == [7]


async def test_a_letter_that_is_refused_stays() -> None:
    """Nothing is lost."""
    stored, nats = StoredLetters(), ScriptedClient([message(b"-ERR no")])
    with pytest.raises(PublicationRefusedError):
        await replay_letter(nats.client, stored.letters, "DEAD", LETTER, INPUTS)
    assert stored.deleted == []


async def test_a_dry_run_touches_nothing() -> None:
    """And still says where it would go."""
    stored, nats = StoredLetters(), ScriptedClient()
    target = await replay_letter(nats.client, stored.letters, "DEAD", LETTER, INPUTS, dry_run=True)
    assert (target, nats.sent, stored.deleted) == ("AlarmStatusChanged", [], [])
