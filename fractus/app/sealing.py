"""Change of the key that seals: what is sealed in the store, and that none of it is left behind with the old key."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Table, bindparam, select, update

from fractus.app.registry import SEALED, TABLES
from fractus.auth import vault as vaults
from fractus.auth.vault import Vault
from fractus.model.errors import Conflict
from fractus.store import clouds
from fractus.store.again import rerun
from fractus.store.transaction import Query, Reader, Store

_PAGE = 200


def _page(table: Table) -> Query:
    found = select(table.c.id, table.c.desired).where(table.c.id > bindparam("after"))
    return Query(found.order_by(table.c.id).limit(_PAGE))


_pages = {kind: _page(TABLES[kind]) for kind in SEALED}
_one = {
    kind: Query(select(TABLES[kind].c.desired).where(TABLES[kind].c.id == bindparam("key")))
    for kind in SEALED
}
_set = {
    kind: Query(
        update(TABLES[kind]).where(TABLES[kind].c.id == bindparam("key")).values(desired=bindparam("wish"))
    )
    for kind in SEALED
}


async def _sealed_wishes(reader: Reader, kind: str) -> list[tuple[str, dict[str, Any]]]:
    """(id, wish) of all of a kind with something sealed in it, deleted ones too: one may still be leaving."""
    found: list[tuple[str, dict[str, Any]]] = []
    after = ""
    while True:
        rows = await reader.rows(_pages[kind], after=after)
        if not rows:
            return found
        after = rows[-1][0]
        for id, text in rows:
            wish = msgspec.json.decode(text, type=dict[str, Any])
            if any(wish.get(field) for field in SEALED[kind]):
                found.append((id, wish))


async def reseal(store: Store, vault: Vault) -> int:
    """Seal with the first key whatever another one seals; how many that were. Cut short, it is run again."""
    changed = 0
    for row in await clouds.every(store):
        if not vault.is_newest(row.secret):
            await _reseal_cloud(store, vault, row.name)
            changed += 1
    for kind in SEALED:
        for id, wish in await _sealed_wishes(store, kind):
            if not _is_new(vault, wish, SEALED[kind]):
                await _reseal_wish(store, vault, kind, id)
                changed += 1
    return changed


def _is_new(vault: Vault, wish: Mapping[str, Any], fields: tuple[str, ...]) -> bool:
    return all(vault.is_newest(wish[field].encode()) for field in fields if wish.get(field))


@rerun
async def _reseal_cloud(store: Store, vault: Vault, name: str) -> None:
    async with store.transaction() as tx:
        row = await clouds.fetch(tx, name)
        if row is not None:
            row.secret = vault.reseal(row.secret)
            await clouds.configure(tx, row)


@rerun
async def _reseal_wish(store: Store, vault: Vault, kind: str, id: str) -> None:
    async with store.transaction() as tx:
        row = await tx.row(_one[kind], key=id)
        if row is None:
            return
        wish = msgspec.json.decode(row[0], type=dict[str, Any])
        for field in SEALED[kind]:
            if wish.get(field):
                wish[field] = vault.reseal(wish[field].encode()).decode("ascii")
        await tx.execute(_set[kind], key=id, wish=msgspec.json.encode(wish).decode())


async def left_behind(store: Store, vault: Vault) -> int:
    """How many things the first key alone does not open: none may be left when the others go."""
    old = sum(not vault.is_newest(row.secret) for row in await clouds.every(store))
    for kind in SEALED:
        old += sum(not _is_new(vault, wish, SEALED[kind]) for _, wish in await _sealed_wishes(store, kind))
    return old


async def retire(store: Store, vault: Vault, key_file: Path) -> None:
    """Drop all keys but the first; `Conflict` while something needs another."""
    old = await left_behind(store, vault)
    if old:
        raise Conflict(f"{old} things are sealed with an older key: run fractus vault reseal first.")
    vaults.retire(key_file)
