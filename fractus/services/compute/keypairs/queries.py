"""Reading keypairs, and what is kept of them beside the document."""

from __future__ import annotations

from sqlalchemy import bindparam, select

from fractus.model.errors import NotFound
from fractus.model.resource import Resource
from fractus.services.compute.keypairs.table import KEYPAIR
from fractus.store.resources import Resources
from fractus.store.transaction import Query, Reader

_c = KEYPAIR.c
_shown = Query(select(_c.summary).where(_c.live == bindparam("live")))
_named = Query(select(_c.id).where(_c.live == bindparam("live")))


def missing(user_id: str, name: str) -> NotFound:
    """Nova's sentence."""
    return NotFound(f"Keypair {name} not found for user {user_id}")


async def keypair_shown(reader: Reader, user_id: str, name: str) -> bytes:
    """The stored document; `NotFound` where the user has no such key."""
    row = await reader.row(_shown, live=f"{user_id}/{name}")
    if row is None:
        raise missing(user_id, name)
    summary: bytes = row[0]
    return summary


async def keypair_id(reader: Reader, user_id: str, name: str) -> str | None:
    """Our id of a user's key."""
    row = await reader.row(_named, live=f"{user_id}/{name}")
    return None if row is None else str(row[0])


class KeypairSource:
    """Keypairs, for those who build servers."""

    def __init__(self, resources: Resources) -> None:
        """Read them from `resources`."""
        self._resources = resources

    async def by_name(self, reader: Reader, user_id: str, name: str) -> Resource | None:
        """The user's key of that name; its `id` is the one for needs."""
        id = await keypair_id(reader, user_id, name)
        return None if id is None else await self._resources.fetch(reader, "keypair", id)
