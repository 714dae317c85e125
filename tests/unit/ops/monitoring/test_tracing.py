"""Tracing costs its packages only where it is wanted."""

from __future__ import annotations

import sys

import pytest

from actors.errors import SettingsError
from bus.spans import NoSpans
from ops.monitoring.tracing import TracingSettings, start_tracing


def test_nothing_is_recorded_unless_it_is_asked_for() -> None:
    """As by default."""
    assert isinstance(start_tracing(TracingSettings()), NoSpans)


def test_packages_that_are_missing_are_named_with_the_mend(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """They are an optional group."""
    monkeypatch.setitem(sys.modules, "ops.monitoring.telemetry", None)
    with pytest.raises(SettingsError, match=r"^TRACING: .*pip install 'alarm-digest\[tracing\]'"):
        start_tracing(TracingSettings("otlp"))
