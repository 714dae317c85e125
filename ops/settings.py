"""All settings of the program in one; the parts are defined where they are used."""

from __future__ import annotations

from dataclasses import dataclass, field

from actors.settings import DAY_S, CoreSettings, require, require_seconds, setting
from bus.settings import BusSettings
from ops.inquiries.micro import MicroSettings
from ops.monitoring.tracing import TracingSettings
from ops.process.embedded import EmbeddedSettings
from ops.process.logs import LogSettings
from ops.web.settings import HttpSettings
from store.settings import StoreSettings


@dataclass(frozen=True, slots=True)
class Settings:
    """All that can be set."""

    bus: BusSettings = field(default_factory=BusSettings)
    store: StoreSettings = field(default_factory=StoreSettings)
    core: CoreSettings = field(default_factory=CoreSettings)
    shutdown_timeout_s: float = setting(
        "SHUTDOWN_TIMEOUT", 25.0, "seconds an orderly stop may take"
    )
    heartbeat_file: str | None = setting(
        "HEARTBEAT_FILE", None, "file touched every two seconds while the service's loops turn"
    )
    http: HttpSettings = field(default_factory=HttpSettings)
    micro: MicroSettings = field(default_factory=MicroSettings)
    tracing: TracingSettings = field(default_factory=TracingSettings)
    logs: LogSettings = field(default_factory=LogSettings)
    embedded: EmbeddedSettings = field(default_factory=EmbeddedSettings)

    def __post_init__(self) -> None:
        """Raise ``SettingsError`` for a value that cannot work."""
        require_seconds(self.shutdown_timeout_s, "SHUTDOWN_TIMEOUT", DAY_S)
        # Whoever takes over publishes again what is owed, after that long at the earliest.
        repeated_after_s = self.core.lease_s + self.core.retry_wait_max_s
        require(
            self.bus.streams.duplicate_window_s > repeated_after_s,
            "DUPLICATE_WINDOW",
            f"must be above LEASE and RETRY_WAIT_MAX together, {repeated_after_s:g} seconds: "
            "a digest may be published again after that long, and would be told twice",
        )
