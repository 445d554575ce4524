"""Lists as Neutron answers them: filters, fields, sorting, pages, all in one select over stored documents."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias

import msgspec
from msgspec import Struct
from sqlalchemy import Table

from fractus.auth.principal import Principal
from fractus.model.errors import NotFound
from fractus.model.network import EXTERNAL_TO, SHARED_WITH
from fractus.services.field import Fields, Match
from fractus.services.network.dialect.schema import values
from fractus.services.network.dialect.schema.attributes import MOST
from fractus.services.network.dialect.schema.errors import malformed
from fractus.services.network.dialect.table import named
from fractus.services.network.dialect.view import tag_pattern, to
from fractus.store.listing import Filter, Filters, Sort, UnknownMarker, page
from fractus.store.transaction import Reader, Row
from fractus.web.paging import neutron_links, neutron_paging
from fractus.web.routing import Call, Query, Reply

_decode = msgspec.json.decode
_encode = msgspec.json.encode

#: More rows than a table has: Neutron's lists have no end unless a limit is asked for.
_ALL = 1 << 31

PAGING = frozenset({"fields", "sort_key", "sort_dir", "limit", "marker", "page_reverse"})
_TAGS = frozenset({"tags", "tags-any", "not-tags", "not-tags-any"})

#: Filters that a kind has beside its attributes: parameter name -> its values -> conditions.
Special: TypeAlias = "Callable[[list[str]], Filters]"


class Lists(Struct, frozen=True, kw_only=True):
    """How one kind is listed.

    `scope` says what a caller who is no admin sees; `missing` the error about a marker; `admin_rule` the policy rule
    for what stands in the column `extra`, empty where the kind has nothing there. `tombstones`: rows outlive their
    deletion.
    """

    collection: str
    table: Table
    attributes: Fields
    scope: Callable[[Principal], Filters]
    missing: Callable[[str], NotFound]
    admin_rule: str = ""
    tombstones: bool = True
    special: dict[str, Special] = {}


async def reply(reader: Reader, call: Call, lists: Lists, *, more: Filters = ()) -> Reply:
    """The answer to a GET of the collection. `more`: what else holds for all that the query asks for."""
    shown = paging_columns(lists)
    paging = neutron_paging(call.query, columns=shown)
    conditions = [*filters(call.query, lists, call.principal), *more, *visible(call.principal, lists)]
    sorts = [Sort(column, ascending is paging.reverse) for column, ascending in paging.sorts]
    extra = bool(lists.admin_rule) and call.allows(lists.admin_rule)
    by_name = SHARED_WITH in lists.table.c
    columns = ("id", "summary", *(["extra"] if extra else []), *([SHARED_WITH] if by_name else []))
    if paging.marker is not None:
        await _check_marker(reader, call.principal, lists, paging.marker)
    try:
        rows = await page(
            reader, lists.table, conditions,
            columns=columns, sorts=sorts, marker=paging.marker, limit=paging.limit or _ALL,
        )  # fmt: skip
    except UnknownMarker:
        raise lists.missing(paging.marker or "") from None
    if paging.reverse:
        rows.reverse()
    if by_name:
        who = call.principal.project_id
        rows = [(row[0], to(row[1], row[-1], who), *row[2:-1]) for row in rows]
    parts = [b'{"', lists.collection.encode(), b'":[', b",".join(documents(rows, fields(call.query))), b"]"]
    links = neutron_links(call, paging, [row[0] for row in rows])
    if links:
        parts += [b',"', lists.collection.encode(), b'_links":', _encode(links)]
    return Reply(200, b"".join([*parts, b"}"]))


def paging_columns(lists: Lists) -> dict[str, str]:
    """What the list may be sorted by, and the columns of that."""
    return {name: one.sort for name, one in lists.attributes.items() if one.sort}


def visible(principal: Principal, lists: Lists) -> Filters:
    """What the caller may see of the kind at all."""
    alive = [Filter("deleted_at", "null")] if lists.tombstones else []
    return alive if principal.is_admin else [*alive, *lists.scope(principal)]


async def _check_marker(reader: Reader, principal: Principal, lists: Lists, marker: str) -> None:
    """A marker is a row that the caller may see: else one could ask for others' ids with it."""
    known = [Filter("id", "eq", marker), *visible(principal, lists)]
    if not await page(reader, lists.table, known, columns=("id",), limit=1):
        raise lists.missing(marker)


def fields(query: Query) -> frozenset[str]:
    """The attributes asked for; empty: all."""
    return frozenset(name for name in query.all("fields") if name)


def documents(rows: Iterable[Row], only: frozenset[str]) -> list[bytes]:
    """The stored documents of rows (id, summary[, extra]) as they are sent; `only` some attributes of them."""
    whole = [splice(row[1], row[2] if len(row) > 2 else None) for row in rows]
    return whole if not only else [project(document, only) for document in whole]


def splice(summary: bytes, extra: bytes | None) -> bytes:
    """Two JSON objects as one."""
    if not extra or extra == b"{}":
        return summary
    return extra if summary == b"{}" else summary[:-1] + b"," + extra[1:]


def project(document: bytes, only: frozenset[str]) -> bytes:
    """Some attributes of a document; those that it does not have are passed over."""
    found: dict[str, Any] = _decode(document)
    return _encode({name: value for name, value in found.items() if name in only})


def one(kind: str, document: bytes, query: Query) -> Reply:
    """The answer to a GET of one thing."""
    only = fields(query)
    body = project(document, only) if only else document
    return Reply(200, b'{"' + kind.encode() + b'":' + body + b"}")


# --- filters -------------------------------------------------------------------------------------


def filters(query: Query, lists: Lists, principal: Principal) -> list[Filter | Sequence[Filter]]:
    """The conditions of a query; a parameter that is repeated holds for any of its values."""
    conditions: list[Filter | Sequence[Filter]] = []
    unknown = []
    for name in query.names():
        if name in PAGING:
            continue
        attribute = lists.attributes.get(name)
        given = query.all(name)
        if name in lists.special:
            conditions += lists.special[name](given)
        elif name in _TAGS and "tags" in lists.attributes:
            conditions.append(_tagged(name, given))
        elif attribute is None or attribute.match is None:
            unknown.append(name)
        elif name == "shared" and SHARED_WITH in lists.table.c:
            conditions += _shared(attribute.match, given, principal)
        else:
            conditions.append(_matching(attribute.match, given))
    if unknown:
        raise malformed(f"{unknown} is invalid attribute for filtering")
    return conditions


def _matching(match: Match, given: list[str]) -> Filter | Sequence[Filter]:
    found = given if match.convert is None else [match.convert(text) for text in given]
    if match.how == "none":
        return Filter(match.column, "null")
    if match.how == "member":
        return [Filter(match.column, "like", f"%|{escape(value)}|%") for value in found]
    if match.how == "flag":
        each = [Filter(match.column, "eq", value) for value in dict.fromkeys(found)]
        return each if all(found) else [*each, Filter(match.column, "null")]
    return Filter(match.column, "eq", found[0]) if len(found) == 1 else Filter(match.column, "in", found)


def _shared(match: Match, given: list[str], principal: Principal) -> list[Filter | Sequence[Filter]]:
    """What is shared with all, or with the caller's project by name; or neither."""
    plain, by_name = _matching(match, given), named(principal.project_id)
    asked = {match.convert(text) if match.convert is not None else text for text in given}
    if asked == {True}:
        return [[Filter(match.column, "eq", True), by_name]]
    if asked == {False}:
        return [plain, [Filter(SHARED_WITH, "null"), Filter(SHARED_WITH, "notlike", by_name.value)]]
    return [plain]


def leading_out(given: list[str]) -> Filters:
    """`router:external`: what is external to all, or to some by name; or neither."""
    asked = {values.to_boolean(text) for text in given}
    if asked == {True}:
        return [[Filter("external", "eq", True), Filter(EXTERNAL_TO, "notnull")]]
    if asked == {False}:
        return [[Filter("external", "eq", False), Filter("external", "null")], Filter(EXTERNAL_TO, "null")]
    return []


def escape(text: str) -> str:
    """Text that means itself in a LIKE pattern."""
    return re.sub(r"([\\%_])", r"\\\1", text)


def _tagged(name: str, given: list[str]) -> Filter:
    """Conditions on the column `tags`, where a tag stands as `|tag|`; case counts, unlike in LIKE."""
    asked = list(dict.fromkeys(tag for text in given for tag in text.split(",")))
    if len(asked) > MOST and name in ("tags", "not-tags"):
        # Nothing has so many tags, so nothing has all of them: not to be looked for in each row.
        return Filter("id", "notnull" if name == "not-tags" else "null")
    each = [re.escape(tag_pattern(tag)) for tag in asked]
    every = "".join(f"(?=.*{pattern})" for pattern in each)
    some = f"(?=.*(?:{'|'.join(each)}))"
    patterns = {
        "tags": every,
        "tags-any": some,
        "not-tags": f"(?!{every})",
        "not-tags-any": f"(?!{some})",
    }
    return Filter("tags", "regex", f"(?s-i:^{patterns[name]})")
