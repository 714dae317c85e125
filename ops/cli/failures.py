"""How a command says that it cannot do what it was asked; see ``run`` for the exit status."""

from __future__ import annotations


class CommandError(Exception):
    """Raised when a command could not be carried out: a server is away, refuses, or is late."""


class NotFoundError(CommandError):
    """Raised when there is no such user, alarm or dead letter."""
