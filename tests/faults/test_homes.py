"""The store of homes on a MongoDB that is killed, stands still, or lets nobody in."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import pytest
from pymongo import MongoClient

from actors.errors import SettingsError, StoreUnavailableError
from actors.rules.partitions import HomePosition, Instance, InstanceID
from actors.rules.positions import Place
from store.homes.mongo import MongoHomeStore
from store.settings import StoreSettings
from tests.servers import paused, prepare_mongodb, running

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ME = InstanceID("me")
INSTANCE = Instance(
    ME,
    "host",
    beat=1,
    leaving=False,
    reading=True,
    schema=2,
    address=None,
    version="1.2.3",
    started_at_s=1,
)
GRACE_S = 1.0
"""What a busy machine may take to notice that a deadline has passed."""


def position(sequence: int) -> list[HomePosition]:
    """Return how far partition 0 is."""
    return [HomePosition(0, 1, Place(sequence, sequence, "log"))]


async def test_what_was_answered_survives_a_kill_of_mongodb(tmp_path: Path) -> None:
    """In the midst of saves: the last one that was answered stands, or one behind it."""
    with running(prepare_mongodb(tmp_path / "mongodb")) as server:
        store = MongoHomeStore(StoreSettings(server.url, "homes"), 20.0)
        answered = 0

        async def save_on_and_on(goal: int, reached: asyncio.Event) -> None:
            nonlocal answered
            while True:
                assert await store.save_positions(ME, position(answered + 1)) == 1
                answered += 1
                if answered == goal:
                    reached.set()

        try:
            for life in range(3):
                await store.open()
                view = await store.look()
                assert view.partitions[0].position.sequence in (answered, answered + 1)
                answered = view.partitions[0].position.sequence
                if life == 0:
                    await store.beat(INSTANCE)
                    await store.claim(ME, view.partitions[:1])
                    await store.note_stream("alarms", "created")
                assert (await store.look()).instances == (INSTANCE,)
                assert (await store.look()).partitions[0].home == ME
                assert await store.streams_made() == {"alarms": "created"}
                reached = asyncio.Event()
                saving = asyncio.create_task(save_on_and_on(answered + 50, reached))
                async with asyncio.timeout(60):
                    await reached.wait()
                # Sends SIGKILL, and waits for the end of a process: this loop goes on meanwhile.
                await asyncio.to_thread(server.child.kill)
                with pytest.raises(StoreUnavailableError):
                    await saving
                await asyncio.to_thread(server.child.start)
        finally:
            await store.close()


async def test_every_call_ends_in_time_while_mongodb_stands_still(tmp_path: Path) -> None:
    """On a connection that was there and on a new one; it works again as soon as MongoDB does."""
    within_s = 1.0
    with running(prepare_mongodb(tmp_path / "mongodb")) as server:
        settings = StoreSettings(server.url, "homes")
        store, fresh = (MongoHomeStore(settings, within_s) for _ in range(2))
        deadline_s = time.monotonic() + 20
        while True:  # the machine may be slower than the deadline
            try:
                await store.open()
                break
            except StoreUnavailableError:
                assert time.monotonic() < deadline_s
        view = await store.look()
        calls: dict[str, Callable[[], Any]] = {
            "beat": lambda: store.beat(INSTANCE),
            "look": store.look,
            "claim": lambda: store.claim(ME, view.partitions),
            "save_positions": lambda: store.save_positions(ME, position(1)),
            "lower": lambda: store.lower(ME, position(1)),
            "free": lambda: store.free(ME, position(1)),
            "rewind": lambda: store.rewind(view.partitions, Place(1, 1)),
            "forget": lambda: store.forget([ME]),
            "made": lambda: store.note_stream("alarms", "created"),
            "streams_made": store.streams_made,
            "open": store.open,
            "open anew": fresh.open,
        }

        async def took_s(call: Callable[[], Any]) -> float:
            began_s = time.monotonic()
            with pytest.raises(StoreUnavailableError):
                await call()
            return time.monotonic() - began_s

        try:
            with paused(server):
                took = {name: await took_s(call) for name, call in calls.items()}
                together = await asyncio.gather(*(took_s(call) for call in calls.values()))
            assert max(took.values()) < within_s + GRACE_S, took
            assert max(together) < within_s + GRACE_S, together
            deadline_s = time.monotonic() + 10
            for again in (store, fresh):
                while True:
                    try:
                        assert len((await again.look()).partitions) == 64
                        break
                    except StoreUnavailableError:
                        assert time.monotonic() < deadline_s
        finally:
            await store.close()
            await fresh.close()


async def every_call(store: MongoHomeStore) -> None:
    """Do all that a store is for."""
    await store.open()
    view = await store.look()
    await store.beat(INSTANCE)
    await store.claim(ME, view.partitions)
    await store.save_positions(ME, position(1))
    await store.lower(ME, position(1))
    await store.free(ME, [position(1)[0]._replace(epoch=2)])
    assert await store.rewind((await store.look()).partitions, Place(1, 1)) == 64
    await store.forget([ME])
    await store.note_stream("alarms", "created")
    assert await store.streams_made() == {"alarms": "created"}


NEEDED = {
    "layout": ["find", "insert", "update"],
    "partitions": ["find", "insert", "update"],
    "instances": ["find", "insert", "update", "remove"],
}
"""As docs/security.md has it."""


@pytest.mark.parametrize("lacking", ["nothing", "everything", "layout", "partitions", "instances"])
async def test_who_is_not_let_in_is_told_at_the_start(tmp_path: Path, lacking: str) -> None:
    """A setting that only a person can mend; in one line, without the password."""
    with running(prepare_mongodb(tmp_path / "mongodb", "--auth")) as server:
        address = server.url.removeprefix("mongodb://")
        with MongoClient[Any](f"{server.url}/?serverMonitoringMode=poll") as client:
            admin = client.admin  # as long as there is no user, whoever is on the machine
            admin.command("createUser", "root", pwd="hunter1", roles=["root"])
        with MongoClient[Any](f"mongodb://root:hunter1@{address}/?authSource=admin") as client:
            client.admin.command(
                "createRole",
                "few",
                privileges=[
                    {"resource": {"db": "homes", "collection": name}, "actions": actions}
                    for name, actions in NEEDED.items()
                    if name != lacking
                ],
                roles=[],
            )
            client.admin.command("createUser", "we", pwd="hunter2", roles=["few"])
        uri = f"mongodb://we:hunter2@{address}/?authSource=admin"
        if lacking == "everything":
            uri = server.url
        store = MongoHomeStore(StoreSettings(uri, "homes"), 20.0)
        try:
            if lacking == "nothing":
                await every_call(store)
                return
            with pytest.raises(SettingsError, match=r"^MONGODB_URI: [^\n]+$") as refused:
                await store.open()
        finally:
            await store.close()
        assert "hunter2" not in str(refused.value)
        if lacking != "everything":
            assert f" on homes.{lacking}: grant" in str(refused.value)
