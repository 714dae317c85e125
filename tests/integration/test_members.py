"""Two instances: side by side, and a user shown as it lives, whichever of them is asked."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING, Any

from actors.rules.alarms import UserID
from actors.rules.partitions import PARTITIONS, partition_of
from tests.patience import PATIENCE_S

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.deployment import Deployment

LEASE_S = 2


def eventually(look: Callable[[], Any]) -> Any:
    """Return what is found at last; the command takes its time by itself."""
    deadline_s = time.monotonic() + PATIENCE_S
    while not (found := look()):
        assert time.monotonic() < deadline_s
    return found


def members(deployment: Deployment) -> dict[str, Any]:
    """Return what the command prints."""
    shown = deployment.command("members", "--json", LEASE=LEASE_S)
    assert shown.status == 0, shown.stderr
    found: dict[str, Any] = shown.json
    return found


async def test_two_instances_are_side_by_side_and_so_are_their_users(
    deployment: Deployment,
) -> None:
    """Each says its own figures; a user is at home at one, and lives there."""
    services = [deployment.start(LEASE=LEASE_S) for _ in range(2)]

    def shared() -> dict[str, Any] | None:
        found = members(deployment)
        shares = [len(one["partitions"]) for one in found["instances"]]
        rates = [one["taken_per_s"] for one in found["instances"]]
        if shares == [PARTITIONS // 2] * 2 and None not in rates and not found["moving"]:
            return found
        return None

    found = eventually(shared)
    assert [one["state"] for one in found["instances"]] == ["up", "up"]
    assert all(one["beats"] and one["beat_age_s"] < LEASE_S for one in found["instances"])
    processes = {f"process {service.pid}" for service in services}
    assert {one["name"].partition(", ")[2] for one in found["instances"]} == processes
    home_of = {number: one["name"] for one in found["instances"] for number in one["partitions"]}
    async with deployment.broker() as broker:
        users = [f"user-{number}" for number in range(6)]
        for user in users:
            await broker.event(user, "a", "WARNING")
        await broker.settled()
    assert {home_of[partition_of(UserID(user))] for user in users} == set(home_of.values())
    for user in users:
        report = deployment.command("user", "show", user, "--json").json
        assert (report["source"], report["note"]) == ("live", None)
        assert report["partition"] == partition_of(UserID(user))
        assert report["home"] == report["instance"] == home_of[report["partition"]]
        why = deployment.command("why", user, "a", "--json").json
        assert (why["partition"], why["home"]) == (report["partition"], report["home"])
    printed = deployment.command("members", LEASE=LEASE_S)
    assert "2 of 2 instances at work" in printed.stderr


async def test_users_of_one_that_is_frozen_are_shown_as_stored_until_they_are_taken_over(
    deployment: Deployment,
) -> None:
    """Marked so, and why; then the other is their home."""
    lease_s = 8
    frozen, other = (deployment.start(LEASE=lease_s) for _ in range(2))

    def shown() -> dict[str, dict[str, Any]]:
        found = deployment.command("members", "--json", LEASE=lease_s).json
        return {one["name"].partition(", process ")[2]: one for one in found["instances"]}

    def shared() -> dict[str, dict[str, Any]] | None:
        found = shown()
        shares = [len(one["partitions"]) for one in found.values()]
        return found if shares == [PARTITIONS // 2] * 2 else None

    theirs = eventually(shared)[str(frozen.pid)]["partitions"]
    user = next(
        name
        for name in (f"user-{number}" for number in range(100))
        if partition_of(UserID(name)) in theirs
    )
    async with deployment.broker() as broker:
        await broker.event(user, "a", "WARNING")
        await broker.settled()
    frozen.signal(signal.SIGSTOP)
    try:
        report = deployment.command("user", "show", user, "--json").json
        assert (report["source"], report["due"]) == ("stored", 1)
        # Nobody chose which instance is asked: the frozen one does not answer at all.
        assert "answer" in report["note"]

        def taken_over() -> bool:
            return len(shown()[str(other.pid)]["partitions"]) == PARTITIONS

        assert eventually(taken_over)
        assert shown()[str(frozen.pid)]["state"] == "silent"

        def at_home_again() -> dict[str, Any] | None:
            found: dict[str, Any] = deployment.command("user", "show", user, "--json").json
            return found if found["home"] is not None else None

        assert eventually(at_home_again)["home"].endswith(f"process {other.pid}")
    finally:
        frozen.signal(signal.SIGCONT)
