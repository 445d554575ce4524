"""Findings: what sweeps found in a cloud that is not as we hold it. One row for a thing there.

A finding goes away by itself when it is no longer true. `seen_at` is when it was last found changed, not when it
was last seen: a sweep that finds nothing new writes nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import bindparam, delete, func, insert, select, update

from fractus.store.schema import FINDING
from fractus.store.transaction import Query, Reader, Row, Transaction

ORPHAN, FOREIGN, MISSING, CHANGED = "orphan", "foreign", "missing", "changed"
"""What a finding is: there with our marker but unknown to us; there without it; ours and not there; ours, changed."""

WHATS = (ORPHAN, FOREIGN, MISSING, CHANGED)

OPEN, IGNORED = "open", "ignored"

_encode = msgspec.json.encode
_decode = msgspec.json.decode


class Finding(Struct, kw_only=True):
    """One row. `resource_id` is our id of the thing as far as it is known: its marker, for an orphan.

    `differences` of what is `changed`: dicts of `field`, `wanted`, `found`, `mends`, `adopts`, `ignored`, `since`.
    """

    cloud: str
    kind: str
    remote_id: str
    what: str
    detail: str = ""
    seen_at: float = 0.0
    id: str = ""
    first_seen_at: float = 0.0
    resource_id: str = ""
    project_id: str = ""
    state: str = OPEN
    differences: list[dict[str, Any]] = []


_FIELDS = tuple(column.name for column in FINDING.c)
_KEY = ("cloud", "kind", "remote_id")

_c = FINDING.c
_all = select(*(_c[name] for name in _FIELDS))
_here = (_c.cloud == bindparam("c")) & (_c.kind == bindparam("k")) & (_c.remote_id == bindparam("r"))
_one = Query(_all.where(_here))
_of_kind = Query(_all.where(_c.cloud == bindparam("c"), _c.kind == bindparam("k")))
_by_id = Query(_all.where(_c.id == bindparam("i")))
_add = Query(insert(FINDING).values({name: bindparam(name) for name in _FIELDS}))
_set = Query(
    update(FINDING)
    .where(_here)
    .values({name: bindparam(name) for name in _FIELDS if name not in _KEY and name != "id"})
)
_drop = Query(delete(FINDING).where(_here))
_forget = Query(delete(FINDING).where(_c.cloud == bindparam("c")))
_differing = Query(
    select(_c.resource_id)
    .where(
        _c.kind == bindparam("k"),
        (_c.what == MISSING)
        | ((_c.what == CHANGED) & _c.differences.like(bindparam("f", type_=_c.differences.type))),
    )
    .limit(bindparam("n"))
)
_counts = Query(select(_c.cloud, _c.what, _c.state, func.count()).group_by(_c.cloud, _c.what, _c.state))


def _load(row: Row) -> Finding:
    fields = dict(zip(_FIELDS, row, strict=True))
    fields["differences"] = _decode(fields["differences"]) if fields["differences"] else []
    return Finding(**fields)


def finding_id(cloud: str, kind: str, remote_id: str) -> str:
    """How an operator calls the finding of a thing: short, and the same always."""
    return hashlib.sha256("\x1f".join((cloud, kind, remote_id)).encode()).hexdigest()[:12]


async def fetch(reader: Reader, cloud: str, kind: str, remote_id: str) -> Finding | None:
    """The finding of one thing."""
    row = await reader.row(_one, c=cloud, k=kind, r=remote_id)
    return None if row is None else _load(row)


async def by_id(reader: Reader, id: str) -> Finding | None:
    """One by the id that operators use."""
    row = await reader.row(_by_id, i=id)
    return None if row is None else _load(row)


async def of_kind(reader: Reader, cloud: str, kind: str) -> dict[str, Finding]:
    """All of one kind in one cloud, by the id there."""
    return {found.remote_id: found for found in map(_load, await reader.rows(_of_kind, c=cloud, k=kind))}


@lru_cache(maxsize=128)
def _page(names: tuple[str, ...], paged: bool) -> Query:
    where = [_c[name] == bindparam(f"f_{name}") for name in names]
    if paged:
        after_kind = (_c.kind == bindparam("a_kind")) & (_c.remote_id > bindparam("a_remote_id"))
        after_cloud = (_c.cloud == bindparam("a_cloud")) & ((_c.kind > bindparam("a_kind")) | after_kind)
        where.append((_c.cloud >= bindparam("a_cloud")) & ((_c.cloud > bindparam("a_cloud")) | after_cloud))
    return Query(_all.where(*where).order_by(_c.cloud, _c.kind, _c.remote_id).limit(bindparam("n")))


async def page(
    reader: Reader, filters: Mapping[str, str], *, after: Finding | None = None, limit: int = 500
) -> list[Finding]:
    """Findings by cloud, kind and id there. `filters`: column -> value, those that are empty left out."""
    given = {name: value for name, value in sorted(filters.items()) if value}
    values: dict[str, Any] = {f"f_{name}": value for name, value in given.items()}
    if after is not None:
        values |= {"a_cloud": after.cloud, "a_kind": after.kind, "a_remote_id": after.remote_id}
    query = _page(tuple(given), after is not None)
    return [_load(row) for row in await reader.rows(query, n=limit, **values)]


async def differing(reader: Reader, kind: str, field: str, most: int) -> list[str]:
    """Our ids of things of a kind of which a cloud has this field otherwise than is wanted, and so users see it
    otherwise; also of those that it has no more. `most` of them, and in no order.
    """
    like = f'%"field":"{field}"%'
    return [id for (id,) in await reader.rows(_differing, k=kind, f=like, n=most)]


async def counts(reader: Reader) -> dict[tuple[str, str, str], int]:
    """(cloud, what, state) -> how many there are."""
    return {(cloud, what, state): int(n) for cloud, what, state, n in await reader.rows(_counts)}


async def put(tx: Transaction, found: Finding) -> None:
    """Write a finding, new or changed: what an operator said of it, and when it was first seen, is the caller's."""
    found.id = finding_id(found.cloud, found.kind, found.remote_id)
    found.seen_at = tx.now()
    found.first_seen_at = found.first_seen_at or found.seen_at
    values = {name: getattr(found, name) for name in _FIELDS}
    values["differences"] = _encode(found.differences).decode() if found.differences else None
    rest = {name: value for name, value in values.items() if name not in _KEY and name != "id"}
    if not await tx.execute(_set, c=found.cloud, k=found.kind, r=found.remote_id, **rest):
        await tx.execute(_add, **values)


async def drop(tx: Transaction, cloud: str, kind: str, remote_id: str) -> None:
    """It is no longer true, or nothing to us any more."""
    await tx.execute(_drop, c=cloud, k=kind, r=remote_id)


async def forget_cloud(tx: Transaction, cloud: str) -> None:
    """The cloud is nothing to us any more."""
    await tx.execute(_forget, c=cloud)
