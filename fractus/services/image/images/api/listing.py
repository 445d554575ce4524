"""GET /images: Glance's filters, sorting and paging."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TypeAlias

import msgspec

from fractus.auth.principal import Principal
from fractus.base.clock import parse_iso
from fractus.model.errors import Invalid
from fractus.services.image.images import policy, schema, view
from fractus.services.image.images.api.access import Access, unknown
from fractus.services.image.images.queries import image_fetch
from fractus.services.image.images.table import IMAGE
from fractus.store.listing import Filter, Sort, page
from fractus.web.paging import glance_links, glance_paging
from fractus.web.routing import Call, Query, Reply, Route

Condition: TypeAlias = "Filter | Sequence[Filter]"

_SORTS = ("name", "status", "container_format", "disk_format", "size", "id", "created_at", "updated_at")
#: Parameters that filter nothing.
_PAGING = frozenset({"limit", "marker", "sort", "sort_key", "sort_dir", "member_status"})
#: Fields that know `in:`.
_NAMED = frozenset({"name", "id", "status", "container_format", "disk_format"})
_NUMBERS = frozenset({"size", "virtual_size", "min_disk", "min_ram"})
_TEXTS = {"checksum": "checksum", "os_hash_value": "os_hash_value", "owner": "project_id"}
_TIMES = frozenset({"created_at", "updated_at"})
_QUOTED = re.compile(r'"([^"\\]*(?:\\.[^"\\]*)*)",?|([^,]+),?|,')


class ListingApi:
    """Lists of images."""

    def __init__(self, access: Access) -> None:
        """Read from `access`."""
        self._access = access

    def routes(self) -> list[Route]:
        """One."""
        return [
            Route(method="GET", path="/images", handler=self.index, rule=policy.LIST, summary="List images.")
        ]

    async def index(self, call: Call) -> Reply:
        """A page of what the caller may see."""
        query = call.query
        filters = conditions(query, call.principal)
        paging = glance_paging(query, columns={name: name for name in _SORTS})
        store = self._access.store
        if paging.marker is not None:
            marker = await image_fetch(store, self._access.ledger.resources, paging.marker, call.principal)
            if marker is None:
                raise Invalid(unknown(paging.marker).message)
        rows = await page(
            store,
            IMAGE,
            filters,
            sorts=[Sort(column, not ascending) for column, ascending in paging.sorts],
            marker=paging.marker,
            limit=paging.limit or 0,
        )
        links = glance_links(call, paging, len(rows), rows[-1][0] if rows else None)
        rest = msgspec.json.encode({**links, "schema": "/v2/schemas/images"})
        body = b'{"images":[' + b",".join(summary for _, summary in rows) + b"]," + rest[1:]
        return Reply(200, body)


def conditions(query: Query, principal: Principal) -> list[Condition]:
    """What a list is asked for: the query's filters, and what the caller may see of it."""
    found: list[Condition] = [Filter("deleted_at", "null"), *_visible(query, principal)]
    if query.one("changes-since"):
        raise Invalid('The "changes-since" filter is no longer available on v2.')
    hidden = (query.one("os_hidden") or "false").lower()
    found.append(Filter("os_hidden", "eq", _boolean("os_hidden", hidden)))
    protected = query.one("protected")
    if protected is not None:
        found.append(Filter("protected", "eq", _boolean("protected", protected)))
    found += [_token("tag", tag.strip()) for tag in query.all("tag")]
    for name in query.names():
        if name not in _PAGING and name not in ("os_hidden", "protected", "tag", "visibility"):
            found += _field(name, query.one(name) or "")
    return found


def _boolean(name: str, text: str) -> bool:
    if text not in ("true", "false"):
        raise Invalid(f"Invalid value '{text}' for '{name}' filter. Valid values are 'true' or 'false'.")
    return text == "true"


def _token(*parts: str) -> Filter:
    return Filter("tokens", "like", f"%{view.token(*parts)}%")


def _visible(query: Query, who: Principal) -> list[Condition]:
    """What the caller may see, narrowed to a visibility; community images of others only where they are asked for."""
    status = query.one("member_status", "accepted") or ""
    if status not in ("pending", "accepted", "rejected", "all"):
        raise Invalid(f"Invalid status: {status}")
    visibility = query.one("visibility")
    if visibility and visibility not in (*schema.VISIBILITIES, "all"):
        raise Invalid(f"Invalid visibility value: {visibility}")
    seen: list[Condition] = []
    if not who.is_admin:
        either = [Filter("visibility", "in", ("public", "community"))]
        if who.project_id:
            shared = (who.project_id,) if status == "all" else (who.project_id, status)
            either += [Filter("project_id", "eq", who.project_id), _token("member", *shared)]
        seen.append(either)
    if visibility is None:
        own = [Filter("project_id", "eq", who.project_id)] if who.project_id else []
        seen.append([*own, Filter("visibility", "ne", "community")])
    elif visibility != "all":
        seen.append(Filter("visibility", "eq", visibility))
    return seen


#: Values of one `in:`; each number of them is a statement to compile.
_MOST_NAMED = 500
#: No more than a database takes for a number.
_MOST = 2**63 - 1


def _field(name: str, text: str) -> list[Condition]:
    """The filter on one field, or on a property of that name."""
    base, _, bound = name.rpartition("_")
    if bound in ("min", "max") and base in _NUMBERS:
        return _range(base, bound, text)
    if name in _NUMBERS:
        # What is no number, and one that no column holds, equals none that is kept.
        number = int(text) if text.isascii() and text.isdigit() and len(text) < len(str(_MOST)) else -2
        return [Filter(name, "eq", number)]
    if name in _TIMES:
        return _time(name, text)
    if name in _NAMED:
        return [_named(name, text)]
    if name in _TEXTS:
        return [Filter(_TEXTS[name], "eq", text)]
    return [_token("property", name, text)]


def _range(name: str, bound: str, text: str) -> list[Condition]:
    try:
        number = min(max(int(text), -1), _MOST)
    except ValueError:
        raise Invalid("Unable to filter on a range with a non-numeric value.") from None
    if bound == "min":
        return [Filter(name, "ge", max(number, 0))]
    # An image without bits has no size, so it is within no range.
    return [Filter(name, "le", number), Filter(name, "ge", 0)]


def _split(text: str) -> tuple[str, str]:
    """Operator and threshold; a stamp has colons of its own."""
    left, colon, right = text.partition(":")
    if not colon:
        return "eq", text
    try:
        parse_iso(text)
    except ValueError:
        return left, right
    return "eq", text


def _named(name: str, text: str) -> Filter:
    operator, value = _split(text)
    if operator == "in":
        asked = tuple(dict.fromkeys(_quoted(value)))
        if len(asked) > _MOST_NAMED:
            raise Invalid(f"Unable to filter by more than {_MOST_NAMED} values of '{name}'.")
        return Filter(name, "in", asked)
    if operator == "eq":
        return Filter(name, "eq", value)
    raise Invalid(f"Unable to filter by unknown operator '{operator}'.")


def _quoted(value: str) -> list[str]:
    """Values separated by commas; in double quotes those that have commas themselves."""
    is_open = False
    for at, char in enumerate(value):
        if char != '"' or (at and value[at - 1] == "\\"):
            continue
        if not is_open and at and value[at - 1] != ",":
            raise Invalid(f"Invalid filter value {value}. There is no comma before opening quotation mark.")
        if is_open and at + 1 != len(value) and value[at + 1] != ",":
            raise Invalid(f"Invalid filter value {value}. There is no comma after closing quotation mark.")
        is_open = not is_open
    if is_open:
        raise Invalid(f"Invalid filter value {value}. The quote is not closed.")
    return [quoted or plain for quoted, plain in _QUOTED.findall(value)]


def _time(name: str, text: str) -> list[Condition]:
    """Glance keeps whole seconds, and users see no more: so a second is compared, not a moment."""
    operator, stamp = _split(text)
    try:
        start = parse_iso(stamp) // 1
    except ValueError:
        raise Invalid(f'Bad "{name}" query filter format. Use ISO 8601 DateTime notation.') from None
    end = start + 1
    known: dict[str, list[Condition]] = {
        "gt": [Filter(name, "ge", end)],
        "gte": [Filter(name, "ge", start)],
        "lt": [Filter(name, "lt", start)],
        "lte": [Filter(name, "lt", end)],
        "eq": [Filter(name, "ge", start), Filter(name, "lt", end)],
        "neq": [[Filter(name, "lt", start), Filter(name, "ge", end)]],
    }
    if operator not in known:
        raise Invalid("Unable to filter on a unknown operator.")
    return known[operator]
