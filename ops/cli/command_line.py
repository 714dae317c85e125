"""The command line: flags, environment variables and ``--help``, and exit statuses at its end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

import click
from click.core import ParameterSource

from actors.errors import SettingsError
from actors.settings import require
from ops.cli.failures import CommandError, NotFoundError
from ops.cli.options import GONE, Option, build, flag_of, options_of
from ops.cli.terminal import say
from ops.process.stopping import EXIT_FAILURE
from ops.process.streams import OutputError
from ops.safe_text import is_utf_8
from ops.version import NAME, VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

S = TypeVar("S")

EXIT_SETTINGS = 2
"""A setting or the command line is wrong; a restart does not cure it."""
EXIT_NOT_FOUND = 3
"""What was asked for does not exist."""
EXIT_UNREAD = 141
"""Whoever read standard output has gone, as ``head`` does; a signal ends other programs so."""

_NOT_UTF_8 = "is not UTF-8"


class Parsed(NamedTuple, Generic[S]):
    """What the command line and the environment said."""

    settings: S
    given: frozenset[str]
    """Names of the settings that were given, be it with their default value; ``GONE`` too."""


def command_line(
    settings: type[S],
    program: str,
    summary: str,
    serve: Callable[[Parsed[S]], int],
    commands: Iterable[click.Command],
    begin: Callable[[Parsed[S], str], None] = lambda *_: None,
) -> click.Group:
    """Return the program: ``serve`` when no command is named, else that command.

    ``begin`` is told of a command, by its name, before that does anything.

    Every setting is an option in front of the command, flags above environment above defaults;
    the commands get a ``Parsed`` as click's object.
    """
    options = list(options_of(settings))

    def enter(**params: Any) -> int | None:
        context = click.get_current_context()
        for option in options:
            typed = params[option.name.lower()]
            for text in typed if option.kind is tuple else (typed,):
                require(not isinstance(text, str) or is_utf_8(text), option.name, _NOT_UTF_8)
        values = {option.name: option.meant(params[option.name.lower()]) for option in options}
        given = frozenset(
            name
            for name in (*(option.name for option in options), *GONE)
            if context.get_parameter_source(name.lower()) is not ParameterSource.DEFAULT
        )
        context.obj = Parsed(build(settings, values), given)
        if context.invoked_subcommand is None:
            return serve(context.obj)
        begin(context.obj, context.invoked_subcommand)
        return None

    group = click.Group(
        program,
        callback=enter,
        params=[*map(_parameter, options), *map(_ignored, GONE)],
        help=summary,
        commands=list(commands),
        invoke_without_command=True,
        context_settings={"max_content_width": 100},
    )
    return click.version_option(VERSION, prog_name=NAME, message="%(prog)s %(version)s")(group)


def run(group: click.Group, arguments: Sequence[str]) -> int:
    """Run the program; return its exit status, a failed command's own if it says why.

    Raises ``SettingsError`` with one line that names the setting and the mend.
    """
    for number, argument in enumerate(arguments, 1):
        # Without the argument itself, which may be a password.
        require(is_utf_8(argument), f"argument {number}", _NOT_UTF_8)
    try:
        status = group.main(list(arguments), group.name, standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return EXIT_SETTINGS
    except click.UsageError as error:
        raise SettingsError(" ".join(error.format_message().split())) from None
    except (click.Abort, click.ClickException, CommandError, OutputError) as error:
        return _failed(str(group.name), error)
    return int(status or 0)


def _failed(program: str, error: Exception) -> int:
    """Say in one line why a command failed, if there is anything to say; return its status."""
    match error:
        case click.Abort():
            return EXIT_FAILURE
        case OutputError(unread=True):
            return EXIT_UNREAD
        case OutputError():
            status, why = EXIT_FAILURE, f"standard output: {error}"
        case click.ClickException():
            status, why = error.exit_code, error.format_message()
        case NotFoundError():
            status, why = EXIT_NOT_FOUND, str(error)
        case _:
            status, why = EXIT_FAILURE, str(error)
    say(f"{program}: {' '.join(why.split())}")
    return status


class _CommaSeparated(click.ParamType[tuple[str, ...]]):
    name = "text"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        """Split and trim."""
        del param, ctx
        return tuple(part.strip() for part in str(value).split(",") if part.strip())


def _ignored(name: str) -> click.Option:
    return click.Option([flag_of(name)], envvar=name, hidden=True, expose_value=False)


def _parameter(option: Option) -> click.Option:
    if option.kind is bool and option.choices is None:
        return click.Option(
            [option.flag],
            is_flag=True,
            envvar=option.name,
            show_envvar=True,
            help=option.meaning,
        )
    kind: Any = option.kind
    if option.choices is not None:
        kind = click.Choice(list(option.choices), case_sensitive=False)
    elif option.kind is tuple:
        kind = _CommaSeparated()
    return click.Option(
        [option.flag],
        type=kind,
        # No text stands for None; a list of none is one all the same.
        default=option.default_text or ("" if option.kind is tuple else None),
        envvar=option.name,
        show_envvar=True,
        show_default=bool(option.default_text),
        help=option.meaning,
    )
