"""The instances as the console is told of them, by one of them."""

from __future__ import annotations

import orjson
import pytest

from actors.rules.partitions import HomesView, InstanceID
from actors.tally import HomeTally
from ops.web.console.members import ConsoleMembers
from tests.unit.ops.homes.test_members import seen
from tests.unit.ops.homes.views import LEASE_S, instance, partitions
from tests.unit.ops.scripted_client import ScriptedClient, message

A, B = instance("a"), instance("b")
HALF: dict[int, str | None] = dict.fromkeys(range(32), "b")
THEIRS = message(orjson.dumps({"instance_id": "b", "taken_per_s": 7.5, "waiting": 2}))


def console(client: ScriptedClient) -> ConsoleMembers:
    """Return what ``a`` answers, which has seen both."""
    tally = HomeTally(view=HomesView((A, B), partitions(HALF)), watch=seen(A, B))
    own = {"taken_per_s": 3.0, "waiting": 0, "behind_s": 0.0}
    return ConsoleMembers(client.client, "group", InstanceID("a"), LEASE_S, tally, lambda: own)


async def test_this_one_and_the_others_are_side_by_side() -> None:
    """With their figures; its own it knows without asking."""
    answer = orjson.loads(await console(ScriptedClient([THEIRS])).show())
    assert answer["me"] == "a"
    rates = {one["instance_id"]: one["taken_per_s"] for one in answer["instances"]}
    assert rates == {"a": 3.0, "b": 7.5}
    assert [len(one["partitions"]) for one in answer["instances"]] == [32, 32]
    assert answer["moving"] == []


class Gone(ScriptedClient):
    """A connection that is away."""

    async def publish(self, subject: str, payload: bytes, reply: str = "") -> None:
        """See ``ScriptedClient``."""
        del subject, payload, reply
        raise ConnectionResetError


@pytest.mark.parametrize("client", [ScriptedClient(), Gone()])
async def test_others_that_do_not_answer_are_shown_without_figures(client: ScriptedClient) -> None:
    """Who is up and who has what is known from MongoDB."""
    answer = orjson.loads(await console(client).show())
    a, b = answer["instances"]
    assert (a["taken_per_s"], b["taken_per_s"]) == (3.0, None)
    assert (a["state"], b["state"]) == ("up", "up")
