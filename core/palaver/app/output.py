"""What commands print: tables for people, lines of JSON for programs."""

import json
from collections.abc import Iterable, Mapping, Sequence

import click
from rich.cells import cell_len


def print_json(value: Mapping[str, object]) -> None:
    """One object on one line."""
    click.echo(json.dumps(value, ensure_ascii=False, default=str))


def printable(text: str) -> str:
    """The text without what could steer the terminal: others have written it, too."""
    return "".join(c if c.isprintable() or c in "\n\t" else "�" for c in text)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Columns as wide as they need be; nothing is cut."""
    cells = [tuple(printable(cell) for cell in row) for row in rows]
    widths = [max(map(cell_len, column)) for column in zip(columns, *cells, strict=True)]
    click.secho(_line(columns, widths), bold=True)
    for row in cells:
        click.echo(_line(row, widths))


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    """Wide characters take two columns, so `str.ljust` would not do."""
    padded = (
        cell + " " * (width - cell_len(cell)) for cell, width in zip(cells, widths, strict=True)
    )
    return "  ".join(padded).rstrip()
