"""A checkpoint as a MongoDB document, and back.

::

    {_id: "<UserID>", schema: 2, base: 6, version: 7,
     alarms: {"<bucket>": {"<escaped AlarmID>": [severity, changed_at_ns, told_severity,
                                                 told_at_ns | null, news, heard_at_s]}},
     cursor: {number: 3, answered: [sequence, timestamp_ns, "<log>"], earlier: ["<RequestID>", …]},
     outbox: [{id: "<DigestID>", items: [["<AlarmID>", severity, changed_at_ns], …],
               traceparent: "<trace context>"}, …]}

There only if there is something to say: ``answered``, ``earlier``, the log in ``answered``,
``outbox`` (while digests are owed) and ``traceparent`` (if the request bore one).
Alarms are spread over buckets because MongoDB finds a field by walking over those before it:
adding 30,000 alarms to a user took 9 s without.

**Schema 1** had ``answered: ["<RequestID>", …]`` in place of both, and the one digest that could
be owed in ``outbox``. Each is known by its form and not by ``schema``: a save that does not change
the cursor leaves it as it is under the new number. One that does writes all of it anew.

**Older beside newer.** ``schema`` says whether a version can read a document. One that it can may
hold more than it knows, fields and further places of an alarm, which it ignores and keeps: it
writes fields of the cursor one by one, and behind an alarm what was behind it. It is lost only
where a list is written whole: in ``answered``, in ``outbox`` and what is in it. An alarm that an
older version has changed has its further places as they were before the change, and one that it has
made has none. So a version may add only what it can do without.

**The compare-and-set.** An update names the version it is based on in ``base`` and increments
``version``; the collection's validator, ``FENCE``, admits it only if the two still fit. The filter
is then ``_id`` alone, which MongoDB looks up without planning a query: a save costs half of what
it costs with the version in the filter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from zlib import crc32

from actors.ports import NOTHING_BEYOND, Checkpoint, Unreadable
from actors.rules.alarms import Alarm, AlarmID, Severity, UserID
from actors.rules.digest import NEVER_TOLD, Cursor, Digest, DigestID, DigestItem
from actors.rules.positions import Place
from actors.runtime.tuples import new_tuple
from store.field_names import escape_field_name, unescape_field_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from actors.ports import CheckpointUpdate

SCHEMA = 2
"""Raised by one whenever an older version of this service could not read what is written."""

FENCE: dict[str, Any] = {"$expr": {"$eq": ["$version", {"$add": ["$base", 1]}]}}
"""The collection's validator: the document after an update was at ``base`` before it."""

NOBODY = ""
"""An ``_id`` that no user has."""

_BUCKETS = 64
_ALARM_FIELDS = len(Alarm._fields)

_SEVERITIES = dict(enumerate(Severity))


def path_of(alarm_id: AlarmID) -> str:
    """Return where the alarm is in its user's document."""
    bucket = crc32(alarm_id.encode()) % _BUCKETS
    return f"alarms.{bucket}.{escape_field_name(alarm_id)}"


def to_changes(update: CheckpointUpdate) -> dict[str, Any]:
    """Return the update operators that write what changed, and nothing else."""
    changes = stamp(update)
    removals: dict[str, str] = {}
    change_alarms(update.alarms.items(), update.beyond, changes, removals)
    if update.cursor is not None:
        change_cursor(update.cursor, changes, removals)
    return to_operators(changes, removals or None)


def stamp(update: CheckpointUpdate) -> dict[str, Any]:
    """Return what every update sets: what the fence compares, and the schema."""
    return {"schema": SCHEMA, "base": update.base_version}


def to_operators(changes: Mapping[str, Any], removals: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the update operators that set and remove these fields, and count the save."""
    operators: dict[str, Any] = {"$set": changes, "$inc": {"version": 1}}
    if removals is not None:
        operators["$unset"] = removals
    return operators


def change_alarms(
    alarms: Iterable[tuple[AlarmID, Alarm | None]],
    beyond: Mapping[AlarmID, tuple[object, ...]],
    changes: dict[str, Any],
    removals: dict[str, str],
) -> None:
    """Add to fields to be set and fields to be removed what these alarms have changed."""
    for alarm_id, alarm in alarms:
        if alarm is None:
            removals[path_of(alarm_id)] = ""
        else:
            more = beyond.get(alarm_id)
            changes[path_of(alarm_id)] = (*alarm, *more) if more else alarm


def change_cursor(cursor: Cursor, changes: dict[str, Any], removals: dict[str, str]) -> None:
    """Add what a changed cursor sets and removes, the outbox included."""
    for name, stored in _from_cursor(cursor).items():
        if stored is None:
            removals[name] = ""
        else:
            changes[name] = stored


def _from_cursor(cursor: Cursor) -> dict[str, Any]:
    """Return each field that this version knows; None for one that is not to be there."""
    answered: list[Any] | None = None
    if cursor.answered is not None:
        sequence, timestamp_ns, log = cursor.answered
        answered = [sequence, timestamp_ns, log] if log else [sequence, timestamp_ns]
    return {
        "cursor.number": cursor.number,
        "cursor.answered": answered,
        "cursor.earlier": list(cursor.earlier) or None,
        "outbox": [_from_digest(digest) for digest in cursor.outbox] or None,
    }


def _from_digest(digest: Digest) -> dict[str, Any]:
    stored: dict[str, Any] = {
        "id": digest.digest_id,
        "items": [list(item) for item in digest.items],
    }
    if digest.traceparent is not None:
        stored["traceparent"] = digest.traceparent
    return stored


def to_probe() -> dict[str, Any]:
    """Return the update operators of a save that the fence must refuse, for ``NOBODY``."""
    return {"$set": {"base": 1}, "$inc": {"version": 1}}


def to_checkpoint(document: Mapping[str, Any]) -> Checkpoint | Unreadable:
    """Read a document; one that this version cannot read is ``Unreadable``, with the reason."""
    try:
        if (newer := too_new(document)) is not None:
            return newer
        alarms: dict[AlarmID, Alarm] = {}
        beyond: dict[AlarmID, tuple[object, ...]] = {}
        for bucket in document.get("alarms", {}).values():
            read_alarms(bucket, alarms, beyond)
        return to_whole(document, alarms, beyond)
    except DAMAGE as error:
        return damaged(error)


DAMAGE = (AttributeError, KeyError, TypeError, ValueError)
"""What reading a document raises that is not of the form above."""


def damaged(error: Exception) -> Unreadable:
    """Return what is said of a document that is not of the form above."""
    return Unreadable(f"the checkpoint is damaged: {error!r}")


def too_new(document: Mapping[str, Any]) -> Unreadable | None:
    """Return what is said of a document that only a newer version can read; else None."""
    schema = document["schema"]
    if schema <= SCHEMA:
        return None
    reason = f"the checkpoint has schema {schema}, this version reads up to {SCHEMA}"
    return Unreadable(reason, newer=True)


def read_alarms(
    bucket: Mapping[str, Any],
    alarms: dict[AlarmID, Alarm],
    beyond: dict[AlarmID, tuple[object, ...]],
) -> None:
    """Read the alarms of a bucket, and what is beyond what this version knows of them."""
    for name, stored in bucket.items():
        alarm_id, fields = AlarmID(unescape_field_name(name)), stored
        if len(fields) > _ALARM_FIELDS:
            beyond[alarm_id] = tuple(fields[_ALARM_FIELDS:])
            fields = fields[:_ALARM_FIELDS]
        alarms[alarm_id] = _to_alarm(fields)


def to_whole(
    document: Mapping[str, Any],
    alarms: dict[AlarmID, Alarm],
    beyond: dict[AlarmID, tuple[object, ...]],
) -> Checkpoint:
    """Return a document as a checkpoint, once its alarms are read."""
    version, cursor = _whole(document["version"]), _to_cursor(document)
    return Checkpoint(version, alarms, cursor, beyond or NOTHING_BEYOND)


def _to_alarm(fields: Sequence[Any]) -> Alarm:
    severity, changed_at_ns, told_severity, told_at_ns, news, heard_at_s = fields
    if not (
        isinstance(changed_at_ns, int)
        and (told_at_ns is None or isinstance(told_at_ns, int))
        and isinstance(heard_at_s, int)
    ):
        raise TypeError(f"{fields!r} is not an alarm, whose times are whole numbers")
    told = _SEVERITIES[told_severity]
    alarm = (_SEVERITIES[severity], changed_at_ns, told, told_at_ns, bool(news), heard_at_s)
    return new_tuple(Alarm, alarm)


def _to_cursor(document: Mapping[str, Any]) -> Cursor:
    outbox = _to_outbox(document)
    if "cursor" not in document:
        return Cursor(outbox=outbox) if outbox else NEVER_TOLD
    stored = document["cursor"]
    answered, earlier = stored.get("answered"), stored.get("earlier", ())
    if answered is None:
        place = None
    elif answered and isinstance(answered[0], int):
        place = _to_place(*answered[:3])
    else:
        place, earlier = None, [*answered, *earlier]  # schema 1
    names = tuple(_text(name) for name in earlier)
    return Cursor(_whole(stored["number"]), place, outbox, names)


def _to_place(sequence: Any, timestamp_ns: Any, log: Any = "") -> Place:
    return Place(_whole(sequence), _whole(timestamp_ns), _text(log))


def _to_outbox(document: Mapping[str, Any]) -> tuple[Digest, ...]:
    stored = document.get("outbox")
    if stored is None:
        return ()
    user_id = UserID(document["_id"])
    if isinstance(stored, list):
        return tuple(_to_digest(user_id, digest) for digest in stored)
    return (_to_digest(user_id, stored),)  # schema 1


def _to_digest(user_id: UserID, stored: Mapping[str, Any]) -> Digest:
    items = tuple(_to_item(*fields[:3]) for fields in stored["items"])
    traceparent = stored.get("traceparent")
    if not isinstance(traceparent, str):
        traceparent = None  # none, or damaged, which is no reason not to tell the user
    return Digest(DigestID(_text(stored["id"])), user_id, items, traceparent)


def _to_item(alarm_id: Any, severity: Any, changed_at_ns: Any) -> DigestItem:
    return DigestItem(AlarmID(_text(alarm_id)), _SEVERITIES[severity], _whole(changed_at_ns))


def _whole(value: Any) -> int:
    """Return a number that was stored exactly; a shell writes doubles where it is not told."""
    if not isinstance(value, int):
        raise TypeError(f"{value!r} is not a whole number")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not text")
    return value
