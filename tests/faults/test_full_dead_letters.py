"""A dead-letter stream that is full: what can be read is served, and it is said what waits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nats.js.api import DiscardPolicy

from actors.rules.alarms import UserID
from actors.rules.partitions import partition_of
from tests.probes import ANY_PORT, monitoring

if TYPE_CHECKING:
    from tests.broker import Broker
    from tests.deployment import Deployment

WINDOW = 400
SHARE = WINDOW // 2
USERS = [f"user-{number}" for number in range(200)]
OF_PARTITION_0 = next(f"u{n}" for n in range(999) if partition_of(UserID(f"u{n}")) == 0)


async def limit(broker: Broker, letters: int) -> None:
    """Have the dead-letter stream refuse what exceeds so many; -1 for no limit."""
    info = await broker.js.stream_info(broker.names.dead_letter_stream)
    info.config.max_msgs = letters
    info.config.discard = DiscardPolicy.NEW
    await broker.js.update_stream(info.config)


async def served(broker: Broker, alarm: str) -> None:
    """Raise an alarm of each user but those of partition 0, and have each told of it."""
    others = [user for user in USERS if partition_of(UserID(user)) != 0]
    for user in others:
        await broker.event(user, alarm)
        await broker.request(user)
    told = [await broker.next_digest() for _ in others]
    assert {digest["UserID"] for digest in told} == set(others)
    assert {alarm["AlarmID"] for digest in told for alarm in digest["ActiveAlarms"]} == {alarm}


async def test_a_full_dead_letter_stream_stops_nobody_who_can_be_read(
    deployment: Deployment,
) -> None:
    """With nine times the share of rejected messages: before, nothing was read any more.

    Nothing said so; and once there was room each letter had been tried once a second.
    """
    service = deployment.start(HTTP_ADDRESS=ANY_PORT, MAX_IN_FLIGHT=WINDOW)
    bad = [b"disk %d is full" % number for number in range(9 * SHARE)]
    async with deployment.broker() as broker, monitoring(service) as seen:
        await limit(broker, 1)
        await broker.put(deployment.names.events, b"the only one for which there is room")
        await broker.settled()
        await broker.put_all(bad)
        await served(broker, "while it is full")
        refused = await seen.probe("/readyz")
        assert refused.status == 503
        assert "maximum messages exceeded" in refused.checks["dead letters"]
        waiting = (await seen.metrics())["alarm_digest_dead_letters_waiting"]
        assert waiting == SHARE
        assert refused.checks["dead letters"].startswith(f"{SHARE} rejected messages wait")
        await broker.put_all(bad)
        await broker.event(OF_PARTITION_0, "waits with them")
        await broker.request(OF_PARTITION_0)
        await served(broker, "long after that")
        assert (await seen.metrics())["alarm_digest_dead_letters_waiting"] == waiting
        [full] = service.events("dead_letters.share_full")
        assert (full["level"], full["partition"]) == ("warning", 0)
        doctor = " ".join(deployment.command("doctor").text.split())
        assert "is full, with 1 messages" in doctor
        await limit(broker, -1)
        await broker.settled()
        assert (await broker.next_digest())["UserID"] == OF_PARTITION_0
        await seen.becomes_ready()
        _, *letters = [letter.data for letter in await broker.dead_letters()]
    assert sorted(letters) == sorted(bad * 2)
    assert len(service.events("dead_letters.read_on")) >= 1
    assert len(service.events("dead_letter.retried")) < 30
    assert service.terminate() == 0
