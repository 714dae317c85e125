"""What is said of MongoDB, by what its commands answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import pytest
from pymongo.errors import OperationFailure

from ops.doctor.findings import Finding, Level
from ops.doctor.mongodb import (
    _ACTIONS,
    _on_collection,
    _on_copies,
    _on_disk,
    _on_engine,
    _on_permissions,
)
from store.users.document import FENCE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pymongo import MongoClient


@dataclass
class Database:
    """A client whose databases answer by the command's name; None refuses it."""

    answers: dict[str, Mapping[str, Any] | None] = field(default_factory=dict)
    options: Mapping[str, Any] | None = None
    """Of the collection; None while there is none."""

    @property
    def client(self) -> MongoClient[dict[str, Any]]:
        """It, as what it stands for."""
        return cast("MongoClient[dict[str, Any]]", self)

    @property
    def admin(self) -> Database:
        """See ``MongoClient``."""
        return self

    def __getitem__(self, name: str) -> Database:
        return self

    def command(self, command: str | Mapping[str, Any]) -> Mapping[str, Any]:
        """Answer, or refuse."""
        answer = self.answers[command if isinstance(command, str) else next(iter(command))]
        if answer is None:
            raise OperationFailure("not authorized")
        return answer

    def list_collections(self, filter: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:  # noqa: A002  # pymongo's
        """See ``pymongo.database.Database``."""
        del filter
        return iter([] if self.options is None else [{"options": self.options}])

    def estimated_document_count(self) -> int:
        """See ``Collection``."""
        return 7


def brief(finding: Finding) -> tuple[Level, str]:
    """Return how bad it is, and what it is."""
    assert finding.mend is not None or finding.level in (Level.OK, Level.NOTE)
    return finding.level, finding.says


@pytest.mark.parametrize(
    ("hello", "level", "words"),
    [
        ({"msg": "isdbgrid"}, Level.OK, "sharded"),
        ({"setName": "rs", "hosts": ["a", "b", "c"]}, Level.OK, "a replica set of 3"),
        ({"setName": "rs", "hosts": ["a"]}, Level.NOTE, "a replica set of 1"),
        ({}, Level.NOTE, "a single server"),
    ],
)
def test_copies_are_what_keeps_saves(hello: dict[str, Any], level: Level, words: str) -> None:
    """Three of them, or a note."""
    (finding,) = _on_copies(hello)
    assert finding.level is level
    assert words in finding.says


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ({"storageEngine": {"name": "wiredTiger"}}, (Level.OK, "stores with wiredTiger")),
        (
            {"storageEngine": {"name": "ephemeral", "persistent": False}},
            (Level.RISK, "the ephemeral engine keeps nothing"),
        ),
        ({}, (Level.NOTE, "does not tell its storage engine")),
        (None, (Level.NOTE, "does not tell its storage engine")),
    ],
)
def test_an_engine_that_keeps_nothing_is_a_risk(
    status: dict[str, Any] | None, expected: tuple[Level, str]
) -> None:
    """Who may not see which it is is told so."""
    (finding,) = _on_engine(Database({"serverStatus": status}).client)
    assert brief(finding) == expected


def privileges(*of: tuple[dict[str, Any], list[str]]) -> Database:
    """Return a database whose user may do these actions on these resources."""
    granted = [{"resource": resource, "actions": actions} for resource, actions in of]
    said = {"authenticatedUsers": [{"user": "u"}], "authenticatedUserPrivileges": granted}
    return Database({"connectionStatus": {"authInfo": said}})


ALL = sorted({action for actions in _ACTIONS.values() for action in actions})


@pytest.mark.parametrize(
    "resource",
    [
        {"anyResource": True},
        {"db": "alarms", "collection": ""},
        {"db": "", "collection": ""},
    ],
)
def test_rights_may_be_granted_on_more_than_is_needed(resource: dict[str, Any]) -> None:
    """An administrator's user works as well."""
    (finding,) = _on_permissions(privileges((resource, ALL)).client, "alarms")
    assert finding.level is Level.OK


def test_rights_elsewhere_do_not_count_and_those_that_lack_are_named() -> None:
    """Collection by collection."""
    database = privileges(
        ({"db": "other", "collection": ""}, ALL),
        ({"db": "alarms", "collection": "other"}, ALL),
        ({"db": "alarms", "collection": "users"}, ["find", "insert", "update", "remove"]),
        ({"db": "alarms", "collection": "layout"}, ALL),
        ({"db": "", "collection": "instances"}, ["find", "insert", "update"]),
    )
    assert [brief(finding) for finding in _on_permissions(database.client, "alarms")] == [
        (Level.RISK, "our user lacks collMod, listCollections on alarms.users"),
        (Level.RISK, "our user lacks find, insert, update on alarms.partitions"),
        (Level.RISK, "our user lacks remove on alarms.instances"),
    ]


def test_a_database_without_passwords_is_noted() -> None:
    """Whoever reaches it can change what was told."""
    open_to_all = Database({"connectionStatus": {"authInfo": {"authenticatedUsers": []}}})
    (finding,) = _on_permissions(open_to_all.client, "alarms")
    assert finding.level is Level.NOTE


@pytest.mark.parametrize(
    ("options", "level"),
    [
        (None, Level.NOTE),
        ({}, Level.RISK),
        ({"validator": {"$expr": True}}, Level.RISK),
        ({"validator": FENCE}, Level.OK),
    ],
)
def test_a_collection_without_its_fence_is_a_risk(
    options: dict[str, Any] | None, level: Level
) -> None:
    """Another validator is none."""
    (finding,) = _on_collection(Database(options=options).client, "alarms")
    assert finding.level is level


@pytest.mark.parametrize(
    ("stats", "levels"),
    [
        ({"fsUsedSize": 95, "fsTotalSize": 100}, [Level.NOTE]),
        ({"fsUsedSize": 50, "fsTotalSize": 100}, [Level.OK]),
        ({}, []),
        (None, []),
    ],
)
def test_a_full_disk_is_noted_where_it_can_be_seen(
    stats: dict[str, Any] | None, levels: list[Level]
) -> None:
    """The right to see it is not needed."""
    found = _on_disk(Database({"dbStats": stats}).client, "alarms")
    assert [finding.level for finding in found] == levels
