"""Rows of a database as stencils: what is one thing's own is cut out, and filled in again for others."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from operator import itemgetter
from typing import Any, NamedTuple

from fractus.base.ids import derived_id

#: Ids that are named nowhere else (of rules of groups, of requests) are new ones in each copy.
_UUID = re.compile(r"(?<!req-)\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b")
_MAC = re.compile(r"\bfa:16:3e(?::[0-9a-f]{2}){3}\b")

Values = Mapping[str, Any]


class Era(NamedTuple):
    """The time in which the model was made: what lies in it is a stamp, wherever it stands."""

    began: float
    ended: float
    made_at: float
    """When the server was asked for; its own stamps lie here and after."""

    def pattern(self) -> str:
        """Stamps within texts: as services print them, and as numbers in JSON."""
        days = {datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d") for at in (self.began, self.ended)}
        iso = rf"(?:{'|'.join(sorted(days))})[T ]\d\d:\d\d:\d\d(?:\.\d+)?"
        seconds = "|".join(str(second) for second in range(int(self.began), int(self.ended) + 1))
        return rf"{iso}|\b(?:{seconds})(?:\.\d+)?\b"

    def after(self, stamp: float) -> float | None:
        """Seconds since the server was asked for; None of what was there before."""
        return stamp - self.made_at if stamp >= self.made_at else None


class Marks(NamedTuple):
    """What is cut out: what stands for it, by text. A longer text is looked for before a shorter one that it holds."""

    texts: Mapping[str, str]
    era: Era


def stamp_marks(values: dict[str, Any], made_at: float, shared_at: float, marks: Sequence[str]) -> None:
    """Fill in what stamps are in a copy: `marks` as `Stencil.stamps` names them."""
    for mark in marks:
        _, after, form = mark.split("|", 2)
        at = shared_at if not after else made_at + float(after)
        values[mark] = at if form == "number" else _printed(at, form)


def _printed(at: float, form: str) -> str:
    if form == "text":
        return f"{at:.1f}"
    return datetime.fromtimestamp(at, UTC).strftime(form)


class Stencil:
    """One row of a table. `fill` makes another one of it."""

    def __init__(self, table: str, columns: Sequence[str], row: Sequence[Any], marks: Marks) -> None:
        self.table = table
        self.statement = (
            f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"
        )
        self.stamps: set[str] = set()
        """What `stamp_marks` has to fill in."""
        self.unknown: dict[str, str] = {}
        """Ids that are nobody's: what stands for them, by text."""
        self._marks = marks
        self._pattern = re.compile(
            "|".join(
                [
                    *(re.escape(text) for text in sorted(marks.texts, key=len, reverse=True)),
                    marks.era.pattern(),
                ]
            )
        )
        self._cells = [self._cell(cell) for cell in row]

    def fill(self, values: Values) -> list[Any]:
        """The row with these values."""
        return [cell(values) if callable(cell) else cell for cell in self._cells]

    def _cell(self, cell: Any) -> Any:
        """The cell itself, or what makes it of values."""
        era = self._marks.era
        if isinstance(cell, float) and era.began <= cell <= era.ended:
            return itemgetter(self._stamp(cell, "number"))
        if not isinstance(cell, str | bytes):
            return cell
        try:
            text = cell if isinstance(cell, str) else cell.decode()
        except UnicodeDecodeError:
            return cell
        pieces, names = self._pieces(text)
        if not names:
            return cell
        if pieces == ["", ""] and isinstance(cell, str):
            return itemgetter(names[0])
        return _formed(
            "%s".join(piece.replace("%", "%%") for piece in pieces), names, encoded=isinstance(cell, bytes)
        )

    def _pieces(self, text: str) -> tuple[list[str], list[str]]:
        pieces, names, end = [], [], 0
        pattern = re.compile(f"{self._pattern.pattern}|{_UUID.pattern}|{_MAC.pattern}")
        for found in pattern.finditer(text):
            pieces.append(text[end : found.start()])
            names.append(self._mark(found.group()))
            end = found.end()
        return [*pieces, text[end:]], names

    def _mark(self, text: str) -> str:
        if text in self._marks.texts:
            return self._marks.texts[text]
        if _UUID.fullmatch(text) or _MAC.fullmatch(text):
            return self.unknown.setdefault(text, f"unknown {text}")
        if text[4] != "-":
            return self._stamp(float(text), "text")
        moment = datetime.fromisoformat(text).replace(tzinfo=UTC)
        # Digits behind the second are kept as many; what they say is only to the second.
        form = f"%Y-%m-%d{text[10]}%H:%M:%S" + ("." + "0" * len(text[20:]) if len(text) > 19 else "")
        return self._stamp(moment.timestamp(), form)

    def _stamp(self, at: float, form: str) -> str:
        after = self._marks.era.after(at)
        mark = f"stamp|{'' if after is None else f'{after:g}'}|{form}"
        self.stamps.add(mark)
        return mark


def unknown_value(text: str, *owner: str) -> str:
    """What stands in a copy in the place of an id or MAC that is nobody's; `owner` says which copy."""
    id = derived_id(text, *owner)
    if _UUID.fullmatch(text):
        return str(uuid.UUID(id).hex if "-" not in text else id)
    return f"fa:16:3e:ff:{id[:2]}:{id[2:4]}"


def _formed(form: str, names: Sequence[str], *, encoded: bool) -> Callable[[Values], str | bytes]:
    picked: Callable[[Values], Any] = itemgetter(*names)
    if encoded:
        return lambda values: (form % picked(values)).encode()
    return lambda values: form % picked(values)
