"""All settings in one: each name once, and a wrong value told by name."""

from __future__ import annotations

from collections import Counter

import pytest

from actors.errors import SettingsError
from ops.cli.options import options_of
from ops.settings import Settings


def test_each_setting_has_a_name_of_its_own() -> None:
    """Two of one name would be set by one variable."""
    assert max(Counter(option.name for option in options_of(Settings)).values()) == 1


@pytest.mark.parametrize("seconds", [0.0, -1.0])
def test_a_stop_needs_time(seconds: float) -> None:
    """Without any nothing that was taken would be finished."""
    with pytest.raises(SettingsError, match=r"^SHUTDOWN_TIMEOUT: "):
        Settings(shutdown_timeout_s=seconds)
