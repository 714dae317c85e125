"""``main.py migrate``: what it says, its exit statuses, and that it lets nobody be in the way."""

from __future__ import annotations

import asyncio
import re
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import nats
import pytest

from actors.rules.partitions import Instance, InstanceID
from store.homes.mongo import MongoHomeStore
from store.settings import StoreSettings
from tests.broker import Names
from tests.deployment import Deployment
from tests.earlier import Earlier
from tests.servers import prepare_nats, running
from tests.service import ROOT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.deployment import Ended

DEFAULTS = [
    *("QUEUE_GROUP", "INPUT_STREAM", "DIGEST_STREAM", "DEAD_LETTER_STREAM"),
    *("ALARM_STATUS_CHANGED_SUBJECT", "SEND_ALARM_DIGEST_SUBJECT"),
    *("ALARM_DIGEST_SUBJECT", "DEAD_LETTER_SUBJECT"),
]


class DefaultNames(Names):
    """Those that the page of permissions has."""

    consumer = "alarm-digester"
    input_stream = "ALARM_INPUT"
    events = "AlarmStatusChanged"
    requests = "SendAlarmDigest"


def block(mark: str) -> str:
    """Return the list of docs/security.md that is marked so."""
    page = (ROOT / "docs" / "security.md").read_text()
    found = re.search(rf"<!-- {mark} -->\n```\n(.*?)```", page, re.DOTALL)
    assert found is not None
    return found[1]


def account(number: int, lacking: str | None) -> str:
    """Return an account with a user of the listed permissions but one, and one who may do all."""
    permissions = block("nats: migrate")
    if lacking is not None:
        permissions = permissions.replace(f'"{lacking}"', '"nothing"')
    return (
        f"A{number}: {{ jetstream: enabled, users: [ "
        f"{{ user: u{number}, password: p, permissions: {{ {permissions} }} }}, "
        f"{{ user: admin{number}, password: p }} ] }}"
    )


@asynccontextmanager
async def earlier(deployment: Deployment) -> AsyncIterator[Earlier]:
    """Connect to where the deployment is."""
    client = await nats.connect(deployment.nats_url)
    try:
        yield Earlier(client, deployment.names)
    finally:
        await client.close()


@asynccontextmanager
async def homes(deployment: Deployment) -> AsyncIterator[MongoHomeStore]:
    """Open the deployment's store of homes."""
    uri = f"{deployment.mongodb_uri}/?serverMonitoringMode=poll"
    store = MongoHomeStore(StoreSettings(uri, deployment.names.database), 5)
    try:
        await store.open()
        yield store
    finally:
        await store.close()


async def run(deployment: Deployment, *options: str, **settings: object) -> Ended:
    """Run the command as one does on either server."""
    arguments = ("migrate", "--producers-stopped", *options)
    return await asyncio.to_thread(deployment.command, *arguments, **settings)


async def test_it_moves_and_says_what_to_set(deployment: Deployment) -> None:
    """The second time there is nothing to do, with status 0 as well."""
    async with earlier(deployment) as layout:
        await layout.create()
        await layout.put(20)
        old = layout.names.input_stream
        ended = await run(deployment, "--json")
        assert ended.status == 0, ended.stderr
        assert (ended.json["stream"], ended.json["moved"]) == (f"{old}_LOG", 20)
        assert f"20 messages moved from {old} to {old}_LOG" in ended.stderr
        assert f"set INPUT_STREAM to {old}_LOG" in ended.stderr
        created = (await layout.api.stream(f"{old}_LOG")).created
    async with homes(deployment) as store:
        assert await store.streams_made() == {f"{old}_LOG": created}
    again = await run(deployment)
    assert (again.status, again.text) == (0, "")
    assert again.stderr == f"nothing to migrate: {old}_LOG is read as a log\n"


async def test_a_consumers_place_becomes_the_position_of_all_partitions(
    deployment: Deployment,
) -> None:
    """On a stream with limits retention of an operator's own."""
    async with earlier(deployment) as layout:
        await layout.create(retention="limits")
        await layout.put(10)
        await layout.take(5, acknowledged=range(5))
        created = (await layout.api.stream(layout.names.input_stream)).created
    ended = await run(deployment)
    assert ended.status == 0, ended.stderr
    assert "is read on from sequence 6" in ended.stderr
    async with homes(deployment) as store:
        positions = {one.position for one in (await store.look()).partitions}
        assert await store.streams_made() == {}
    ((sequence, timestamp_ns, log),) = positions
    assert (sequence, log) == (5, created)
    assert timestamp_ns > 0


async def test_where_there_is_no_stream_it_says_so(deployment: Deployment) -> None:
    """A fresh deployment needs no migration."""
    ended = await run(deployment, "--json")
    assert (ended.status, ended.json["stream"]) == (0, None)
    assert "the service creates it" in ended.stderr


async def test_an_instance_that_gives_signs_of_life_is_refused(deployment: Deployment) -> None:
    """By its name; one that is dead is waited for, and no obstacle."""
    me = Instance(InstanceID("i"), "host-7", 1, False, True, 2, None, "1", 0)  # noqa: FBT003
    async with earlier(deployment) as layout, homes(deployment) as store:
        await layout.create()
        await store.beat(me)
        command = asyncio.create_task(run(deployment, LEASE=3))
        beat = 1
        while not command.done():
            beat += 1
            await store.beat(me._replace(beat=beat))
            await asyncio.sleep(0.2)
        ended = await command
        assert ended.status == 1
        assert "host-7 at work; stop all instances" in ended.stderr
        assert (await layout.api.stream(layout.names.input_stream)).name, "it is still there"
        ended = await run(deployment, LEASE=1)
        assert ended.status == 0, ended.stderr
        assert "watching for 1 s" in ended.stderr


async def test_where_nothing_is_to_be_done_instances_may_run(deployment: Deployment) -> None:
    """Whoever wants to be sure that it was done need not stop anything."""
    me = Instance(InstanceID("i"), "host-7", 1, False, True, 2, None, "1", 0)  # noqa: FBT003
    async with earlier(deployment) as layout, homes(deployment) as store:
        await layout.js.add_stream(
            name=layout.names.input_stream, subjects=[layout.names.events, layout.names.requests]
        )
        await store.beat(me)
        ended = await run(deployment)
    assert ended.status == 0
    assert ended.stderr == f"nothing to migrate: {deployment.names.input_stream} is read as a log\n"


@pytest.mark.needs_nats_2_10
@pytest.mark.timeout(300)  # a dozen processes at a time, each waiting for an answer it never gets
async def test_the_permissions_that_are_listed_for_it_are_enough_and_needed(
    mongodb_uri: str, tmp_path: Path
) -> None:
    """Those of docs/security.md: with all of them it comes through, without any one it fails."""
    listed = re.findall(r'^  "(.*)"$', block("nats: migrate"), re.MULTILINE)
    lacking = [None, *(name for name in listed if not name.startswith("_INBOX"))]
    accounts = "\n".join(account(at, name) for at, name in enumerate(lacking))
    with running(prepare_nats(tmp_path / "nats", f"accounts: {{ {accounts} }}")) as server:

        async def migrated_by(number: int) -> Ended:
            client = await nats.connect(server.url, user=f"admin{number}", password="p")
            layout = Earlier(client, DefaultNames())
            await layout.create()
            await layout.put(5)
            await client.close()
            deployment = Deployment(server.url, mongodb_uri, tmp_path)
            about = {"NATS_USER": f"u{number}", "NATS_PASSWORD": "p"}
            prefix = {"NATS_INBOX_PREFIX": "_INBOX_alarm_digest"}
            return await run(deployment, **dict.fromkeys(DEFAULTS), **about, **prefix)

        complete, *others = await asyncio.gather(*map(migrated_by, range(len(lacking))))
    assert complete.status == 0, complete.stderr
    assert dict(zip(lacking[1:], (one.status for one in others), strict=True)) == dict.fromkeys(
        lacking[1:], 1
    )


async def test_what_it_refuses_is_one_line_and_status_1(deployment: Deployment) -> None:
    """With the mend in it."""
    async with earlier(deployment) as layout:
        await layout.create(retention="interest")
    ended = await run(deployment)
    assert (ended.status, ended.text) == (1, "")
    (line,) = ended.stderr.splitlines()
    assert "--retention limits" in line


async def test_without_mongodb_it_names_the_setting(deployment: Deployment) -> None:
    """Before anything is changed on NATS."""
    async with earlier(deployment) as layout:
        await layout.create()
        ended = await run(deployment, MONGODB_URI="mongodb://127.0.0.1:1")
        assert ended.status == 1
        assert "MONGODB_URI" in ended.stderr
        assert (await layout.api.stream(layout.names.input_stream)).subjects == [
            layout.names.events,
            layout.names.requests,
        ]
