"""How a command ends when it cannot do what it was asked; the exit status is part of the answer."""

from __future__ import annotations

import click

EXIT_NOT_FOUND = 3
"""What was asked for does not exist."""


class CommandFailed(click.ClickException):
    """Raised when a command could not be carried out: a server is away, refuses, or is late."""

    exit_code = 1


class NotFound(click.ClickException):
    """Raised when there is no such user, alarm or dead letter."""

    exit_code = EXIT_NOT_FOUND
