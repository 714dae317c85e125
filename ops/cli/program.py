"""The program: what can be done beside serving, and what ``--help`` says of it all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.errors import SettingsError
from ops.cli.command_line import EXIT_SETTINGS, command_line, run
from ops.cli.commands.dead_letters import dead_letters
from ops.cli.commands.demo import demo
from ops.cli.commands.doctor import doctor
from ops.cli.commands.sending import send, watch
from ops.cli.commands.users import user, why
from ops.cli.deployment import say_if_by_default
from ops.cli.log.history import history
from ops.cli.log.members import members
from ops.cli.log.migrate import migrate
from ops.cli.log.rewind import rewind
from ops.cli.serving import serve
from ops.cli.terminal import say
from ops.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ops.cli.command_line import Parsed
    from ops.cli.serving import MakeService

SUMMARY = """Collect alarm events from NATS and publish a digest per user when asked to.

Every setting is a flag or an environment variable; the flag wins. Give secrets by environment
variable: flags can be read in the process list. Exit status: 0 after an orderly stop, 1 after a
failure that a restart may cure, 2 for a wrong setting. The commands: 1 if it could not be done,
2 for a wrong setting or command line, 3 if there is no such thing.
"""

COMMANDS = (
    send,
    watch,
    user,
    why,
    history,
    dead_letters,
    doctor,
    members,
    rewind,
    migrate,
    demo,
)
"""What can be done beside serving."""


def run_program(arguments: Sequence[str], make_service: MakeService, name: str = "main.py") -> int:
    """Do what ``arguments`` say, which is to serve where they name no command; the exit status.

    ``name`` is what the program was called by.
    """

    def begin(parsed: Parsed[Settings], command: str) -> None:
        if "--help" not in arguments:  # it is asked for behind a command, and speaks to nobody
            say_if_by_default(parsed, command)

    program = command_line(
        Settings,
        name,
        SUMMARY,
        lambda parsed: serve(parsed, make_service),
        COMMANDS,
        begin,
    )
    try:
        return run(program, arguments)
    except SettingsError as error:
        say(f"{name}: {error}")
        return EXIT_SETTINGS
