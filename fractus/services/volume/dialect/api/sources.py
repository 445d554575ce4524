"""What volumes and backups are made of: it holds them only until they are made."""

from __future__ import annotations

from fractus.store.resources import Resources
from fractus.store.transaction import Transaction

#: States of one that is not made yet. A backup that cannot be made is not made of its volume any more.
_UNDER_WAY = {"volume": ("creating", "error"), "backup": ("creating",)}


async def users_left(resources: Resources, tx: Transaction, kind: str, id: str) -> list[tuple[str, str]]:
    """(kind, id) of what needs (kind, id) still. Volumes and backups that were made of it are let go: they no longer
    do. A backup that says the difference to another needs that as long as it is there.
    """
    left = []
    for user in await resources.needed_by(tx, kind, id):
        lets_go = user[0] in ("volume", "backup") and (user[0] != kind or kind == "volume")
        made = await resources.fetch(tx, *user) if lets_go else None
        if made is None or made.status in _UNDER_WAY[user[0]]:
            left.append(user)
            continue
        kept = [need for need in await resources.needs(tx, *user) if (need.kind, need.id) != (kind, id)]
        await resources.set_needs(tx, *user, kept)
    return left
