"""How the users are laid out: what all instances of a deployment must agree on.

::

    layout    {_id: "layout", schema: 1, partitions: 64, hash: "crc32",
               streams: {"<escaped name>": "<creation>"}}

Made once. ``streams`` are those that the service has made, and may therefore purge: a stream of
the same name that was created at another time is somebody else's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actors.errors import SettingsError
from actors.rules.partitions import PARTITIONS
from store.field_names import escape_field_name, unescape_field_name

if TYPE_CHECKING:
    from collections.abc import Mapping

LAYOUT_ID = "layout"

SCHEMA = 1
"""Of this document and of those in ``store.homes.document``; raised by one whenever an older
version could not work with what is written."""

HASH = "crc32"
"""Names ``actors.rules.partitions.partition_of``."""

_FIXED: dict[str, Any] = {"schema": SCHEMA, "partitions": PARTITIONS, "hash": HASH}


def to_making() -> dict[str, Any]:
    """Return the statement that makes the layout where there is none."""
    return {"q": {"_id": LAYOUT_ID}, "u": {"$setOnInsert": _FIXED}, "upsert": True}


def to_noting(stream: str, created: str) -> dict[str, Any]:
    """Return the statement that notes a stream that the service has made."""
    note = {f"streams.{escape_field_name(stream)}": created}
    return {
        "q": {"_id": LAYOUT_ID},
        "u": {"$setOnInsert": _FIXED, "$set": note},
        "upsert": True,
    }


def check_layout(document: Mapping[str, Any], collection: str) -> None:
    """Raise ``SettingsError`` unless this version works with that layout."""
    where = f"MONGODB_DATABASE: {collection} has"
    schema, number, named = (document.get(name) for name in ("schema", "partitions", "hash"))
    if not isinstance(schema, int | float):
        schema = 0
    if schema > SCHEMA:
        raise SettingsError(
            f"{where} schema {schema:g}, this version reads up to {SCHEMA}: "
            "run the version that wrote it, or name another database"
        )
    if (number, named) != (PARTITIONS, HASH):
        raise SettingsError(
            f"{where} {number!r} partitions by {named!r}, this version works with {PARTITIONS} by "
            f"{HASH!r}: run the version that made it, or name another database"
        )
    # Not a number, too, is neither above nor at least one.
    if not schema >= 1 or not isinstance(document.get("streams", {}), dict):
        raise SettingsError(
            f"{where} a damaged document {LAYOUT_ID!r}: remove it, the next start makes it anew"
        )


def to_streams(document: Mapping[str, Any] | None) -> dict[str, str]:
    """Return the creation of each stream that the service has made, by the stream's name."""
    stored = {} if document is None else document.get("streams", {})
    if not isinstance(stored, dict):
        return {}
    return {
        unescape_field_name(name): created
        for name, created in stored.items()
        if isinstance(created, str)
    }
