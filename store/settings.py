"""Settings of the store, checked at construction."""

from __future__ import annotations

from dataclasses import dataclass, field

from actors.settings import require


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """Where checkpoints are kept."""

    uri: str = field(default="mongodb://127.0.0.1:27017", repr=False)
    """May hold a password."""
    database: str = "alarm_digest"

    def __post_init__(self) -> None:
        """Raise ``SettingsError`` for a value that cannot work; never with the password in it."""
        scheme = self.uri.partition("://")[0]
        require(
            scheme in ("mongodb", "mongodb+srv"),
            "MONGODB_URI",
            "must begin with mongodb:// or mongodb+srv://",
        )
        usable = 0 < len(self.database) < 64 and not set(self.database) & set('/\\. "$*<>:|?\0')
        require(usable, "MONGODB_DATABASE", f"{self.database!r} is not a name for a database")
