"""Options: what can be set, by the settings' own definitions, and settings of what was typed."""

from __future__ import annotations

import dataclasses
import difflib
from typing import (
    TYPE_CHECKING,
    Any,
    NamedTuple,
    TypeVar,
    get_args,
    get_origin,
    get_type_hints,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

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
        return flag_of(self.name)

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


def flag_of(name: str) -> str:
    """Return the command line's flag of a setting."""
    return "--" + name.lower().replace("_", "-")


def _fields(settings: type[Any]) -> Iterator[tuple[dataclasses.Field[Any], Any]]:
    kinds = get_type_hints(settings)
    for field in dataclasses.fields(settings):
        yield field, kinds[field.name]


def build(settings: type[S], values: Mapping[str, Any]) -> S:
    """Return settings with ``values`` by the options' names; raises ``SettingsError``."""
    arguments: dict[str, Any] = {}
    for field, kind in _fields(settings):
        if dataclasses.is_dataclass(kind):
            assert isinstance(kind, type)
            arguments[field.name] = build(kind, values)
        else:
            arguments[field.name] = values[field.metadata["setting"]]
    return settings(**arguments)


def _plain(kind: Any) -> type:
    """Return ``X`` for ``X`` and for ``X | None``, tuple for every tuple."""
    if get_origin(kind) is tuple:
        return tuple
    inner = [one for one in get_args(kind) if one is not type(None)]
    plain = inner[0] if inner else kind
    assert isinstance(plain, type)
    return plain
