"""Finding the streams that concern a migration: what it has to do follows from them alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from bus.errors import MigrationRefusedError
from bus.streams.marks import MOVING_DESCRIPTION, marks_of
from bus.streams.risks import obstacle_of_split

if TYPE_CHECKING:
    from bus.settings import BusSettings
    from bus.streams.api import JetStreamAPI, StreamFacts


class Found(NamedTuple):
    """The streams that concern a migration, as they are now."""

    old: StreamFacts | None
    new: StreamFacts | None
    log: StreamFacts | None
    """An input stream that is a log already, with nothing to be moved into it."""


async def find_streams(api: JetStreamAPI, settings: BusSettings) -> Found:
    """Look for them. Raises ``MigrationRefusedError`` and ``nats.errors.Error``."""
    inputs, marks = settings.subjects.inputs, marks_of(settings.subjects)
    found = {subject: await api.stream_of(subject) for subject in inputs}
    split = obstacle_of_split(found)
    if split is not None:
        raise MigrationRefusedError(f"{split.what}; {split.mend}")
    left = await _stream_of(api, marks.left)
    filled = await _stream_of(api, marks.into(inputs[0]))
    name = found[inputs[0]]
    if name is None:
        return Found(left, filled, None)
    facts = await api.stream(name)
    retention = facts.settings["retention"]
    if retention == "workqueue":
        return Found(facts, filled, None)
    if retention != "limits":
        raise MigrationRefusedError(
            f"stream {name} has {retention} retention; nats stream edit {name} --retention "
            "limits, then run this again"
        )
    moving = facts.settings.get("description") == MOVING_DESCRIPTION
    return Found(left, facts, None) if left or moving else Found(None, None, facts)


async def _stream_of(api: JetStreamAPI, subject: str) -> StreamFacts | None:
    name = await api.stream_of(subject)
    return None if name is None else await api.stream(name)
