"""Rows of a database as stencils: what is one thing's own is cut out, and filled in again for others."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

#: What stands in a copy in the place of a mark: mark -> text.
Values = Mapping[str, str]


class Marks(NamedTuple):
    """What is cut out of rows. A longer text is looked for before a shorter one that it holds."""

    texts: Mapping[str, str]
    """A text of the original -> its mark. A text may stand in the middle of a cell."""
    columns: Mapping[str, str] = {}
    """A column's name -> the mark whose value (of any type) replaces the whole cell, unless that is NULL."""


class Stencil:
    """One row of a table. `fill` makes another one of it."""

    def __init__(self, table: str, columns: Sequence[str], row: Sequence[Any], marks: Marks) -> None:
        self.table = table
        self.columns = tuple(columns)
        self.statement = (
            f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' for _ in columns)})"
        )
        self._cells = [_cell(name, cell, marks) for name, cell in zip(columns, row, strict=True)]

    def fill(self, values: Mapping[str, Any]) -> list[Any]:
        """The row with these values."""
        return [cell(values) if callable(cell) else cell for cell in self._cells]


def _cell(column: str, cell: Any, marks: Marks) -> Any:
    """The cell itself, or what makes it of values."""
    if column in marks.columns and cell is not None:
        return itemgetter(marks.columns[column])
    if not isinstance(cell, str | bytes):
        return cell
    pattern = re.compile("|".join(re.escape(text) for text in sorted(marks.texts, key=len, reverse=True)))
    text = cell if isinstance(cell, str) else cell.decode()
    pieces = pattern.split(text)
    if len(pieces) == 1:
        return cell
    names = [marks.texts[found] for found in pattern.findall(text)]
    if pieces == ["", ""]:
        return itemgetter(names[0])
    form = "%s".join(piece.replace("%", "%%") for piece in pieces)
    return _formed(form, names, encoded=isinstance(cell, bytes))


def _formed(form: str, names: Sequence[str], *, encoded: bool) -> Callable[[Values], str | bytes]:
    picked: Callable[[Values], Any] = itemgetter(*names)
    if encoded:
        return lambda values: (form % picked(values)).encode()
    return lambda values: form % picked(values)
