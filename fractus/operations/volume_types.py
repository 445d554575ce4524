"""Under which names clouds have our volume types."""

from __future__ import annotations

from msgspec import Struct

from fractus.model.errors import NotFound
from fractus.model.resource import PENDING, Resource
from fractus.operations.parts import OperatorParts
from fractus.store import clouds, presences
from fractus.store.listing import Filter, page
from fractus.store.transaction import Reader

KIND = "volume_type"


class Mapped(Struct, frozen=True):
    """One type in one cloud. `remote_id` is empty where it was not needed yet, or is not there (`error`)."""

    type: str
    cloud: str
    name: str
    given: bool
    """An operator named it; else it is the type's own name."""
    remote_id: str = ""
    error: str = ""


async def mapped(parts: OperatorParts) -> list[Mapped]:
    """Every type in every cloud."""
    names = [row.name for row in await clouds.every(parts.store)]
    found = []
    for type_ in await _types(parts):
        there = {one.cloud: one for one in await presences.of_resource(parts.store, KIND, type_.id)}
        given = type_.desired["mapped"]
        for cloud in names:
            one = there.get(cloud)
            found.append(
                Mapped(
                    type=type_.name,
                    cloud=cloud,
                    name=given.get(cloud, type_.name),
                    given=cloud in given,
                    remote_id=(one.remote_id or "") if one is not None else "",
                    error=one.error if one is not None else "",
                )
            )
    return found


async def map_type(parts: OperatorParts, name: str, cloud: str, there: str) -> None:
    """Say that a cloud has a type under the name `there`; empty: under its own name. It is looked for anew.

    `NotFound` where there is no such type or cloud. Volumes that are there stay as they are.
    """
    async with parts.store.transaction() as tx:
        if await clouds.fetch(tx, cloud) is None:
            raise NotFound(f"There is no cloud {cloud}.")
        type_ = next((one for one in await _types(parts, tx) if name in (one.name, one.id)), None)
        if type_ is None:
            raise NotFound(f"There is no volume type {name}.")
        kept = {key: value for key, value in type_.desired["mapped"].items() if key != cloud}
        type_.desired["mapped"] = {**kept, cloud: there} if there else kept
        presence = await presences.fetch(tx, KIND, type_.id, cloud, to_write=True)
        if presence is not None:
            presence.remote_id = presence.observed = presence.observed_at = None
            presence.state, presence.error = PENDING, ""
            await presences.save(tx, presence)
        summary = parts.lifecycles[KIND].summarise(type_, [])
        await parts.ledger.change(tx, type_, summary)


async def _types(parts: OperatorParts, reader: Reader | None = None) -> list[Resource]:
    source = parts.store if reader is None else reader
    table = parts.resources.tables[KIND]
    rows = await page(source, table, [Filter("deleted_at", "null")], columns=("id",))
    found = [await parts.resources.fetch(source, KIND, str(id)) for (id,) in rows]
    return [one for one in found if one is not None]
