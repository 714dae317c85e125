"""Tracing: spans of traced messages and digests, given to an OpenTelemetry collector.

OpenTelemetry is an optional group of packages and is imported only when it is asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from actors.errors import SettingsError
from actors.settings import setting
from bus.spans import NoSpans

if TYPE_CHECKING:
    from bus.spans import Spans

OFF, OTLP = "off", "otlp"


@dataclass(frozen=True, slots=True)
class TracingSettings:
    """Whether spans are recorded."""

    mode: str = setting(
        "TRACING",
        OFF,
        "spans of messages that bear a traceparent: otlp sends them to an OpenTelemetry collector "
        "(OTEL_EXPORTER_OTLP_ENDPOINT), off records none",
        choices={OFF: OFF, OTLP: OTLP},
    )


def start_tracing(settings: TracingSettings) -> Spans:
    """Return what records spans; raises ``SettingsError`` when its packages are not there."""
    if settings.mode == OFF:
        return NoSpans()
    try:
        from ops.monitoring.telemetry import OtlpSpans  # noqa: PLC0415  # costs half a second and its packages
    except ImportError as error:
        message = (
            "TRACING: otlp needs packages that are not installed "
            f"(no {error.name}): pip install 'alarm-digest[tracing]', or off"
        )
        raise SettingsError(message) from error
    return OtlpSpans()
