"""Asking for origins: each once on its way, however the sources go round."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from nats.errors import TimeoutError as NatsTimeoutError
from nats.js.api import StreamConfig

from bus.streams.api import API, StreamFacts
from bus.streams.origins.asking import origins_of

if TYPE_CHECKING:
    from bus.streams.api import JetStreamAPI

INPUTS = ["AlarmStatusChanged", "SendAlarmDigest"]


def stream(name: str, *sources: str) -> StreamConfig:
    """Return a stream that takes from others whatever they have."""
    said = {"name": name, "subjects": [], "sources": [{"name": one} for one in sources]}
    config: StreamConfig = StreamConfig.from_response(said)
    return config


class Streams:
    """What a server says of its streams."""

    def __init__(self, *streams: StreamConfig) -> None:
        """Have these."""
        self._streams = {one.name: one for one in streams}
        self.asked: list[str] = []

    async def stream(self, name: str, api: str = API, timeout_s: float = 0.0) -> StreamFacts:
        """Return one, or have who asks wait in vain."""
        assert api == API
        assert timeout_s > 0
        self.asked.append(name)
        if name not in self._streams:
            raise NatsTimeoutError
        return cast("StreamFacts", _Facts(self._streams[name]))

    def api(self) -> JetStreamAPI:
        """Return it as what is asked."""
        return cast("JetStreamAPI", self)


class _Facts:
    def __init__(self, config: StreamConfig) -> None:
        self.config = config


async def test_a_hub_and_its_sites_source_each_other() -> None:
    """Fifty of them made five thousand questions, at each start."""
    sites = [f"SITE-{number}" for number in range(50)]
    hub = stream("HUB", *sites)
    server = Streams(hub, *(stream(one, "HUB") for one in sites))
    origins = await origins_of(server.api(), hub, INPUTS)
    assert sorted(server.asked) == sorted(sites)
    assert [origin and [one and one.config.name for one in origin.origins] for origin in origins]
    assert all(
        origin and origin.origins[0] and origin.origins[0].origins == () for origin in origins
    )


async def test_a_mesh_is_not_asked_without_end() -> None:
    """What is beyond the bound counts as not seen."""
    names = [f"S-{number}" for number in range(20)]
    mesh = [stream(one, *(other for other in names if other != one)) for one in names]
    server = Streams(*mesh)
    await origins_of(server.api(), mesh[0], INPUTS)
    assert len(server.asked) == 64


async def test_who_does_not_answer_is_not_seen() -> None:
    """The others are."""
    hub = stream("HUB", "AWAY", "SITE")
    away, site = await origins_of(Streams(hub, stream("SITE")).api(), hub, INPUTS)
    assert away is None
    assert site is not None
