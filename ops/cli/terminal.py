"""What people and machines read on standard output: nothing in it commands a terminal."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, TextIO

import click
import orjson
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ops.safe_text import safe_json, safe_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

_PIPED_COLUMNS = 1000
"""A pipe has no width; nothing is wrapped or cut there."""


def print_line(text: str) -> None:
    """Print a line that is safe already on standard output."""
    # Named, because click takes one of few characters for a mistake, and writes UTF-8.
    click.echo(text, file=sys.stdout)


def print_json(value: Any) -> None:
    """Print a value as one line of JSON on standard output."""
    print_line(safe_json(orjson.dumps(value).decode()))


def say(text: str) -> None:
    """Tell the operator something that is not data, on standard error."""
    click.echo(safe_text(text), file=sys.stderr)


def console(stream: TextIO | None = None) -> Console:
    """Return a console for ``stream``, standard output if none is given."""
    file = stream or sys.stdout
    width = None if file.isatty() else _PIPED_COLUMNS
    return Console(file=file, width=width, markup=False, emoji=False, highlight=False)


def print_table(
    columns: Sequence[str], rows: Iterable[Sequence[object]], none: str = "nothing"
) -> None:
    """Print a table on standard output; a cell that is None is empty.

    Without a row there is no table either, and ``none`` is said.
    """
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        # The last column has the prose; the others must stay whole to be copied.
        table.add_column(Text(column), overflow="fold")
    for row in rows:
        table.add_row(*(Text("" if cell is None else safe_text(str(cell))) for cell in row))
    if table.row_count:
        console().print(table)
    else:
        say(none)


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
