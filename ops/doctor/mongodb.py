"""Examining MongoDB: deployment, permissions, collection, clock, disk. Changes nothing."""

from __future__ import annotations

from datetime import UTC
from time import time
from typing import TYPE_CHECKING, Any

from pymongo.errors import OperationFailure, PyMongoError

from ops.doctor.findings import Finding, away, note, ok, on_clock, on_disk, risk
from store.client import blocking_client_for, describe
from store.homes.mongo import INSTANCES, LAYOUT, PARTITIONS_COLLECTION
from store.users.fence import stands
from store.users.mongo import COLLECTION

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pymongo import MongoClient

    from store.settings import StoreSettings

_ACTIONS = {
    COLLECTION: ("find", "insert", "update", "remove", "collMod", "listCollections"),
    PARTITIONS_COLLECTION: ("find", "insert", "update"),
    INSTANCES: ("find", "insert", "update", "remove"),
    LAYOUT: ("find", "insert", "update"),
}
"""What the service does with each collection; the list of docs/security.md."""


def examine_mongodb(settings: StoreSettings) -> Iterator[Finding]:
    """Yield what there is to say of the deployment; blocks. Raises ``SettingsError``."""
    client = blocking_client_for(settings)
    try:
        asked_s = time()
        hello = client.admin.command("hello")
        answered_s = time()
        yield ok("mongodb", f"connected, version {client.server_info()['version']}")
        # pymongo gives the time in UTC, without saying so.
        server_s = hello["localTime"].replace(tzinfo=UTC).timestamp()
        skew_s = server_s - (asked_s + answered_s) / 2
        yield on_clock("mongodb", skew_s, (answered_s - asked_s) / 2 + 0.001)
        yield from _on_copies(hello)
        yield from _on_engine(client)
        yield from _on_permissions(client, settings.database)
        yield from _on_collection(client, settings.database)
        yield from _on_disk(client, settings.database)
    except PyMongoError as error:
        yield away("mongodb", describe(error), "see MONGODB_URI, and whether it runs")
    finally:
        client.close()


def _on_copies(hello: dict[str, Any]) -> Iterator[Finding]:
    if hello.get("msg") == "isdbgrid":
        yield ok("mongodb", "a sharded cluster; saves are w: majority, journaled")
        return
    members = len(hello.get("hosts", ()))
    if members >= 3:
        yield ok("mongodb", f"a replica set of {members}; saves are w: majority, journaled")
        return
    kind = f"a replica set of {members}" if hello.get("setName") else "a single server"
    yield note(
        "mongodb",
        f"{kind}: saves are journaled, and a lost disk loses them",
        "a replica set of three, named in MONGODB_URI with replicaSet=",
    )


def _on_engine(client: MongoClient[dict[str, Any]]) -> Iterator[Finding]:
    try:
        engine = client.admin.command("serverStatus")["storageEngine"]
    except (OperationFailure, KeyError):
        yield note("mongodb", "does not tell its storage engine", "grant clusterMonitor to see it")
        return
    if not engine.get("persistent", True):
        yield risk("mongodb", f"the {engine['name']} engine keeps nothing", "use wiredTiger")
    else:
        yield ok("mongodb", f"stores with {engine['name']}")


def _on_permissions(client: MongoClient[dict[str, Any]], database: str) -> Iterator[Finding]:
    said = client.admin.command({"connectionStatus": 1, "showPrivileges": True})["authInfo"]
    if not said["authenticatedUsers"]:
        yield note(
            "mongodb",
            "asks for no password: whoever reaches it can change what was told",
            "enable authorization, unless only trusted machines reach it",
        )
        return
    refused = False
    for collection, actions in _ACTIONS.items():
        granted = _granted(said["authenticatedUserPrivileges"], database, collection)
        missing = [action for action in actions if action not in granted]
        if missing:
            refused = True
            yield risk(
                "mongodb",
                f"our user lacks {', '.join(missing)} on {database}.{collection}",
                "grant what docs/security.md lists",
            )
    if not refused:
        yield ok("mongodb", "allows our user what the service does")


def _granted(privileges: Sequence[Mapping[str, Any]], database: str, collection: str) -> set[str]:
    granted: set[str] = set()
    for privilege in privileges:
        resource = privilege["resource"]
        if resource.get("anyResource") or (
            resource.get("db") in ("", database) and resource.get("collection") in ("", collection)
        ):
            granted.update(privilege["actions"])
    return granted


def _on_collection(client: MongoClient[dict[str, Any]], database: str) -> Iterator[Finding]:
    about = f"collection {database}.{COLLECTION}"
    known = next(client[database].list_collections(filter={"name": COLLECTION}), None)
    if known is None:
        yield note(about, "is not there", "the service creates it when it starts")
    elif not stands(known["options"]):
        yield risk(
            about,
            "lacks the validator that keeps two processes from overwriting each other",
            "start the service, which sets it",
        )
    else:
        count = client[database][COLLECTION].estimated_document_count()
        yield ok(about, f"fenced; {count} users")


def _on_disk(client: MongoClient[dict[str, Any]], database: str) -> Iterator[Finding]:
    try:
        stats = client[database].command("dbStats")
    except OperationFailure:
        return  # not granted, and not needed
    used, total = stats.get("fsUsedSize"), stats.get("fsTotalSize")
    if used and total:
        yield on_disk("mongodb", used / total)
