"""Statements about security groups and their rules."""

from __future__ import annotations

from typing import Any

from sqlalchemy import bindparam, delete, insert, select

from fractus.services.network.dialect.table import named
from fractus.services.network.security_groups.table import SECURITY_GROUP, SECURITY_GROUP_RULE
from fractus.store.listing import Filter, Filters, page
from fractus.store.transaction import Query, Reader, Transaction

_c = SECURITY_GROUP_RULE.c
_NAMES = tuple(column.name for column in _c)
_add = Query(insert(SECURITY_GROUP_RULE).values({name: bindparam(name) for name in _NAMES}))
_drop = Query(delete(SECURITY_GROUP_RULE).where(_c.id == bindparam("key")))
_drop_of = Query(delete(SECURITY_GROUP_RULE).where(_c.security_group_id == bindparam("key")))
_group = Query(select(_c.security_group_id).where(_c.id == bindparam("key")))


def group_scope(project_id: str) -> Filters:
    """What a project sees: its own groups, and those that are shared with it."""
    return [[Filter("project_id", "eq", project_id), Filter("shared", "eq", True), named(project_id)]]


def rule_scope(project_id: str) -> Filters:
    """What a project sees: the rules of its own groups."""
    return [Filter("project_id", "eq", project_id)]


async def rule_add(tx: Transaction, row: dict[str, Any]) -> None:
    """Write a rule's row."""
    await tx.execute(_add, **row)


async def rule_drop(tx: Transaction, id: str) -> None:
    """Remove a rule's row."""
    await tx.execute(_drop, key=id)


async def rules_drop(tx: Transaction, group_id: str) -> None:
    """Remove the rows of all rules of a group."""
    await tx.execute(_drop_of, key=group_id)


async def rule_group(reader: Reader, id: str) -> str | None:
    """The id of the group that a rule belongs to."""
    row = await reader.row(_group, key=id)
    return None if row is None else str(row[0])


async def groups_named(reader: Reader, project_id: str, name: str) -> list[str]:
    """Ids of a project's groups of a name."""
    conditions = [
        Filter("project_id", "eq", project_id),
        Filter("name", "eq", name),
        Filter("deleted_at", "null"),
    ]
    return [row[0] for row in await page(reader, SECURITY_GROUP, conditions, columns=("id",), limit=2)]
