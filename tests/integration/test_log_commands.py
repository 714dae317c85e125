"""``history`` and ``rewind`` against a live service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actors.rules.partitions import PARTITIONS

if TYPE_CHECKING:
    from tests.deployment import Deployment

HOSTILE = 'a.b$c\x1b[31m\n"🔥 [b]'


def history(deployment: Deployment, *arguments: str) -> list[Any]:
    """Return the history of the user as a machine reads it."""
    ended = deployment.command("history", HOSTILE, *arguments, "--json")
    assert ended.status == 0, ended.stderr
    return ended.json_lines


async def test_a_history_says_what_became_of_each_message(deployment: Deployment) -> None:
    """As the service itself has decided: its digests have the same numbers and alarms."""
    deployment.start()
    async with deployment.broker() as broker:
        await broker.event(HOSTILE, "a", "WARNING", "2021-06-07T20:40:15.5Z")
        await broker.event("other", "a", "WARNING")
        await broker.event(HOSTILE, "a", "CRITICAL", "2021-06-07T20:40:15Z")
        await broker.request(HOSTILE)
        told = await broker.next_digest()
        await broker.event(HOSTILE, "b", "WARNING", "2021-06-07T20:40:16Z")
        await broker.request(HOSTILE)
        await broker.next_digest()
        await broker.settled()
    assert len(told["ActiveAlarms"]) == 1
    lines = history(deployment)
    assert [(one["outcome"], one["told_by"], one["digest"], one["alarms"]) for one in lines] == [
        ("newer", 1, None, None),
        ("stale", None, None, None),
        ("digest", None, 1, 1),
        ("newer", 2, None, None),
        ("digest", None, 2, 1),
    ]
    assert [one["sequence"] for one in lines] == [1, 3, 4, 5, 6]
    assert [one["sequence"] for one in history(deployment, "--alarm", "b")] == [5, 6]
    printed = deployment.command("history", HOSTILE)
    assert "told by digest 2" in printed.text
    assert "\x1b" not in printed.text
    assert deployment.command("history", "nobody").status == 3
    why = deployment.command("why", HOSTILE, "b").text
    assert "main.py history" in why


async def test_what_is_rewound_is_read_again_and_changes_nothing(deployment: Deployment) -> None:
    """While the service runs: no alarm is told again, no request answered again."""
    service = deployment.start(LEASE=1)
    async with deployment.broker() as broker:
        for number in range(20):
            await broker.event(f"user-{number}", "a", "WARNING")
            await broker.request(f"user-{number}")
        for _ in range(20):
            await broker.next_digest()
        await broker.settled()
        with deployment.collection("partitions") as stored:
            epochs = sum(one["epoch"] for one in stored.find())
        refused = deployment.command("rewind", "--to", "10m", "--restored", "--yes", LEASE=1)
        assert refused.status == 1
        assert "stop all instances first" in refused.stderr
        doubted = deployment.answered("n\n", "rewind", "--to", "5", LEASE=1)
        assert doubted.status == 1
        with deployment.collection("partitions") as stored:
            assert sum(one["epoch"] for one in stored.find()) == epochs
        rewound = deployment.command("rewind", "--to", "5", "--yes", LEASE=1)
        assert rewound.status == 0, rewound.stderr
        assert f"{PARTITIONS} of {PARTITIONS} partitions go back to sequence 4" in rewound.stderr
        said = rewound.stderr.splitlines()
        named = [line for line in said if line.startswith("this changes database ")]
        assert f"{deployment.names.database} at mongodb://127.0.0.1:" in named[0]
        assert f"stream {deployment.names.input_stream} at nats://127.0.0.1:" in named[0]
        assert said.index(named[0]) < said.index(said[-1])
        assert "36 messages of the log are read again" in rewound.stderr
        assert "at work, and will read again at once" in rewound.stderr
        await broker.event("user-3", "a", "CRITICAL", "2031-01-01T00:00:00Z")
        await broker.request("user-3")
        digest = await broker.next_digest()
        assert [alarm["Status"] for alarm in digest["ActiveAlarms"]] == ["CRITICAL"]
        await broker.settled()
    assert service.terminate() == 0
    forward = deployment.command("rewind", "--to", "1000", "--yes", LEASE=1)
    assert forward.status == 1
    assert "never forward" in forward.stderr
    restored = deployment.command("rewind", "--to", "1", "--restored", "--yes", LEASE=1)
    assert restored.status == 0, restored.stderr
    with deployment.collection("partitions") as stored:
        assert {one["position"]["sequence"] for one in stored.find()} == {0}


async def test_the_doctor_examines_instances_and_positions(deployment: Deployment) -> None:
    """Running, killed, and with positions that the log has passed."""
    service = deployment.start(LEASE=1)
    async with deployment.broker() as broker:
        await broker.event("u", "a", "WARNING")
        await broker.settled()
        found = deployment.command("doctor", "--json", LEASE=1).json["findings"]
        said = {one["about"]: (one["level"], one["says"]) for one in found}
        assert said["partitions"] == ("ok", "64, dealt by crc32")
        assert said["instances"][1].startswith("1 at work")
        assert said["positions"][0] == "ok"
        service.kill()
        for number in range(5):
            await broker.event("u", f"alarm-{number}", "WARNING")
        await broker.client.jetstream().purge_stream(broker.names.input_stream)
    found = deployment.command("doctor", "--json", LEASE=1).json["findings"]
    risks = {one["about"]: one["says"] for one in found if one["level"] == "risk"}
    assert "discarded unread" in risks["positions"]
