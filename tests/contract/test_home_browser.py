"""What people are shown of homes is what is stored; looking changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from actors.errors import StoreUnavailableError
from actors.rules.partitions import PARTITIONS, Instance, InstanceID
from store.homes.browsing import HomeBrowser
from store.settings import StoreSettings
from tests.contract.conftest import HOMES_DATABASE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pymongo.database import Database

    from tests.contract.conftest import HomeStores

ME = Instance(InstanceID("a"), "host", 3, False, True, 2, None, "1", 7)  # noqa: FBT003 a row


@pytest.fixture
def browser(mongodb_uri: str) -> Iterator[HomeBrowser]:
    """A browser of the suite's database."""
    uri = f"{mongodb_uri}/?serverMonitoringMode=poll"
    with HomeBrowser(StoreSettings(uri, HOMES_DATABASE)) as opened:
        yield opened


def test_before_the_first_start_nothing_is_made_by_looking(
    homes_shell: Database[Any], browser: HomeBrowser
) -> None:
    """Nor is it damage."""
    found = browser.look()
    assert not found.made
    assert (found.layout_problem, found.view.instances) == (None, ())
    assert homes_shell["partitions"].count_documents({}) == 0


@pytest.mark.parametrize("homes", ["mongo"], indirect=True)
async def test_it_shows_what_the_store_shows(
    homes: HomeStores, homes_shell: Database[Any], browser: HomeBrowser
) -> None:
    """And what is damaged it leaves as it is."""
    async with homes() as (store, _):
        await store.beat(ME)
        view = await store.look()
        await store.claim(ME.instance_id, view.partitions[:3])
        assert browser.look().view == await store.look()
        assert browser.look().made
    homes_shell["partitions"].update_one({"_id": 5}, {"$set": {"position": "x"}})
    homes_shell["partitions"].delete_one({"_id": 6})
    homes_shell["instances"].insert_one({"_id": "none"})
    found = browser.look()
    assert (found.damaged, found.damaged_instances) == ((5, 6), 1)
    assert len(found.view.partitions) == PARTITIONS - 2
    assert homes_shell["partitions"].find_one({"_id": 5}, {"position": 1}) == {
        "_id": 5,
        "position": "x",
    }
    homes_shell["layout"].update_one({"_id": "layout"}, {"$set": {"partitions": 32}})
    assert "32 partitions" in (browser.look().layout_problem or "")


def test_a_database_that_does_not_answer_is_said_to_be_away() -> None:
    """In time."""
    uri = "mongodb://127.0.0.1:9/?serverSelectionTimeoutMS=200&serverMonitoringMode=poll"
    with HomeBrowser(StoreSettings(uri)) as browser, pytest.raises(StoreUnavailableError):
        browser.look()
