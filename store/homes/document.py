"""Instances and partitions as MongoDB documents, and back.

::

    instances    {_id: "<InstanceID>", name: "host-1", beat: 17, leaving: false, reading: true,
                  schema: 2, address: "<host:port>" | null, version: "1.2.0", started: <seconds>}
    partitions   {_id: 0 to 63, home: "<InstanceID>" | null, epoch: 3,
                  position: {sequence: 1207, timestamp: <nanoseconds>, log: "<creation>"},
                  schema: 2,
                  ends: {homes: 2, position: 1207, times: 1, suspect: {first: 1208, last: {...}},
                         in_hand: {first: 1208, last: {...}}}}

``ends`` is there only where homes have ended, and not in order (``actors.rules.ends``); a ``last``
has the form of a position. An older version leaves it as it was: with the position, it goes out of
date by itself.

``schema`` of an instance is the newest form of checkpoints that it reads, of a partition the newest
that one of its homes has written: raised as it is claimed, before anything is.

Others rely on ``partitions``, and on ``_id``, ``name``, ``beat`` and ``leaving`` of ``instances``.
Fields that are not known are ignored, and kept, also those of a position; but for an instance's own
document, which it writes whole.

**What a person's shell has damaged.** It writes doubles where it is not told, which are taken for
the whole numbers that they are. An instance without an id or a beat is taken for absent: if it
lives, its next beat writes it anew. A partition that is missing, or that does not say whose it is
and how far, is *mended*: it becomes nobody's, with its position if that is whole, else to be read
from the log's beginning, which costs time and loses nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actors.rules.ends import NO_ENDS, Ends, Stretch
from actors.rules.partitions import PARTITIONS, Instance, InstanceID, Partition
from actors.rules.positions import BEGIN, Place

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_FIRST_SCHEMA = 2
"""Of checkpoints, when there were instances first: what one that says nothing can read."""
_WHOLE_MAX = 2**62
_EXACT_DOUBLE_MAX = 2**53


def from_instance(instance: Instance) -> dict[str, Any]:
    """Return an instance's document."""
    return {
        "_id": instance.instance_id,
        "name": instance.name,
        "beat": instance.beat,
        "leaving": instance.leaving,
        "reading": instance.reading,
        "schema": instance.schema,
        "address": instance.address,
        "version": instance.version,
        "started": instance.started_at_s,
    }


def to_instance(document: Mapping[str, Any]) -> Instance | None:
    """Return the instance that a document describes; None for one that is none."""
    instance_id, beat = document.get("_id"), _whole(document.get("beat"))
    if not isinstance(instance_id, str) or not instance_id or beat is None:
        return None
    schema, started_at_s = _whole(document.get("schema")), _whole(document.get("started"))
    address = document.get("address")
    return Instance(
        InstanceID(instance_id),
        _text(document.get("name")),
        beat,
        leaving=document.get("leaving") is True,
        reading=document.get("reading", True) is True,
        schema=_FIRST_SCHEMA if schema is None else schema,
        address=address if isinstance(address, str) else None,
        version=_text(document.get("version")),
        started_at_s=started_at_s or 0,
    )


def from_position(position: Place) -> dict[str, Any]:
    """Return a position as a partition's document has it."""
    sequence, timestamp_ns, log = position
    return {"sequence": sequence, "timestamp": timestamp_ns, "log": log}


def to_moving(position: Place) -> dict[str, Any]:
    """Return what to set where there is a position; what else is in it stays."""
    return {f"position.{name}": value for name, value in from_position(position).items()}


def from_stretch(stretch: Stretch) -> dict[str, Any]:
    """Return a stretch of the log as what is in hand has it."""
    return {"first": stretch.first, "last": from_position(stretch.last)}


def from_ends(ends: Ends) -> dict[str, Any]:
    """Return what is known of ends as a partition's document has it."""
    document: dict[str, Any] = {
        "homes": ends.homes,
        "position": ends.position,
        "times": ends.times,
    }
    for name, stretch in (("suspect", ends.suspect), ("in_hand", ends.in_hand)):
        if stretch is not None:
            document[name] = from_stretch(stretch)
    return document


def to_partition(document: Mapping[str, Any]) -> Partition | None:
    """Return the partition that a document describes; None for one that is damaged or none."""
    number, epoch = _number(document), _whole(document.get("epoch"))
    home, position = document.get("home"), _to_position(document.get("position"))
    if number is None or epoch is None or position is None:
        return None
    if home is None:
        return Partition(number, None, epoch, position, _to_ends(document.get("ends")))
    if not isinstance(home, str) or not home:
        return None
    ends = _to_ends(document.get("ends"))
    return Partition(number, InstanceID(home), epoch, position, ends)


def schema_of(documents: Iterable[Mapping[str, Any]]) -> int:
    """Return the newest form of checkpoints that the homes of partitions may have written."""
    return max((_whole(document.get("schema")) or 0 for document in documents), default=0)


def to_mendings(
    documents: Iterable[Mapping[str, Any]], made_at_s: int
) -> dict[int, dict[str, Any]]:
    """Return a statement for each partition that is missing or damaged, by its number.

    ``made_at_s`` is the time: the epoch of a partition of which no epoch is known any more, for
    that counts from zero and must not come by one again that was.
    """
    by_number = {_number(document): document for document in documents}
    unknown_epoch = made_at_s if any(number is not None for number in by_number) else 0
    mendings = {}
    for number in range(PARTITIONS):
        document = by_number.get(number)
        if document is None:
            mendings[number] = _making(number, unknown_epoch)
        elif to_partition(document) is None:
            mendings[number] = _mending(document, unknown_epoch)
    return mendings


def _making(number: int, epoch: int) -> dict[str, Any]:
    made = {"home": None, "epoch": epoch, "position": from_position(BEGIN)}
    return {"q": {"_id": number}, "u": {"$setOnInsert": made}, "upsert": True}


def _mending(document: Mapping[str, Any], unknown_epoch: int) -> dict[str, Any]:
    # Only if it still is what was read: somebody else may have mended it, and moved it on.
    found: dict[str, Any] = {"_id": document["_id"]}
    for name in ("home", "epoch", "position"):
        found[name] = {"$eq": document[name]} if name in document else {"$exists": False}
    epoch = _whole(document.get("epoch"))
    mended: dict[str, Any] = {
        "home": None,
        "epoch": unknown_epoch if epoch is None else epoch + 1,
    }
    if _to_position(document.get("position")) is None:
        mended["position"] = from_position(BEGIN)
    return {"q": found, "u": {"$set": mended}}


def _number(document: Mapping[str, Any]) -> int | None:
    number = _whole(document.get("_id"))
    return number if number is not None and number < PARTITIONS else None


def _to_position(stored: Any) -> Place | None:
    if not isinstance(stored, dict):
        return None
    sequence, timestamp_ns = _whole(stored.get("sequence")), _whole(stored.get("timestamp"))
    log = stored.get("log", "")
    if sequence is None or timestamp_ns is None or not isinstance(log, str):
        return None
    return Place(sequence, timestamp_ns, log)


def _to_ends(stored: Any) -> Ends:
    """Return what is known of ends: nothing, where it is damaged."""
    if not isinstance(stored, dict):
        return NO_ENDS
    homes, position, times = (
        _whole(stored.get(name)) or 0 for name in ("homes", "position", "times")
    )
    suspect, in_hand = _to_stretch(stored.get("suspect")), _to_stretch(stored.get("in_hand"))
    return Ends(homes, position, suspect, times if suspect else 0, in_hand)


def _to_stretch(stored: Any) -> Stretch | None:
    if not isinstance(stored, dict):
        return None
    first, last = _whole(stored.get("first")), _to_position(stored.get("last"))
    return None if first is None or last is None else Stretch(first, last)


def _whole(value: Any) -> int | None:
    """Return a count that was stored exactly, whatever its type; None for anything else."""
    if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT_DOUBLE_MAX:
        return int(value) if value >= 0 else None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < _WHOLE_MAX:
        return None
    return int(value)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
