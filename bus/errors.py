"""What can go wrong on the bus."""

from actors.errors import PermanentError, SettingsError


class MessageRejectedError(PermanentError):
    """Raised when a message from outside is not what it should be; says why in one sentence."""


class BusSetupError(SettingsError):
    """Raised when what exists on the broker cannot serve this service; names the mend."""


class MigrationRefusedError(PermanentError):
    """Raised when a migration must not begin, or cannot go on; says why and names the mend."""
