"""What people and machines read on standard output: nothing in it commands a terminal.

Ids and bodies come from outside. A terminal obeys control characters, and shows text that holds
marks for its direction in another order than it has; here both appear as what they are.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, TextIO

import click
import orjson
from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

_PIPED_COLUMNS = 1000
"""A pipe has no width; nothing is wrapped or cut there."""

_CONTROLS = (
    *range(0x20),
    *range(0x7F, 0xA0),
    0x061C,  # these, and those that follow, change the direction of text, or end a line
    0x200E,
    0x200F,
    *range(0x2028, 0x202F),
    *range(0x2066, 0x206A),
    *range(0xD800, 0xE000),  # halves of characters, which no output can encode
)

_ESCAPED = {code: f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" for code in _CONTROLS}
_ESCAPED_IN_JSON = {code: f"\\u{code:04x}" for code in _CONTROLS if code >= 0x20}


def safe_text(text: str) -> str:
    """Return ``text`` on one line, with escapes for what a terminal would obey."""
    return text.translate(_ESCAPED)


def safe_json(document: str) -> str:
    """Return the JSON document, equal in meaning, with escapes in its strings likewise."""
    return document.translate(_ESCAPED_IN_JSON)


def print_json(value: Any) -> None:
    """Print a value as one line of JSON on standard output."""
    click.echo(safe_json(orjson.dumps(value).decode()))


def say(text: str) -> None:
    """Tell the operator something that is not data, on standard error."""
    click.echo(safe_text(text), err=True)


def console(stream: TextIO | None = None) -> Console:
    """Return a console for ``stream``, standard output if none is given."""
    file = stream or sys.stdout
    width = None if file.isatty() else _PIPED_COLUMNS
    return Console(file=file, width=width, markup=False, emoji=False, highlight=False)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table on standard output; a cell that is None is empty."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        # The last column has the prose; the others must stay whole to be copied.
        table.add_column(Text(column), overflow="fold")
    for row in rows:
        table.add_row(*(Text("" if cell is None else safe_text(str(cell))) for cell in row))
    console().print(table)


def print_facts(facts: Iterable[tuple[str, object]]) -> None:
    """Print names and what they are on standard output, one a line; None is left out."""
    table = Table(box=None, pad_edge=False, show_header=False)
    for name, fact in facts:
        if fact is not None:
            table.add_row(Text(name, style="bold"), Text(safe_text(str(fact))))
    console().print(table)


def json_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command ``--json``, which it gets as ``as_json``."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON, for machines.")(
        command
    )
