"""``user show``, ``user list`` and ``why`` against a live service."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ops.safe_text import safe_text

if TYPE_CHECKING:
    from tests.deployment import Deployment

HOSTILE = "a.b$c\x1b[31m\n🔥 [b]"
AT = "2021-06-07T20:40:15.598765212Z"


async def filled(deployment: Deployment) -> None:
    """Have a service hold a user who was told of one alarm and not yet of another, and others."""
    async with deployment.broker() as broker:
        await broker.event(HOSTILE, HOSTILE, "WARNING", AT)
        await broker.request(HOSTILE)
        await broker.next_digest()
        await broker.event(HOSTILE, "new", "CRITICAL", "2021-06-07T21:00:00Z")
        await broker.event(HOSTILE, "gone", "CLEARED", "2021-06-07T21:00:00Z")
        for number in range(3):
            await broker.event("busy", f"alarm-{number}")
        await broker.event("calm", "alarm", "CLEARED")
        await broker.settled()


async def test_a_user_is_shown_with_what_was_told_and_what_is_due(deployment: Deployment) -> None:
    """As JSON, exact to the nanosecond and the character."""
    deployment.start()
    await filled(deployment)
    shown = deployment.command("user", "show", HOSTILE, "--json")
    assert (shown.status, shown.stderr) == (0, "")
    user = shown.json
    assert user["user_id"] == HOSTILE
    assert (user["known"], user["active"], user["due"], user["digests"]) == (3, 2, 1, 1)
    assert user["owed"] is None
    new, told, gone = user["alarms"]
    assert (new["alarm_id"], new["due"], new["reason"]) == ("new", True, "never_told")
    assert (told["alarm_id"], told["told_status"], told["told_at"]) == (HOSTILE, "WARNING", AT)
    assert (told["due"], told["reason"]) == (False, "already_told")
    assert (gone["status"], gone["due"], gone["reason"]) == ("CLEARED", False, "cleared")


async def test_people_see_a_table_that_commands_no_terminal(deployment: Deployment) -> None:
    """The escape character arrives as text, and a limited list says so."""
    deployment.start()
    await filled(deployment)
    shown = deployment.command("user", "show", HOSTILE, "--limit", "2")
    assert shown.status == 0
    assert safe_text(HOSTILE) in shown.text
    assert "\x1b" not in shown.text
    assert "3 known, 2 active, 1 due" in shown.text
    assert "2 of 3 alarms" in shown.stderr


async def test_users_are_listed_by_what_is_due_page_by_page(deployment: Deployment) -> None:
    """The count is that of the rules, done by the database."""
    deployment.start()
    await filled(deployment)
    listed = deployment.command("user", "list", "--json")
    assert listed.status == 0
    numbers = [(user["user_id"], user["due"], user["active"]) for user in listed.json_lines]
    assert numbers == [("busy", 3, 3), (HOSTILE, 1, 2), ("calm", 0, 0)]
    second = deployment.command("user", "list", "--json", "--limit", "1", "--page", "2")
    assert [user["user_id"] for user in second.json_lines] == [HOSTILE]
    table = deployment.command("user", "list")
    assert [line.split()[0] for line in table.text.splitlines()][:2] == ["USER", "busy"]
    assert "\x1b" not in table.text


async def test_why_tells_the_reason_whichever_it_is(deployment: Deployment) -> None:
    """Exit status 0: the question was answered."""
    deployment.start()
    await filled(deployment)
    told = deployment.command("why", HOSTILE, HOSTILE)
    assert told.status == 0
    assert "It is no news: it was told as WARNING" in told.text
    due = deployment.command("why", HOSTILE, "new", "--json")
    assert due.status == 0
    assert due.json["alarm"]["due"] is True


@pytest.mark.parametrize("command", [("user", "show", "nobody"), ("why", "nobody", "nothing")])
def test_what_is_not_known_ends_with_status_3(
    deployment: Deployment, command: tuple[str, ...]
) -> None:
    """And says so in one line; JSON stays one document."""
    deployment.start()
    ended = deployment.command(*command)
    assert ended.status == 3
    assert "nothing is known" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
    as_json = deployment.command(*command, "--json")
    assert as_json.status == 3
    assert as_json.json["user_id"] == "nobody"


@pytest.mark.parametrize("command", [("user", "show", "2"), ("user", "list"), ("why", "2", "a")])
def test_without_mongodb_a_command_ends_with_status_1(
    deployment: Deployment, command: tuple[str, ...]
) -> None:
    """One line that names the setting, and no password."""
    uri = "mongodb://alice:hunter2@127.0.0.1:1/?serverSelectionTimeoutMS=300"
    ended = deployment.command(*command, MONGODB_URI=uri)
    assert (ended.status, ended.text) == (1, "")
    (line,) = ended.stderr.splitlines()
    assert "MONGODB_URI" in line
    assert "hunter2" not in line
