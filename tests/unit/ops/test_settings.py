"""All settings in one: each name once, and a wrong value told by name."""

from __future__ import annotations

from collections import Counter

import pytest

from actors.errors import SettingsError
from actors.settings import CoreSettings
from bus.settings import BusSettings, StreamSettings
from ops.cli.options import options_of
from ops.settings import Settings


def test_each_setting_has_a_name_of_its_own() -> None:
    """Two of one name would be set by one variable."""
    assert max(Counter(option.name for option in options_of(Settings)).values()) == 1


@pytest.mark.parametrize("seconds", [0.0, -1.0, 1e12, float("inf"), float("nan")])
def test_a_stop_needs_time(seconds: float) -> None:
    """Without any nothing that was taken would be finished."""
    with pytest.raises(SettingsError, match=r"^SHUTDOWN_TIMEOUT: "):
        Settings(shutdown_timeout_s=seconds)


@pytest.mark.parametrize(("lease_s", "wait_s"), [(100.0, 20.0), (3.0, 117.0)])
def test_a_digest_that_is_published_again_must_be_known_for_a_repeat(
    lease_s: float, wait_s: float
) -> None:
    """After a lease another instance publishes what was owed; the stream has to remember it."""
    core = CoreSettings(lease_s=lease_s, retry_wait_max_s=wait_s)
    with pytest.raises(SettingsError, match=r"^DUPLICATE_WINDOW: must be above LEASE"):
        Settings(core=core)
    Settings(core=core, bus=BusSettings(streams=StreamSettings(duplicate_window_s=120.1)))
