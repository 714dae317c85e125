"""Settings of the core: what cannot work is refused by name."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import pytest

from actors.errors import SettingsError
from actors.settings import CoreSettings, require, setting


@pytest.mark.parametrize(
    ("field", "value", "name"),
    [
        ("checkpoint_interval_s", 0, "CHECKPOINT_INTERVAL"),
        ("checkpoint_group_max", 0, "CHECKPOINT_GROUP_MAX"),
        ("max_live_users", 0, "MAX_LIVE_USERS"),
        ("max_live_alarms", 0, "MAX_LIVE_ALARMS"),
        ("idle_timeout_s", 0, "IDLE_TIMEOUT"),
        ("max_attempts", 0, "MAX_ATTEMPTS"),
        ("retry_wait_initial_s", 0, "RETRY_WAIT_INITIAL"),
        ("retry_wait_initial_s", 6, "RETRY_WAIT_INITIAL"),
        ("retry_wait_max_s", 0.01, "RETRY_WAIT_INITIAL"),
        ("lease_s", 0.99, "LEASE"),
        ("lease_s", math.nan, "LEASE"),
        ("cleared_retention_s", -1, "CLEARED_RETENTION"),
        ("checkpoint_interval_s", math.inf, "CHECKPOINT_INTERVAL"),
        ("checkpoint_interval_s", math.nan, "CHECKPOINT_INTERVAL"),
        ("checkpoint_group_max", 100_000, "CHECKPOINT_GROUP_MAX"),
        ("idle_timeout_s", math.inf, "IDLE_TIMEOUT"),
        ("retry_wait_max_s", math.inf, "RETRY_WAIT_MAX"),
        ("lease_s", math.inf, "LEASE"),
        ("lease_s", 1e12, "LEASE"),
        ("cleared_retention_s", 10**12, "CLEARED_RETENTION"),
    ],
)
def test_a_value_that_cannot_work_is_refused(field: str, value: float, name: str) -> None:
    """With one line that names the setting and the mend."""
    values: dict[str, Any] = {field: value}
    with pytest.raises(SettingsError, match=rf"^{name}: must be [^\n]*$"):
        CoreSettings(**values)


def test_the_smallest_values_that_can_work_are_taken() -> None:
    """The bounds themselves are allowed."""
    CoreSettings(
        checkpoint_interval_s=0.001,
        checkpoint_group_max=1,
        max_live_users=1,
        max_live_alarms=1,
        idle_timeout_s=0.001,
        max_attempts=1,
        retry_wait_initial_s=1.0,
        retry_wait_max_s=1.0,
        lease_s=1.0,
        cleared_retention_s=0,
    )


def test_the_defaults_are_those_that_were_promised() -> None:
    """An operator relies on them."""
    settings = CoreSettings()
    assert settings.save_after_s(on_log=True) == 2.0
    assert settings.save_after_s(on_log=False) == 0.2
    assert settings.max_live_users == 100_000
    assert settings.idle_timeout_s == 600
    assert settings.max_attempts == 5
    assert settings.lease_s == 3
    assert settings.cleared_retention_s == 7 * 24 * 3600
    assert settings.skip_empty_digests is False


def test_alarms_are_allowed_for_by_the_users_unless_they_are_set() -> None:
    """Nothing ordinary reaches that bound: users have half as many."""
    settings = CoreSettings()
    assert (settings.live_alarms_allowed, settings.alarm_share) == (2_000_000, 20)
    settings = CoreSettings(max_live_users=1_000)
    assert (settings.live_alarms_allowed, settings.alarm_share) == (2_000_000, 2_000)
    settings = CoreSettings(max_live_users=1_000_000)
    assert (settings.live_alarms_allowed, settings.alarm_share) == (20_000_000, 20)
    settings = CoreSettings(max_live_alarms=50)
    assert (settings.live_alarms_allowed, settings.alarm_share) == (50, 0)


def test_the_backoff_doubles_up_to_its_maximum() -> None:
    """Without jitter."""
    settings = CoreSettings(retry_wait_initial_s=0.5, retry_wait_max_s=3.0)
    assert [settings.backoff_s(attempt, 0.0) for attempt in range(1, 6)] == [0.5, 1, 2, 3, 3]


def test_jitter_takes_up_to_half_of_the_backoff_away() -> None:
    """So that many waiters do not come back at once."""
    settings = CoreSettings(retry_wait_initial_s=1.0, retry_wait_max_s=8.0)
    assert settings.backoff_s(2, 0.5) == 1.5
    assert 1.0 < settings.backoff_s(2, 0.999) < 1.01


def test_the_backoff_of_a_late_attempt_is_finite() -> None:
    """An outage may last for days."""
    settings = CoreSettings()
    assert math.isclose(settings.backoff_s(10**6, 0.0), settings.retry_wait_max_s)


def test_a_setting_says_by_which_name_and_words_an_operator_sets_it() -> None:
    """Flags, environment variables and help are made from that."""
    [empty] = [field for field in dataclasses.fields(CoreSettings) if field.default is False]
    assert empty.metadata["setting"] == "EMPTY_DIGESTS"
    assert empty.metadata["choices"] == {"publish": False, "skip": True}
    assert all(field.metadata["meaning"] for field in dataclasses.fields(CoreSettings))


def test_a_secret_is_not_shown() -> None:
    """Not even where settings are printed."""

    @dataclasses.dataclass
    class Settings:
        password: str = setting("PASSWORD", "hunter2", "a password", secret=True)
        user: str = setting("USER", "alice", "a name")

    assert "hunter2" not in repr(Settings())
    assert "alice" in repr(Settings())


def test_a_condition_that_holds_requires_nothing() -> None:
    """And one that does not raises."""
    require(condition=True, setting="X", mend="must hold")
    with pytest.raises(SettingsError, match=r"^X: must hold$"):
        require(condition=False, setting="X", mend="must hold")
