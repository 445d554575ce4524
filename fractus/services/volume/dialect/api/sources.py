"""What volumes are made of: it holds them only until they are made."""

from __future__ import annotations

from fractus.store.resources import Resources
from fractus.store.transaction import Transaction

#: States of a volume that is not made yet.
_UNDER_WAY = ("creating", "error")


async def users_left(resources: Resources, tx: Transaction, kind: str, id: str) -> list[tuple[str, str]]:
    """(kind, id) of what needs (kind, id) still. Volumes that were made of it are let go: they no longer do."""
    left = []
    for user in await resources.needed_by(tx, kind, id):
        made = await resources.fetch(tx, *user) if user[0] == "volume" else None
        if made is None or made.status in _UNDER_WAY:
            left.append(user)
            continue
        kept = [need for need in await resources.needs(tx, *user) if (need.kind, need.id) != (kind, id)]
        await resources.set_needs(tx, *user, kept)
    return left
