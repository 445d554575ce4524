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

from fractus.model.errors import Invalid, NotAcceptable

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


def asked_version(headers: Mapping[str, str], service_type: str, legacy_header: str = "") -> str | None:
    """The text of the version that a request asks for, or None; names of `headers` are in lower case.

    `OpenStack-API-Version` names several services, separated by commas, of which the last one for a service counts;
    what names no service in it is passed over (microversion-parse's rules, which Nova and Cinder use).
    """
    standard = headers.get("openstack-api-version")
    if standard is not None:
        for part in reversed(standard.split(",")):
            words = part.split(None, 1)
            if len(words) == 2 and words[0].lower() == service_type:
                return words[1].strip()
    if legacy_header:
        legacy = headers.get(legacy_header)
        if legacy is not None:
            return legacy.split(",")[-1].strip()
    return None


class Negotiator:
    """Finds the version of a request to one service, and the headers that tell it in the answer."""

    def __init__(self, service_type: str, versions: VersionRange, legacy_header: str = "") -> None:
        self._type = service_type
        self._range = versions
        self._legacy = legacy_header
        self._legacy_lower = legacy_header.lower()
        self._headers: dict[Version, dict[str, str]] = {}

    @property
    def oldest(self) -> Version:
        """The oldest that is served."""
        return self._range.min

    def asked(self, headers: Mapping[str, str]) -> Version:
        """The version asked for, served or not; without one the oldest. `Invalid` where the text is no version."""
        text = asked_version(headers, self._type, self._legacy_lower)
        if text is None:
            return self._range.min
        if text == "latest":
            return self._range.max
        try:
            return Version.parse(text)
        except ValueError:
            raise Invalid(
                f"API Version String {text} is of invalid format. Must be of format MajorNum.MinorNum."
            ) from None

    def check(self, version: Version) -> None:
        """`NotAcceptable` outside of what the service serves."""
        if not self._range.min <= version <= self._range.max:
            raise NotAcceptable(
                f"Version {version} is not supported by the API. "
                f"Minimum is {self._range.min} and maximum is {self._range.max}."
            )

    def headers(self, version: Version) -> dict[str, str]:
        """The headers of an answer of `version`, also of the 406 that refuses it."""
        known = self._headers.get(version)
        if known is None:
            known = {"OpenStack-API-Version": f"{self._type} {version}", "Vary": "OpenStack-API-Version"}
            if self._legacy:
                known[self._legacy] = str(version)
                known["Vary"] += f", {self._legacy}"
            if self._range.min <= version <= self._range.max:  # what a stranger makes up is not kept
                self._headers[version] = known
        return known


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


def _parents(document: Any, steps: tuple[str, ...], at: str = "") -> Iterator[tuple[str, Document]]:
    """The objects that `steps` lead to, each with the name (or index) that it has in its parent."""
    if not steps:
        if isinstance(document, dict):
            yield at, document
        return
    step, rest = steps[0], steps[1:]
    if step == "[]":
        below: Iterable[tuple[Any, Any]] = enumerate(document) if isinstance(document, list) else ()
    elif not isinstance(document, dict):
        below = ()
    elif step == "*":
        below = document.items()
    else:
        below = ((step, document[step]),) if step in document else ()
    for name, item in below:
        yield from _parents(item, rest, str(name))


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
            for _, parent in _parents(document, steps):
                parent.pop(name, None)
            return document

        return drop
    if isinstance(row, FieldRemoved):
        steps, name = _split(row.path)
        value = row.value

        def restore(document: Document, extra: Mapping[str, Any]) -> Document:
            put = value(document, extra)
            for _, parent in _parents(document, steps):
                parent[name] = put
            return document

        return restore
    return row.down if isinstance(row, Reshaped) else None


_NOTHING: Mapping[str, Any] = {}


def unexpected_field(at: str, parent: Any, *names: str) -> str:
    """Nova's sentence about fields that a request may not have. `at`: the name of the object that has them."""
    listed = ", ".join(repr(name) for name in names)
    verb = "was" if len(names) == 1 else "were"
    sentence = f"Additional properties are not allowed ({listed} {verb} unexpected)"
    return f"Invalid input for field/attribute {at}. Value: {parent}. {sentence}" if at else sentence


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
        self._statuses: dict[str, list[StatusChanged]] = {}
        self._queries: dict[str, list[QueryAdded | QueryRemoved]] = {}
        for row in self.rows:
            if isinstance(row, QueryAdded | QueryRemoved):
                self._queries.setdefault(row.name, []).append(row)
            elif isinstance(row, StatusChanged):
                self._statuses.setdefault(row.on, []).append(row)
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
            for at, parent in _parents(body, steps):
                if name in parent:
                    raise Invalid(unexpected_field(at, parent, name))

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
        rows = self._statuses[on]
        status = rows[0].old
        for row in rows:
            if version >= row.version:
                status = row.new
        return status

    def newest_at(self, version: Version) -> bool:
        """Whether a reply of `version` looks like the newest: then stored bytes can be sent as they are."""
        return version >= self._newest
