"""Thousands of generated bodies through the whole service: each applied or a dead letter."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest

from actors.messages.inputs import AlarmStatusChanged
from tests.fuzz.bodies import MAX_BYTES
from tests.fuzz.judging import EVENTS, REQUESTS, Subject, each_body
from tests.fuzz.reference import Rejected
from tests.load import differences, hear, untold
from tests.oracle import Oracle

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nats.aio.msg import Msg

    from tests.deployment import Deployment

SEED = 4


def generated(subject: Subject, count: int) -> Iterator[tuple[Subject, bytes]]:
    """Yield about ``count`` bodies for a subject."""
    found: list[bytes] = []
    each_body(subject, count, SEED, found.append)
    return ((subject, body) for body in found)


def wrongly_dead(letters: list[Msg], expected: dict[int, tuple[bytes, Rejected]]) -> list[str]:
    """Return, one line each, the dead letters that are not one of those that must be."""
    wrong = []
    for letter in letters:
        headers = letter.headers or {}
        sequence, reason = int(headers["Dead-Letter-Sequence"]), headers["Dead-Letter-Reason"]
        body, rejected = expected.get(sequence, (b"", Rejected(frozenset())))
        if letter.data != body or not any(reason.startswith(what) for what in rejected.blamed):
            wrong.append(f"{sequence}: {reason}: {letter.data!r}")
    return wrong


@pytest.mark.long
async def test_every_body_is_applied_or_becomes_a_dead_letter(deployment: Deployment) -> None:
    """What came in is what was applied and what was rejected, and the service served them all."""
    oracle = Oracle()
    messages = [*generated(EVENTS, 2400), *generated(REQUESTS, 800)]
    Random(SEED).shuffle(messages)
    rejected: dict[int, tuple[bytes, Rejected]] = {}
    asked = []
    for sequence, (subject, body) in enumerate(messages, start=1):
        read = subject.refer(body, MAX_BYTES)
        if isinstance(read, Rejected):
            rejected[sequence] = body, read
        elif isinstance(read, AlarmStatusChanged):
            oracle.receive(*read)
        else:
            asked.append(read)
    subjects = {EVENTS: deployment.names.events, REQUESTS: deployment.names.requests}
    async with deployment.broker() as broker:
        await broker.create_input_stream()
        count = await broker.put_many((subjects[subject], body) for subject, body in messages)
        service = deployment.start(MAX_BODY_BYTES=MAX_BYTES)
        await broker.settled()
        assert await broker.left() == 0
        letters = await broker.dead_letters()
        digests = await broker.digests()
        told = hear(oracle, [digest.data for digest in digests])
        for user in oracle.users():
            await broker.request(user)
        await broker.settled()
        last = (await broker.digests())[len(digests) :]
    assert (
        len(messages)
        == count
        == len(letters) + len(digests) + sum(len(events) for events in oracle.events.values())
    )
    assert min(len(letters), len(digests), len(oracle.events)) > 200
    assert len(letters) == len(rejected)
    assert wrongly_dead(letters, rejected) == []
    assert len(digests) == len(asked)
    assert told == hear(oracle, [digest.data for digest in last]) == []
    assert len(last) == len(oracle.users())
    assert untold(oracle) == []
    assert differences(oracle, deployment.checkpoints(oracle.users())) == []
    assert service.terminate() == 0
    assert service.complaints() == {"message.dead_lettered"}
