"""What a project uses, counted from its servers."""

from __future__ import annotations

from msgspec import Struct, json

from fractus.store.listing import Filter, page
from fractus.store.resources import Resources
from fractus.store.transaction import Reader

_PAGE = 1000


class _Flavor(Struct):
    vcpus: int
    ram: int


class _Desired(Struct):
    """Of a server's desired document only what is counted."""

    flavor: _Flavor


_decode = json.Decoder(_Desired).decode


async def usage_count(
    reader: Reader, resources: Resources, project_id: str, user_id: str | None
) -> tuple[int, int, int]:
    """How many servers, VCPUs and MiB of memory a project has; with `user_id`, only that user's."""
    table = resources.tables.get("server")
    if table is None:
        return 0, 0, 0
    filters = [Filter("project_id", "eq", project_id), Filter("deleted_at", "null")]
    if user_id is not None:
        filters.append(Filter("user_id", "eq", user_id))
    instances = cores = ram = 0
    marker: str | None = None
    while True:
        rows = await page(reader, table, filters, columns=("id", "desired"), marker=marker, limit=_PAGE)
        for _, desired in rows:
            flavor = _decode(desired).flavor
            instances, cores, ram = instances + 1, cores + flavor.vcpus, ram + flavor.ram
        if len(rows) < _PAGE:
            return instances, cores, ram
        marker = rows[-1][0]
