"""Input streams with sources: what they bring is used, refused by name, or a dead letter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from nats.js.api import StreamSource

from bus.streams.api import JetStreamAPI

if TYPE_CHECKING:
    from tests.broker import Broker, Names
    from tests.deployment import Deployment

pytestmark = pytest.mark.needs_nats_2_10

EVENT = b'{"AlarmID":"a","UserID":"u","Status":"WARNING","ChangedAt":"2021-06-07T20:40:15Z"}'


def site(names: Names) -> dict[str, Any]:
    """Return an origin of the same account: its subjects may not be ours, so they differ."""
    return {
        "name": f"{names.input_stream}_SITE",
        "subjects": [f"site.{names.events}", f"site.{names.requests}"],
    }


async def make_sourced(broker: Broker, **source: Any) -> JetStreamAPI:
    """Make the input stream, with one source of that name."""
    api, names = JetStreamAPI(broker.client), broker.names
    source = {"name": site(names)["name"], **source}
    wanted = {
        "name": names.input_stream,
        "subjects": [names.events, names.requests],
        "sources": [source],
    }
    await api.create(wanted)
    return api


async def test_what_a_source_renames_into_our_subjects_is_used(deployment: Deployment) -> None:
    """The one way in which a stream of the same account may have another's messages."""
    async with deployment.broker() as broker:
        names = broker.names
        await JetStreamAPI(broker.client).create(site(names))
        onto = [{"src": f"site.{one}", "dest": one} for one in (names.events, names.requests)]
        await make_sourced(broker, subject_transforms=onto)
        service = deployment.start()
        await broker.put(f"site.{names.events}", EVENT)
        await broker.put(f"site.{names.requests}", b'{"UserID":"u"}')
        digest = await broker.next_digest()
        assert [alarm["AlarmID"] for alarm in digest["ActiveAlarms"]] == ["a"]
        assert await broker.dead_letters() == []
        assert not service.events("stream.takes_unknown_subjects")


async def test_a_source_whose_origin_has_other_subjects_ends_the_start(
    deployment: Deployment,
) -> None:
    """Its alarms were passed over as foreign; the line names the setting, the source and the mend.

    The doctor says the same.
    """
    async with deployment.broker() as broker:
        await JetStreamAPI(broker.client).create(site(broker.names))
        await make_sourced(broker)
    service = deployment.launch()
    assert service.wait() == 2
    line = service.output().splitlines()[-1]
    assert line.startswith("main.py: INPUT_STREAM: stream")
    assert f"takes site.{broker.names.events} from {site(broker.names)['name']}" in line
    assert "filter_subject" in line
    findings = deployment.command("doctor", "--json").json["findings"]
    (found,) = [one for one in findings if f"takes site.{broker.names.events}" in one["says"]]
    assert found["level"] == "risk"
    assert "does not start" in found["mend"]


async def test_a_source_is_followed_to_where_its_origin_has_it_from(deployment: Deployment) -> None:
    """Between them is a stream that captures nothing itself; or all goes round in a circle."""
    async with deployment.broker() as broker:
        api, names = JetStreamAPI(broker.client), broker.names
        between = f"{names.input_stream}_BETWEEN"
        await api.create(site(names))
        hub = {"name": between, "sources": [{"name": site(names)["name"]}]}
        await api.create(hub)
        await make_sourced(broker, name=between)
        service = deployment.launch()
        assert service.wait() == 2
        line = service.output().splitlines()[-1]
        assert f"takes site.{names.events} from {between}" in line
        onto = [{"src": f"site.{one}", "dest": one} for one in (names.events, names.requests)]
        facts = await api.stream(between)
        sources = [{"name": site(names)["name"], "subject_transforms": onto}]
        await api.edit({**facts.settings, "sources": sources})
        deployment.start()
        await broker.put(f"site.{names.events}", EVENT)
        await broker.put(f"site.{names.requests}", b'{"UserID":"u"}')
        digest = await broker.next_digest()
        assert [alarm["AlarmID"] for alarm in digest["ActiveAlarms"]] == ["a"]


async def test_what_an_origin_brings_that_nobody_could_foresee_is_a_dead_letter(
    deployment: Deployment,
) -> None:
    """It was not there at the start. Nothing of it is lost, and what is ours goes on."""
    async with deployment.broker() as broker:
        names = broker.names
        api = await make_sourced(broker)
        service = deployment.start()
        (warning,) = service.events("stream.takes_unknown_subjects")
        assert "filter_subject" in warning["mend"]
        await api.create(site(names))
        # A source that finds no origin is tried again by the server late; an edit has it look now.
        facts = await api.stream(names.input_stream)
        await api.edit({**facts.settings, "sources": []})
        await api.edit(facts.settings)
        await broker.put(f"site.{names.events}", b'{"UserID":"u"}')
        letter = await broker.next_dead_letter()
        assert letter.data == b'{"UserID":"u"}'
        assert letter.headers is not None
        assert letter.headers["Dead-Letter-Subject"] == f"site.{names.events}"
        assert "brought by one of its sources" in letter.headers["Dead-Letter-Reason"]
        await broker.request("u")
        await broker.next_digest()
        assert not service.events("message.foreign")


async def test_a_name_that_a_mirror_has_is_refused_with_a_mend_that_works(
    deployment: Deployment,
) -> None:
    """A mirror cannot be made to capture anything."""
    async with deployment.broker() as broker:
        names = broker.names
        await JetStreamAPI(broker.client).create(site(names))
        await broker.client.jetstream().add_stream(
            name=names.input_stream, mirror=StreamSource(name=site(names)["name"])
        )
    service = deployment.launch()
    assert service.wait() == 2
    line = service.output().splitlines()[-1]
    assert f"is a mirror of {site(names)['name']}" in line
    assert "set another name" in line
