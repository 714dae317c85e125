"""What can go wrong on the bus."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.errors import PermanentError, SettingsError

if TYPE_CHECKING:
    from actors.rejections import Rejection


class MessageRejectedError(PermanentError):
    """Raised when a message from outside is not what it should be; says why in one sentence."""

    def __init__(self, rejection: Rejection) -> None:
        """Raise for ``rejection``, whose reason is the text of the error."""
        super().__init__(rejection.reason)
        self.rejection = rejection


class BusSetupError(SettingsError):
    """Raised when what exists on the broker cannot serve this service; names the mend."""


class MigrationRefusedError(PermanentError):
    """Raised when a migration must not begin, or cannot go on; says why and names the mend."""
