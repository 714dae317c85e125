"""Putting a dead letter back: published first, deleted only when that is proved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ops.publication import publish_proved

if TYPE_CHECKING:
    from collections.abc import Collection

    from nats.aio.client import Client

    from bus.dead_letters.stored import DeadLetter, DeadLetters


class UnreplayableError(Exception):
    """Raised when a letter cannot be put back, whatever the servers do."""


def target_of(letter: DeadLetter, inputs: Collection[str], to_subject: str | None) -> str:
    """Return the subject to publish a letter to; raises ``UnreplayableError``.

    Whoever may publish to the dead letters' subject writes their headers: only what names one of
    our own inputs is believed.
    """
    if letter.cut_from is not None:
        raise UnreplayableError(
            f"its body was cut from {letter.cut_from} bytes to {len(letter.body)}, what could be "
            "published then: have its producer send it again"
        )
    if to_subject is not None:
        return to_subject
    if letter.subject not in inputs:
        known = " or ".join(inputs)
        raise UnreplayableError(f"its subject {letter.subject!r} is not {known}; see --to")
    return letter.subject


async def replay_letter(
    client: Client,
    letters: DeadLetters,
    stream: str,
    letter: DeadLetter,
    inputs: Collection[str],
    to_subject: str | None = None,
    *,
    dry_run: bool = False,
) -> str:
    """Publish the body, then delete the letter; return the subject it went to.

    Raises ``UnreplayableError``, ``PublicationRefusedError`` or ``nats.errors.Error``; the letter
    is then still there. When only the deletion failed, replaying again publishes nothing a second
    time, as long as the stream remembers the id.
    """
    target = target_of(letter, inputs, to_subject)
    if not dry_run:
        # Named by place and time: a sequence alone may be handed out again.
        identity = f"replay.{letter.sequence}.{letter.time}"
        await publish_proved(client, target, letter.body, {"Nats-Msg-Id": identity})
        await letters.delete(stream, letter)
    return target
