"""Which things requests get that name none."""

from __future__ import annotations

from fractus.services.network.dialect.queries.rows import ids
from fractus.store.listing import Filter
from fractus.store.resources import Resources
from fractus.store.transaction import Reader

_DEFAULT = Filter("is_default", "eq", True)


async def default_pool(reader: Reader, resources: Resources, version: int) -> str | None:
    """The id of the pool that requests for a family get which name none."""
    of = Filter("ip_version", "eq", version)
    return next(iter(await ids(reader, resources, "subnetpool", _DEFAULT, of)), None)


async def default_external(reader: Reader, resources: Resources) -> str | None:
    """The id of the external network of topologies that are allocated for projects."""
    return next(iter(await ids(reader, resources, "network", _DEFAULT, Filter("external", "eq", True))), None)
