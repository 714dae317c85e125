"""Options: flags, environment variables and ``--help`` from the settings' own definitions."""

from __future__ import annotations

import dataclasses
import difflib
from typing import (
    TYPE_CHECKING,
    Any,
    Generic,
    NamedTuple,
    TypeVar,
    get_args,
    get_origin,
    get_type_hints,
)

import click
from click.core import ParameterSource

from actors.errors import SettingsError
from ops.cli.terminal import say

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

S = TypeVar("S")

_NEARLY = 0.9
"""How alike two names are of which one is taken for a slip of the other."""


GONE = {
    "ACK_WAIT": "LEASE: nothing is acknowledged any more, and what an instance had that was "
    "killed is read again by another after that long",
}
"""Settings of earlier versions, and what took their place. They are told of, and do nothing."""


class Option(NamedTuple):
    """One setting, as an operator sees it."""

    name: str
    """The environment variable."""
    kind: type
    """str, int, float, bool (a flag without a value) or tuple (comma-separated)."""
    default: object
    choices: Mapping[str, object] | None
    meaning: str

    @property
    def flag(self) -> str:
        """The command line's flag."""
        return _flag(self.name)

    def meant(self, typed: Any) -> Any:
        """Return the value that a typed one stands for."""
        return typed if self.choices is None else self.choices[typed]

    @property
    def default_text(self) -> str:
        """The default as one would type it; empty for none."""
        if self.choices is not None:
            return next(word for word, value in self.choices.items() if value == self.default)
        if isinstance(self.default, tuple):
            return ",".join(self.default)
        return "" if self.default is None or self.default is False else f"{self.default}"


def options_of(settings: type[Any]) -> Iterator[Option]:
    """Yield the options of a settings dataclass, those of the dataclasses in it included."""
    for field, kind in _fields(settings):
        if dataclasses.is_dataclass(kind):
            assert isinstance(kind, type)
            yield from options_of(kind)
        else:
            about = field.metadata
            yield Option(
                about["setting"], _plain(kind), field.default, about["choices"], about["meaning"]
            )


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
) -> click.Group:
    """Return the program: ``serve`` when no command is named, else that command.

    Every setting is an option in front of the command, flags above environment above defaults;
    the commands get a ``Parsed`` as click's object.
    """
    options = list(options_of(settings))

    def enter(**params: Any) -> int | None:
        context = click.get_current_context()
        values = {option.name: option.meant(params[option.name.lower()]) for option in options}
        given = frozenset(
            name
            for name in (*(option.name for option in options), *GONE)
            if context.get_parameter_source(name.lower()) is not ParameterSource.DEFAULT
        )
        context.obj = Parsed(_build(settings, values), given)
        return serve(context.obj) if context.invoked_subcommand is None else None

    return click.Group(
        program,
        callback=enter,
        params=[*map(_parameter, options), *map(_ignored, GONE)],
        help=summary,
        commands=list(commands),
        invoke_without_command=True,
        context_settings={"max_content_width": 100},
    )


def run(group: click.Group, arguments: Sequence[str]) -> int:
    """Run the program; return its exit status, a failed command's own if it says why.

    Raises ``SettingsError`` with one line that names the setting and the mend.
    """
    try:
        status = group.main(list(arguments), group.name, standalone_mode=False)
    except click.Abort:
        return 1
    except click.UsageError as error:
        raise SettingsError(" ".join(error.format_message().split())) from None
    except click.ClickException as error:
        say(f"{group.name}: {' '.join(error.format_message().split())}")
        return error.exit_code
    return int(status or 0)


def misspelt(settings: type[Any], variables: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield (variable, setting) of variables that are nearly, but not quite, a setting."""
    names = [option.name for option in options_of(settings)]
    for variable in sorted(set(variables) - set(names)):
        for name in difflib.get_close_matches(variable, names, n=1, cutoff=_NEARLY):
            yield variable, name


def gone(given: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield (setting, what took its place) of those given that are no more."""
    for name in sorted(GONE.keys() & set(given)):
        yield name, GONE[name]


def _fields(settings: type[Any]) -> Iterator[tuple[dataclasses.Field[Any], Any]]:
    kinds = get_type_hints(settings)
    for field in dataclasses.fields(settings):
        yield field, kinds[field.name]


def _build(settings: type[S], values: Mapping[str, Any]) -> S:
    arguments: dict[str, Any] = {}
    for field, kind in _fields(settings):
        if dataclasses.is_dataclass(kind):
            assert isinstance(kind, type)
            arguments[field.name] = _build(kind, values)
        else:
            arguments[field.name] = values[field.metadata["setting"]]
    return settings(**arguments)


def _flag(name: str) -> str:
    return "--" + name.lower().replace("_", "-")


def _plain(kind: Any) -> type:
    """Return ``X`` for ``X`` and for ``X | None``, tuple for every tuple."""
    if get_origin(kind) is tuple:
        return tuple
    inner = [one for one in get_args(kind) if one is not type(None)]
    plain = inner[0] if inner else kind
    assert isinstance(plain, type)
    return plain


class _CommaSeparated(click.ParamType[tuple[str, ...]]):
    name = "text"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        """Split and trim."""
        del param, ctx
        return tuple(part.strip() for part in str(value).split(",") if part.strip())


def _ignored(name: str) -> click.Option:
    return click.Option([_flag(name)], envvar=name, hidden=True, expose_value=False)


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
