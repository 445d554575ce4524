"""Microversions as tables.

Business code knows the newest shape only. What older versions looked like is said in rows, one for each difference
(`VersionTable`); a reply is stepped down from the newest to the asked version, a request is checked against what its
version knew, and code asks for a *behaviour by name*, never for a number.

A *path* names a field of one document: `locked`, `server.tags`, `addresses.*[].OS-EXT-IPS:type`; `[]` goes through the
items of a list, `*` through the values of an object.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple, TypeAlias

from fractus.model.errors import Invalid

_VERSION = re.compile(r"([1-9]\d*)\.([1-9]\d*|0)")


class Version(NamedTuple):
    """A microversion: `Version(2, 104)`. Compares as numbers do. `Version(0, 0)` where a service has none."""

    major: int
    minor: int

    def __str__(self) -> str:
        """`2.104`."""
        return f"{self.major}.{self.minor}"

    @classmethod
    def parse(cls, text: str) -> Version:
        """The version that `text` writes as `X.Y`; ValueError where it writes none (Nova's own pattern)."""
        match = _VERSION.fullmatch(text)
        if match is None:
            raise ValueError(text)
        return cls(int(match[1]), int(match[2]))


#: Of services without microversions.
UNVERSIONED = Version(0, 0)


class VersionRange(NamedTuple):
    """What a service serves, both ends included."""

    min: Version
    max: Version


Document: TypeAlias = "dict[str, Any]"
#: `down(document, extra)`: the document one version older. It may change and return the document that it is given;
#: `extra` is what the handler knows beside the document (a flavor's id that newer versions no longer show).
Down: TypeAlias = "Callable[[Document, Mapping[str, Any]], Document]"
Up: TypeAlias = "Callable[[Document], Document]"


@dataclasses.dataclass(frozen=True, slots=True)
class FieldAdded:
    """Replies have `path` since `version`; older ones lack it."""

    version: Version
    path: str


@dataclasses.dataclass(frozen=True, slots=True)
class FieldRemoved:
    """Replies had `path` before `version`; `value(document, extra)` says what older ones get there."""

    version: Version
    path: str
    value: Callable[[Document, Mapping[str, Any]], Any]


@dataclasses.dataclass(frozen=True, slots=True)
class QueryAdded:
    """Query parameter `name` is known since `version`. `on` names the operation; empty: all of the table."""

    version: Version
    name: str
    on: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class QueryRemoved:
    """Query parameter `name` is no longer known since `version`."""

    version: Version
    name: str
    on: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class RequestFieldAdded:
    """Request bodies may have `path` since `version`. `on` names the operation; empty: all of the table."""

    version: Version
    path: str
    on: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class RequestFieldRemoved:
    """Request bodies may no longer have `path` since `version`."""

    version: Version
    path: str
    on: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Reshaped:
    """What no other row can say: `down` makes a reply older than `version`, `up` makes an older request newer."""

    version: Version
    down: Down | None = None
    up: Up | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class StatusChanged:
    """Operation `on` answers `new` since `version`, and `old` before."""

    version: Version
    on: str
    old: int
    new: int


@dataclasses.dataclass(frozen=True, slots=True)
class RouteAdded:
    """The route exists since `version` (the route's own `min_version` enforces it; a test compares the two)."""

    version: Version
    method: str
    path: str


@dataclasses.dataclass(frozen=True, slots=True)
class RouteRemoved:
    """The route is gone since `version` (the route's `max_version` is the one before)."""

    version: Version
    method: str
    path: str


@dataclasses.dataclass(frozen=True, slots=True)
class Behaviour:
    """Since `version` the service behaves differently in a way that `name` stands for."""

    version: Version
    name: str


Row: TypeAlias = (
    "FieldAdded | FieldRemoved | QueryAdded | QueryRemoved | RequestFieldAdded | RequestFieldRemoved | Reshaped"
    " | StatusChanged | RouteAdded | RouteRemoved | Behaviour"
)


def _parents(document: Any, steps: tuple[str, ...]) -> Iterator[Document]:
    """The objects that `steps` lead to."""
    if not steps:
        if isinstance(document, dict):
            yield document
        return
    step, rest = steps[0], steps[1:]
    if step == "[]":
        below: Iterable[Any] = document if isinstance(document, list) else ()
    elif not isinstance(document, dict):
        below = ()
    elif step == "*":
        below = document.values()
    else:
        below = (document[step],) if step in document else ()
    for item in below:
        yield from _parents(item, rest)


def _split(path: str) -> tuple[tuple[str, ...], str]:
    """A path as the steps to the object that holds the field, and the field's name."""
    *parents, name = path.split(".")
    steps: list[str] = []
    for part in parents:
        bare = part.removesuffix("[]")
        steps.append(bare)
        if bare != part:
            steps.append("[]")
    if not name or name.endswith("[]") or name == "*" or "" in steps:
        raise ValueError(f"not the path of a field: {path!r}")
    return tuple(steps), name


def _down_step(row: Row) -> Down | None:
    """What makes a document of `row.version` one step older, or None where the row says nothing of replies."""
    if isinstance(row, FieldAdded):
        steps, name = _split(row.path)

        def drop(document: Document, _extra: Mapping[str, Any]) -> Document:
            for parent in _parents(document, steps):
                parent.pop(name, None)
            return document

        return drop
    if isinstance(row, FieldRemoved):
        steps, name = _split(row.path)
        value = row.value

        def restore(document: Document, extra: Mapping[str, Any]) -> Document:
            put = value(document, extra)
            for parent in _parents(document, steps):
                parent[name] = put
            return document

        return restore
    return row.down if isinstance(row, Reshaped) else None


_NOTHING: Mapping[str, Any] = {}


class VersionTable:
    """All rows of one document and its operations.

    Rows of one version are undone in the reverse of their order in the table.
    """

    def __init__(self, rows: Iterable[Row]) -> None:
        self.rows = tuple(sorted(rows, key=lambda row: row.version))
        downs = [(row.version, step) for row in self.rows if (step := _down_step(row)) is not None]
        self._downs = tuple(reversed(downs))
        self._newest = downs[-1][0] if downs else UNVERSIONED
        self._ups = tuple(
            (r.version, r.up) for r in self.rows if isinstance(r, Reshaped) and r.up is not None
        )
        self._behaviours = {row.name: row.version for row in self.rows if isinstance(row, Behaviour)}
        self._statuses = {row.on: row for row in self.rows if isinstance(row, StatusChanged)}
        self._queries: dict[str, list[QueryAdded | QueryRemoved]] = {}
        for row in self.rows:
            if isinstance(row, QueryAdded | QueryRemoved):
                self._queries.setdefault(row.name, []).append(row)
        fields = [row for row in self.rows if isinstance(row, RequestFieldAdded | RequestFieldRemoved)]
        self._fields = tuple((row, *_split(row.path)) for row in fields)

    def response_down(
        self, document: Document, version: Version, extra: Mapping[str, Any] | None = None
    ) -> Document:
        """`document` (the newest shape; it is used up, not copied) as `version` knew it."""
        known = _NOTHING if extra is None else extra
        for since, step in self._downs:
            if since <= version:
                break
            document = step(document, known)
        return document

    def request_up(self, body: Document, version: Version) -> Document:
        """A request body of `version` in the newest shape; `body` is used up."""
        for since, step in self._ups:
            if since > version:
                body = step(body)
        return body

    def request_check(self, body: Any, version: Version, on: str = "") -> None:
        """Raise `Invalid` where the body has a field that `version` did not know (or no longer knows).

        `on` names the operation: rows of other operations do not count.
        """
        for row, steps, name in self._fields:
            if (row.on and row.on != on) or (row.version <= version) is isinstance(row, RequestFieldAdded):
                continue
            for parent in _parents(body, steps):
                if name in parent:
                    where = steps[-1] if steps else "body"
                    raise Invalid(
                        f"Invalid input for field/attribute {where}. Value: {parent}. "
                        f"Additional properties are not allowed ({name!r} was unexpected)"
                    )

    def query_allowed(self, name: str, version: Version, on: str = "") -> bool:
        """Whether `version` knew the query parameter; parameters without a row are allowed."""
        rows = [row for row in self._queries.get(name, ()) if not row.on or row.on == on]
        if not rows:
            return True
        allowed = isinstance(rows[0], QueryRemoved)  # before a first row that removes it, it was there
        for row in rows:
            if row.version <= version:
                allowed = isinstance(row, QueryAdded)
        return allowed

    def behaviour(self, name: str, version: Version) -> bool:
        """Whether `version` behaves as `name` says; KeyError for a name without a row."""
        return version >= self._behaviours[name]

    def status(self, on: str, version: Version) -> int:
        """The status of operation `on` at `version`; KeyError for an operation without a row."""
        row = self._statuses[on]
        return row.new if version >= row.version else row.old

    def newest_at(self, version: Version) -> bool:
        """Whether a reply of `version` looks like the newest: then stored bytes can be sent as they are."""
        return version >= self._newest
