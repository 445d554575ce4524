"""Change of the key that seals: what is sealed in the store, and that none of it is left behind with the old key."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Table, bindparam, select, update

from fractus.auth import vault as vaults
from fractus.auth.vault import Vault
from fractus.model.errors import Conflict
from fractus.operations.parts import OperatorParts
from fractus.store import clouds
from fractus.store.retrying import rerun
from fractus.store.transaction import Query, Reader, Store

_PAGE = 200


@functools.cache
def _page(table: Table) -> Query:
    found = select(table.c.id, table.c.desired).where(table.c.id > bindparam("after"))
    return Query(found.order_by(table.c.id).limit(_PAGE))


@functools.cache
def _one(table: Table) -> Query:
    return Query(select(table.c.desired).where(table.c.id == bindparam("key")))


@functools.cache
def _set(table: Table) -> Query:
    return Query(update(table).where(table.c.id == bindparam("key")).values(desired=bindparam("value")))


async def _sealed_rows(
    reader: Reader, table: Table, fields: tuple[str, ...]
) -> list[tuple[str, dict[str, Any]]]:
    """(id, desired) of all rows of a kind with something sealed in it, deleted ones too: one may still be leaving."""
    found: list[tuple[str, dict[str, Any]]] = []
    after = ""
    while True:
        rows = await reader.rows(_page(table), after=after)
        if not rows:
            return found
        after = rows[-1][0]
        for id, text in rows:
            desired = msgspec.json.decode(text, type=dict[str, Any])
            if any(desired.get(field) for field in fields):
                found.append((id, desired))


async def reseal(parts: OperatorParts) -> int:
    """Seal with the first key whatever another one seals; how many that were. Cut short, it is run again."""
    store, vault, changed = parts.store, parts.vault, 0
    for row in await clouds.every(store):
        if not vault.is_newest(row.secret):
            await _reseal_cloud(store, vault, row.name)
            changed += 1
    for kind, fields in parts.sealed.items():
        table = parts.resources.tables[kind]
        for id, desired in await _sealed_rows(store, table, fields):
            if not _is_new(vault, desired, fields):
                await _reseal_desired(store, vault, table, fields, id)
                changed += 1
    return changed


def _is_new(vault: Vault, desired: Mapping[str, Any], fields: tuple[str, ...]) -> bool:
    return all(vault.is_newest(desired[field].encode()) for field in fields if desired.get(field))


@rerun
async def _reseal_cloud(store: Store, vault: Vault, name: str) -> None:
    async with store.transaction() as tx:
        row = await clouds.fetch(tx, name)
        if row is not None:
            row.secret = vault.reseal(row.secret)
            await clouds.configure(tx, row)


@rerun
async def _reseal_desired(store: Store, vault: Vault, table: Table, fields: tuple[str, ...], id: str) -> None:
    async with store.transaction() as tx:
        row = await tx.row(_one(table), key=id)
        if row is None:
            return
        desired = msgspec.json.decode(row[0], type=dict[str, Any])
        for field in fields:
            if desired.get(field):
                desired[field] = vault.reseal(desired[field].encode()).decode("ascii")
        await tx.execute(_set(table), key=id, value=msgspec.json.encode(desired).decode())


async def left_behind(parts: OperatorParts) -> int:
    """How many things the first key alone does not open: none may be left when the others go."""
    store, vault = parts.store, parts.vault
    old = sum(not vault.is_newest(row.secret) for row in await clouds.every(store))
    for kind, fields in parts.sealed.items():
        rows = await _sealed_rows(store, parts.resources.tables[kind], fields)
        old += sum(not _is_new(vault, desired, fields) for _, desired in rows)
    return old


async def retire(parts: OperatorParts, key_file: Path) -> None:
    """Drop all keys but the first; `Conflict` while something needs another."""
    old = await left_behind(parts)
    if old:
        raise Conflict(f"{old} things are sealed with an older key: run fractus vault reseal first.")
    vaults.retire(key_file)
