"""Limits, markers, sort keys and next-links, as each of the real services reads and writes them.

A marker is the id of the last thing of the page before; where it lies in the order is the query's business.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias
from urllib.parse import urlencode

from fractus.model.errors import Invalid
from fractus.web.routing import Call, Query

#: A sort key and whether it ascends.
Sort: TypeAlias = "tuple[str, bool]"


@dataclasses.dataclass(frozen=True, slots=True)
class Paging:
    """What part of a list is asked for, and in which order."""

    limit: int | None
    """At most so many; None where the service has no bound and none was asked for."""
    marker: str | None
    """The id of the last thing already seen."""
    sorts: tuple[Sort, ...]
    """Sort keys (already translated to columns), each with True for ascending."""
    reverse: bool = False
    """Neutron's `page_reverse`: the page before the marker, in the same order."""


#: More than any table has rows, and no more than a database takes for a number.
_MOST = 2**63 - 1


def _integer(text: str, complaint: str, type: str = "") -> int:
    if not (text.isascii() and text.isdigit()):
        raise Invalid(complaint, type=type)
    digits = text.lstrip("0")
    return _MOST if len(digits) > len(str(_MOST)) else min(int(digits or "0"), _MOST)


def _column(key: str, columns: Mapping[str, str], complaint: str) -> str:
    try:
        return columns[key]
    except KeyError:
        raise Invalid(complaint) from None


# --- Nova ----------------------------------------------------------------------------------------


def nova_paging(
    query: Query,
    *,
    columns: Mapping[str, str] | None = None,
    default: Sequence[Sort] = (("created_at", False), ("id", False)),
    max_limit: int = 1000,
) -> Paging:
    """Read `limit`, `marker`, `sort_key` and `sort_dir` as Nova does.

    `columns` maps the sort keys that users may name to columns; None: the list cannot be sorted by the user and
    `default` is its order. The keys of `default` are appended where they are missing, in the direction of the user's
    first key, as Nova does. A limit above `max_limit` is cut to it.
    """
    limit = max_limit
    text = query.one("limit")
    if text is not None:
        limit = min(_integer(text, _nova_complaint("limit", text, "does not match '^[0-9]*$'")), max_limit)
    sorts = tuple(default) if columns is None else _nova_sorts(query, columns, default)
    return Paging(limit, query.one("marker"), sorts)


def nova_offset(query: Query) -> int:
    """How many entries a list without markers passes over first."""
    text = query.one("offset")
    return 0 if text is None else _integer(text, _nova_complaint("offset", text, "does not match '^[0-9]*$'"))


def _nova_complaint(name: str, value: str, why: str) -> str:
    return f"Invalid input for query parameters {name}. Value: {value}. {value!r} {why}"


def _nova_sorts(query: Query, columns: Mapping[str, str], default: Sequence[Sort]) -> tuple[Sort, ...]:
    keys = [key.strip() for key in query.all("sort_key")]
    directions = [direction.strip() for direction in query.all("sort_dir")]
    if not keys and not directions:
        return tuple(default)
    for direction in directions:
        if direction not in ("asc", "desc"):
            raise Invalid("Invalid input received: Unknown sort direction, must be 'desc' or 'asc'")
    names = list(columns)
    chosen = [
        _column(key, columns, _nova_complaint("sort_key", key, f"is not one of {names}")) for key in keys
    ]
    if not chosen:
        chosen = [default[0][0]]
    if len(directions) > len(chosen):
        raise Invalid("Invalid input received: Sort direction size exceeds sort key size")
    first = directions[0] == "asc" if directions else default[0][1]
    ascending = [direction == "asc" for direction in directions]
    ascending += [first] * (len(chosen) - len(ascending))
    chosen_sorts = list(zip(chosen, ascending, strict=True))
    return (*chosen_sorts, *((key, first) for key, _ in default if key not in chosen))


def nova_links(call: Call, page: Paging, count: int, last_id: str | None) -> list[dict[str, str]]:
    """The `servers_links` of a page with `count` things: empty unless the page is full."""
    if last_id is None or not page.limit or count < page.limit:
        return []
    params = dict(sorted(call.query.items()))
    params["marker"] = last_id
    return [{"rel": "next", "href": f"{call.url}?{urlencode(params)}"}]


# --- Neutron -------------------------------------------------------------------------------------


def neutron_paging(
    query: Query, *, columns: Mapping[str, str], default: Sequence[Sort] = (("id", True),), max_limit: int = 0
) -> Paging:
    """Read `limit`, `marker`, `page_reverse`, `sort_key` and `sort_dir` as Neutron does.

    Neutron has no bound unless the operator sets one: `max_limit` 0 means none, and a limit of 0 means all.
    """
    text = query.one("limit", "0") or ""
    complaint = f"Bad limit request: Limit must be an integer 0 or greater and not '{text}'."
    limit = _integer(text, complaint, type="BadRequest")
    if max_limit:
        limit = min(limit, max_limit) or max_limit
    sorts = _neutron_sorts(query, columns)
    chosen = {key for key, _ in sorts}
    sorts += [sort for sort in default if sort[0] not in chosen]
    reverse = (query.one("page_reverse") or "").lower() == "true"
    marker = query.one("marker") if limit else None
    return Paging(limit or None, marker, tuple(sorts), reverse and bool(limit))


def _neutron_sorts(query: Query, columns: Mapping[str, str]) -> list[Sort]:
    keys = [key for key in query.all("sort_key") if key]
    directions = [direction for direction in query.all("sort_dir") if direction]
    if len(keys) != len(directions):
        raise Invalid("The number of sort_keys and sort_dirs must be same", type="HTTPBadRequest")
    unknown = [key for key in keys if key not in columns]
    if unknown:
        raise Invalid(f"{unknown} is invalid attribute for sort_keys", type="HTTPBadRequest")
    bad = [direction for direction in directions if direction not in ("asc", "desc")]
    if bad:
        raise Invalid(
            f"{bad} is invalid value for sort_dirs, valid value is 'asc' and 'desc'", type="HTTPBadRequest"
        )
    return [(columns[key], direction == "asc") for key, direction in zip(keys, directions, strict=True)]


def neutron_links(call: Call, page: Paging, ids: Sequence[str]) -> list[dict[str, str]]:
    """The `networks_links` of a page of `ids`: next unless the end was reached, previous unless the beginning was."""
    if not page.limit:
        return []
    links = []
    kept = [(name, value) for name, value in call.query.items() if name not in ("marker", "page_reverse")]
    short = len(ids) < page.limit
    if not short or page.reverse:
        after = [*kept, ("marker", ids[-1])] if ids else kept
        links.append({"rel": "next", "href": f"{call.url}?{urlencode(after)}"})
    if not short or not page.reverse:
        before = [*kept, ("marker", ids[0])] if ids else list(kept)
        before.append(("page_reverse", "True"))
        links.append({"rel": "previous", "href": f"{call.url}?{urlencode(before)}"})
    return links


# --- Glance --------------------------------------------------------------------------------------


def glance_paging(
    query: Query,
    *,
    columns: Mapping[str, str],
    default: Sequence[Sort] = (("created_at", False), ("id", False)),
    default_limit: int = 25,
    max_limit: int = 1000,
) -> Paging:
    """Read `limit`, `marker` and either syntax of sorting (`sort=name:asc,size`, or keys and directions) as Glance."""
    text = query.one("limit")
    limit = default_limit
    if text is not None:
        try:
            limit = int(text)
        except ValueError:
            raise Invalid("limit param must be an integer") from None
        if limit < 0:
            raise Invalid("limit param must be positive")
    sorts = _glance_sorts(query, columns, default)
    return Paging(min(limit, max_limit), query.one("marker"), sorts)


def _glance_sorts(query: Query, columns: Mapping[str, str], default: Sequence[Sort]) -> tuple[Sort, ...]:
    text = query.one("sort")
    if text is not None:
        if "sort_key" in query or "sort_dir" in query:
            raise Invalid("Old and new sorting syntax cannot be combined")
        pairs = [part.partition(":") for part in text.strip().split(",")]
        keys = [key.strip() for key, _, _ in pairs]
        directions = [direction.strip() or "desc" for _, _, direction in pairs]
    else:
        keys = [key.strip() for key in query.all("sort_key")]
        directions = [direction.strip() for direction in query.all("sort_dir")]
        if len(directions) > 1 and len(directions) != len(keys):
            raise Invalid("Number of sort dirs does not match the number of sort keys")
    available = ", ".join(columns)
    chosen = [
        _column(key, columns, f"Invalid sort key: {key}. It must be one of the following: {available}.")
        for key in keys
    ]
    for direction in directions:
        if direction not in ("asc", "desc"):
            raise Invalid(f"Invalid sort direction: {direction}")
    chosen = chosen or [default[0][0]]
    directions = directions or ["desc"]
    directions += directions[-1:] * (len(chosen) - len(directions))
    ascending = [direction == "asc" for direction in directions[: len(chosen)]]
    # What is sorted by twice is sorted by once: the first decides.
    sorts = dict(reversed([*zip(chosen, ascending, strict=True)]))
    first = tuple((key, sorts[key]) for key in dict.fromkeys(chosen))
    return (*first, *((key, ascending[-1]) for key, _ in default if key not in sorts))


def glance_links(call: Call, page: Paging, count: int, last_id: str | None) -> dict[str, str]:
    """`first` and, on a full page, `next` of a list; relative to the service's prefix, as Glance writes them."""
    params = dict(call.query.items())
    params.pop("marker", None)
    path = f"{call.mount}{call.path}"
    links: dict[str, Any] = {"first": f"{path}?{urlencode(params)}" if params else path}
    if last_id is not None and count and count == page.limit:
        params["marker"] = last_id
        links["next"] = f"{path}?{urlencode(params)}"
    return links
