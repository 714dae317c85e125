"""Settings of the store, checked at construction."""

from __future__ import annotations

from dataclasses import dataclass

from actors.settings import require, setting


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """Where checkpoints are kept."""

    uri: str = setting(
        "MONGODB_URI",
        "mongodb://127.0.0.1:27017",
        "MongoDB deployment",
        secret=True,  # may hold a password
    )
    database: str = setting("MONGODB_DATABASE", "alarm_digest", "database of the checkpoints")

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
