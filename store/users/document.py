"""A checkpoint as a MongoDB document, and back.

::

    {_id: "<UserID>", schema: 1, base: 6, version: 7,
     alarms: {"<bucket>": {"<escaped AlarmID>": [severity, changed_at_ns, told_severity,
                                                 told_at_ns | null, news, heard_at_s]}},
     cursor: {number: 3, answered: ["<RequestID>", …]},
     outbox: {id: "<DigestID>", items: [["<AlarmID>", severity, changed_at_ns], …],
              traceparent: "<trace context>"}}

``outbox`` is there only while a digest is owed, ``traceparent`` only if the request bore one.
Alarms are spread over buckets because MongoDB finds a field by walking over those before it:
adding 30,000 alarms to a user took 9 s without.

**The compare-and-set.** An update names the version it is based on in ``base`` and increments
``version``; the collection's validator, ``FENCE``, admits it only if the two still fit. The filter
is then ``_id`` alone, which MongoDB looks up without planning a query: a save costs half of what
it costs with the version in the filter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from zlib import crc32

from actors.ports import Checkpoint, Unreadable
from actors.rules.alarms import Alarm, AlarmID, Severity, UserID
from actors.rules.digest import NEVER_TOLD, Cursor, Digest, DigestID, DigestItem, RequestID
from actors.runtime.tuples import new_tuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from actors.ports import CheckpointUpdate

SCHEMA = 1
"""Raised by one whenever an older version of this service could not read what is written."""

FENCE: dict[str, Any] = {"$expr": {"$eq": ["$version", {"$add": ["$base", 1]}]}}
"""The collection's validator: the document after an update was at ``base`` before it."""

NOBODY = ""
"""An ``_id`` that no user has."""

_BUCKETS = 64

_ESCAPES = (("%", "%25"), (".", "%2E"), ("$", "%24"))
_SEVERITIES = dict(enumerate(Severity))


def escape_field_name(alarm_id: AlarmID) -> str:
    """Return the alarm id as a field name: in a path, dots separate and dollars command."""
    name: str = alarm_id
    if "%" not in name and "." not in name and "$" not in name:
        return name
    for char, escape in _ESCAPES:
        name = name.replace(char, escape)
    return name


def unescape_field_name(name: str) -> AlarmID:
    """Return the alarm id that ``escape_field_name`` was given."""
    if "%" not in name:
        return AlarmID(name)
    for char, escape in reversed(_ESCAPES):
        name = name.replace(escape, char)
    return AlarmID(name)


def path_of(alarm_id: AlarmID) -> str:
    """Return where the alarm is in its user's document."""
    bucket = crc32(alarm_id.encode()) % _BUCKETS
    return f"alarms.{bucket}.{escape_field_name(alarm_id)}"


def to_changes(update: CheckpointUpdate) -> dict[str, Any]:
    """Return the update operators that write what changed, and nothing else."""
    changes: dict[str, Any] = {"schema": SCHEMA, "base": update.base_version}
    removals: dict[str, str] = {}
    for alarm_id, alarm in update.alarms.items():
        if alarm is None:
            removals[path_of(alarm_id)] = ""
        else:
            changes[path_of(alarm_id)] = alarm
    cursor = update.cursor
    if cursor is not None:
        changes["cursor"] = {"number": cursor.number, "answered": list(cursor.answered)}
        if cursor.outbox is None:
            removals["outbox"] = ""
        else:
            changes["outbox"] = _from_outbox(cursor.outbox)
    operators: dict[str, Any] = {"$set": changes, "$inc": {"version": 1}}
    if removals:
        operators["$unset"] = removals
    return operators


def _from_outbox(digest: Digest) -> dict[str, Any]:
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
        schema = document["schema"]
        if schema > SCHEMA:
            reason = f"the checkpoint has schema {schema}, this version reads up to {SCHEMA}"
            return Unreadable(reason)
        alarms = {
            unescape_field_name(name): _to_alarm(fields)
            for bucket in document.get("alarms", {}).values()
            for name, fields in bucket.items()
        }
        return Checkpoint(_whole(document["version"]), alarms, _to_cursor(document))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        return Unreadable(f"the checkpoint is damaged: {error!r}")


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
    stored = document.get("cursor")
    if stored is None:
        return NEVER_TOLD
    answered = tuple(RequestID(_text(request_id)) for request_id in stored["answered"])
    return Cursor(_whole(stored["number"]), answered, _to_outbox(document))


def _to_outbox(document: Mapping[str, Any]) -> Digest | None:
    stored = document.get("outbox")
    if stored is None:
        return None
    items = tuple(
        DigestItem(AlarmID(_text(alarm_id)), _SEVERITIES[severity], _whole(changed_at_ns))
        for alarm_id, severity, changed_at_ns in stored["items"]
    )
    traceparent = stored.get("traceparent")
    if not isinstance(traceparent, str):
        traceparent = None  # none, or damaged, which is no reason not to tell the user
    return Digest(DigestID(_text(stored["id"])), UserID(document["_id"]), items, traceparent)


def _whole(value: Any) -> int:
    """Return a number that was stored exactly; a shell writes doubles where it is not told."""
    if not isinstance(value, int):
        raise TypeError(f"{value!r} is not a whole number")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not text")
    return value
