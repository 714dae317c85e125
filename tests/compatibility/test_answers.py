"""Versions that ask each other: whoever is asked, all of them are in the answer."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

import pytest

from actors.rules.alarms import UserID
from actors.rules.partitions import partition_of
from ops.inquiries.asking import ask_for_user
from ops.inquiries.form import ShowInquiry
from ops.users.report import Source
from ops.version import VERSION
from tests.compatibility.versions import NEWER_VERSION

if TYPE_CHECKING:
    from tests.compatibility.conftest import Versions
    from tests.deployment import Deployment

LEASE_S = 2
ASKED = 30


def users_at_home(deployment: Deployment) -> dict[str, UserID]:
    """Return a user at home at each instance, by the instance's id."""
    with deployment.collection("partitions") as partitions:
        home_of = {one["_id"]: one["home"] for one in partitions.find()}
    found: dict[str, UserID] = {}
    users = (UserID(f"user-{number}") for number in count())
    while len(found) < len(set(home_of.values())):
        user = next(users)
        found.setdefault(home_of[partition_of(user)], user)
    return found


def asked(version: Deployment, users: list[UserID]) -> None:
    """Ask with a version's commands: for all users, and for one."""
    listed = version.command("user", "list", "--live", "--json").json_lines
    assert sorted(line["user_id"] for line in listed) == sorted(users)
    assert {(line["source"], line["known"], line["due"]) for line in listed} == {("live", 1, 1)}
    shown = version.command("user", "show", users[0], "--json").json
    assert (shown["user_id"], shown["source"], shown["due"]) == (users[0], "live", 1)
    assert [alarm["alarm_id"] for alarm in shown["alarms"]] == ["a"]


@pytest.mark.long
async def test_every_version_shows_the_users_of_every_other(versions: Versions) -> None:
    """Whichever instance is asked, it asks where the user is at home, and reads what is said."""
    present = versions.present
    services = [version.start(LEASE=LEASE_S) for version in versions]
    async with present.broker() as broker:
        await broker.shared(21, 21, 22)
        users = users_at_home(present)
        for user in users.values():
            await broker.event(user, "a")
        await broker.settled()
        for version in versions:
            asked(version, [*users.values()])
        # Which instance is asked is the server's choice: often enough each, for each.
        for user in [*users.values()] * ASKED:
            report, why = await ask_for_user(
                broker.client, present.names.consumer, ShowInquiry(user)
            )
            assert report is not None, why
            assert (report.user_id, report.source, report.due) == (user, Source.LIVE, 1)
            assert report.note is None
    shown = present.command("members", "--json", LEASE=LEASE_S).json["instances"]
    assert [one["state"] for one in shown] == ["up"] * 3
    figures = {one["version"]: one["waiting"] for one in shown}
    assert figures == {"": None, VERSION: 0, NEWER_VERSION: 0}
    examined = present.command("doctor", LEASE=LEASE_S)
    assert "3 running" in examined.text + examined.stderr
    assert [service.terminate() for service in services] == [0] * 3
    assert [service.complaints() for service in services] == [set()] * 3
