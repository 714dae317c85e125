"""Servers and streams that are set up in ways that others have: used rightly, or named."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bus.streams.api import JetStreamAPI
from tests.probes import ANY_PORT, monitoring

if TYPE_CHECKING:
    from tests.deployment import Deployment


@pytest.mark.needs_nats_2_10
async def test_a_stream_that_renames_later_is_not_read_on_and_nothing_is_passed_over(
    deployment: Deployment,
) -> None:
    """Its messages were passed over, alarms among them; what is stored so becomes a dead letter."""
    names = deployment.names
    service = deployment.start(HTTP_ADDRESS=ANY_PORT)
    async with deployment.broker() as broker, monitoring(service) as probes:
        await probes.becomes_ready()
        api = JetStreamAPI(broker.client)
        sound = (await api.stream(names.input_stream)).settings
        await api.edit({**sound, "subject_transform": {"src": ">", "dest": "in.>"}})
        await broker.event("u", "renamed")
        probe = await probes.becomes("reading", "no messages are read: stream ")
        assert "take its subject_transform away" in probe.checks["reading"]
        await broker.event("u", "renamed as well")
        doctor = deployment.command("doctor", "--json")
        risks = [one for one in doctor.json["findings"] if one["level"] == "risk"]
        assert "take its subject_transform away" in " ".join(one["mend"] for one in risks)
        await api.edit(sound)
        letters = [await broker.next_dead_letter() for _ in range(2)]
        await probes.becomes_ready()
        await broker.event("u", "good")
        await broker.request("u")
        digest = await broker.next_digest()
    assert [item["AlarmID"] for item in digest["ActiveAlarms"]] == ["good"]
    for letter, name in zip(letters, (b'"renamed"', b'"renamed as well"'), strict=True):
        assert name in letter.data
        assert (letter.headers or {})["Dead-Letter-Subject"] == f"in.{names.events}"
        assert "which it does not capture" in (letter.headers or {})["Dead-Letter-Reason"]
