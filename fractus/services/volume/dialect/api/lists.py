"""What the query of a list asks for: page, order and filters, with Cinder's sentences where it is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

from msgspec import Struct

from fractus.base.clock import parse_iso
from fractus.model.errors import Invalid
from fractus.services.volume.dialect.api.query import check_page, flag
from fractus.services.volume.dialect.kind import Parameter, VolumeKind
from fractus.store.listing import Filter, Filters, Sort
from fractus.web.microversion import Version, VersionTable
from fractus.web.routing import Call

#: Cinder's bound of a page (`osapi_max_limit`).
MOST = 1000

#: Parameters of every list that are no filters.
_PLAIN = frozenset({"limit", "marker", "offset", "sort", "sort_key", "sort_dir", "with_count"})

#: From here on filters that are not known are refused, and from there on `name~` is a part of a name.
_STRICT, _LIKE, _COUNT, _TIMES = Version(3, 31), Version(3, 34), Version(3, 45), Version(3, 60)

_TIME_FILTERS = ("created_at", "updated_at")
_COMPARED = {"gt": "gt", "gte": "ge", "eq": "eq", "neq": "ne", "lt": "lt", "lte": "le"}


class Listing(Struct, frozen=True, kw_only=True):
    """One list that is asked for."""

    limit: int
    offset: int
    marker: str | None
    sorts: tuple[Sort, ...]
    filters: Filters
    nothing: bool = False
    """Nothing can be found by what is asked for."""
    with_count: bool = False


def asked(kind: VolumeKind, call: Call, _versions: VersionTable) -> Listing:
    """What a list of a kind is asked for. Raises `Invalid`."""
    check_page(call)
    limit = call.query.one("limit")
    offset = call.query.one("offset")
    filters = _filters(kind, call)
    counted = kind.counted and call.version >= _COUNT and "with_count" in call.query
    return Listing(
        limit=MOST if limit is None else min(int(limit), MOST),
        offset=int(offset or 0),
        marker=call.query.one("marker"),
        sorts=_sorts(kind, call),
        filters=filters or (),
        nothing=filters is None or limit == "0",
        with_count=counted and flag(call, "with_count"),
    )


def next_link(call: Call, last_id: str) -> list[dict[str, str]]:
    """The link to the page after the one that ends with `last_id`."""
    params = {name: call.query.one(name) or "" for name in call.query} | {"marker": last_id}
    return [{"rel": "next", "href": f"{call.url}?{urlencode(params)}"}]


def _sorts(kind: VolumeKind, call: Call) -> tuple[Sort, ...]:
    query = call.query
    whole = query.one("sort")
    if whole is not None and ("sort_key" in query or "sort_dir" in query):
        raise Invalid(
            "The 'sort_key' and 'sort_dir' parameters are deprecated and cannot be used with the 'sort' parameter."
        )
    if whole is None:
        pairs = [(query.one("sort_key") or "created_at", query.one("sort_dir") or "desc")]
    else:
        parts = (part.partition(":") for part in whole.strip().split(","))
        pairs = [(key, direction or "desc") for key, _, direction in parts]
    sorts = []
    for key, direction in ((key.strip(), direction.strip()) for key, direction in pairs):
        if direction not in ("asc", "desc"):
            raise Invalid("Invalid input received: Unknown sort direction, must be 'desc' or 'asc'.")
        if key not in kind.sorts:
            raise Invalid("Invalid input received: Invalid sort key")
        sorts.append(Sort(kind.sorts[key], direction == "desc"))
    return tuple(sorts)


def _filters(kind: VolumeKind, call: Call) -> list[Any] | None:
    """Conditions on the rows; None where nothing can be found."""
    admin = call.principal.is_admin
    given = {name: call.query.one(name) or "" for name in call.query if name not in _PLAIN}
    every = given.pop("all_tenants", None)
    found: list[Any] = [Filter("deleted_at", "null")]
    # An administrator who asks for types by whether they are public asks for those of all projects.
    asks_all = admin and "is_public" in given and "is_public" in kind.filters
    if not asks_all and not (admin and every is not None and _is_true(every)):
        found += kind.scope(call.principal.project_id)
    elif (project := given.pop("project_id", given.pop("tenant_id", None))) is not None:
        found.append(Filter("project_id", "eq", project))
    if not admin and call.version >= _STRICT:
        unknown = [name for name in given if name.removesuffix("~") not in kind.open_filters]
        if unknown:
            raise Invalid(f"Invalid filters {','.join(unknown)} are found in query options.")
    for name, text in given.items():
        conditions = _one(kind, call, name, text, admin=admin)
        if conditions is None:
            return None
        found += conditions
    return found


def _one(kind: VolumeKind, call: Call, name: str, text: str, *, admin: bool) -> list[Any] | None:
    """What one parameter asks for; None: nothing has that."""
    if name in _TIME_FILTERS and name in kind.open_filters:
        return list(_times(name, text)) if call.version >= _TIMES else []
    plain = name.removesuffix("~")
    parameter = kind.filters.get(plain)
    if not admin and plain not in kind.open_filters:
        return []
    if parameter is None:
        return None if admin else []
    if name != plain:
        return _like(parameter, text) if call.version >= _LIKE else []
    if parameter.since and call.version < Version.parse(parameter.since):
        return []
    return list(parameter.finds(text))


def _like(parameter: Parameter, text: str) -> list[Any]:
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    plain = [one for one in parameter.finds(text) if isinstance(one, Filter)]
    return [Filter(one.column, "like", f"%{escaped}%") for one in plain]


def _times(name: str, text: str) -> Iterator[Filter]:
    for part in text.split(","):
        operator, colon, stamp = part.partition(":")
        if operator not in _COMPARED:
            raise Invalid(f"Invalid {operator} operator" if colon else f"Invalid {name} value")
        try:
            yield Filter(name, _COMPARED[operator], parse_iso(stamp))
        except (ValueError, OverflowError):
            raise Invalid(f"Invalid {stamp} value") from None


def _is_true(text: str) -> bool:
    return text.lower() in ("1", "t", "true", "on", "y", "yes")
