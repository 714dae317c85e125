"""What our client of MongoDB does otherwise than the driver's defaults."""

from __future__ import annotations

import pytest

from store.client import client_for
from store.settings import StoreSettings

ELECTED_AND_ANSWERING_S = 2.0 + 5.0
"""How long a quick election takes, and what we promise from then on."""


async def test_a_primary_that_stands_still_is_given_up_soon() -> None:
    """What waits for it ends when its monitor does: after a heartbeat, and as long as a connect."""
    client = client_for(StoreSettings())
    options = client.options
    given_up_s = options.heartbeat_frequency + (options.pool_options.connect_timeout or 60)
    assert given_up_s <= ELECTED_AND_ANSWERING_S
    await client.close()


@pytest.mark.parametrize("name", ["heartbeatFrequencyMS", "heartbeatfrequencyms"])
async def test_what_the_uri_says_goes_first(name: str) -> None:
    """An operator knows the network between."""
    client = client_for(StoreSettings(uri=f"mongodb://127.0.0.1/?{name}=30000"))
    assert client.options.heartbeat_frequency == 30
    await client.close()
