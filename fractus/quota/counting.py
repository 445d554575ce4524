"""What resources cost, counted from their own rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence

import msgspec
from sqlalchemy import Table, bindparam, select

from fractus.model.resource import Resource
from fractus.quota.costs import Costs
from fractus.quota.usage import PROJECT, USER, Owner
from fractus.store.listing import Filter, page
from fractus.store.transaction import Query, Reader

_PAGE = 1000
_COLUMNS = ("id", "project_id", "user_id", "status", "desired")

_decode = msgspec.json.decode


async def count_owner(
    reader: Reader, costs: Mapping[str, Costs], tables: Mapping[str, Table], owner: Owner
) -> dict[str, int]:
    """All that an owner uses."""
    scope, id = owner
    kinds = [kind for kind, one in costs.items() if one.per_user == (scope == USER)]
    return await _count(reader, costs, tables, kinds, [Filter(f"{scope}_id", "eq", id)])


async def count_user(
    reader: Reader, costs: Mapping[str, Costs], tables: Mapping[str, Table], project_id: str, user_id: str
) -> dict[str, int]:
    """What one user uses in a project, of what a project's users share."""
    kinds = [kind for kind, one in costs.items() if one.service == "compute" and not one.per_user]
    filters = [Filter("project_id", "eq", project_id), Filter("user_id", "eq", user_id)]
    return await _count(reader, costs, tables, kinds, filters)


async def owners(
    reader: Reader, costs: Mapping[str, Costs], tables: Mapping[str, Table]
) -> AsyncIterator[Owner]:
    """All who have something that costs; some may come twice."""
    for scope, column, kind in _kinds(costs):
        owner = tables[kind].c[column]
        query = Query(
            select(owner)
            .where(tables[kind].c.deleted_at.is_(None), owner > bindparam("after"))
            .distinct()
            .order_by(owner)
            .limit(_PAGE)
        )
        after = ""
        while found := await reader.rows(query, after=after):
            for (id,) in found:
                yield scope, id
            after = found[-1][0]


def _kinds(costs: Mapping[str, Costs]) -> Iterator[tuple[str, str, str]]:
    for kind, one in costs.items():
        yield (USER, "user_id", kind) if one.per_user else (PROJECT, "project_id", kind)


async def _count(
    reader: Reader,
    costs: Mapping[str, Costs],
    tables: Mapping[str, Table],
    kinds: Sequence[str],
    filters: Sequence[Filter],
) -> dict[str, int]:
    total: Counter[str] = Counter()
    for kind in kinds:
        marker: str | None = None
        while True:
            rows = await page(
                reader,
                tables[kind],
                [*filters, Filter("deleted_at", "null")],
                columns=_COLUMNS,
                marker=marker,
                limit=_PAGE,
            )
            for row in rows:
                total.update(costs[kind].of(_resource(kind, row)))
            if len(rows) < _PAGE:
                break
            marker = rows[-1][0]
    return {name: amount for name, amount in total.items() if amount}


def _resource(kind: str, row: Sequence[str]) -> Resource:
    id, project_id, user_id, status, desired = row
    return Resource(
        kind=kind, id=id, project_id=project_id, user_id=user_id, status=status, desired=_decode(desired)
    )
