"""External networks in the clouds of a world, as their operators have made them, and taken over as an operator does."""

from __future__ import annotations

from collections.abc import Mapping

from fractus.clouds.simulated.external import make_external
from fractus.clouds.simulated.shape import Shape
from fractus.operations.adoption import external_networks
from fractus.reconcile.adopt import adopt as taking
from fractus.reconcile.adopt.adopt import IdentityMapping, Report
from fractus.store.listing import Filter, page
from fractus.testing.world import World

PUBLIC = "public"

#: One range for each of the first clouds, as documents may use them (RFC 5737).
_RANGES = ("203.0.113.0/24", "198.51.100.0/24", "192.0.2.0/24")


def put_external(world: World, cloud: str, cidr: str, name: str = PUBLIC) -> None:
    """Have a cloud have one, unless it has."""
    backend = world.cloud(cloud).backend
    make_external(backend.records, Shape(external={name: cidr}), backend.now())


async def take_external(world: World, cloud: str) -> Report:
    """Take over the external networks of a cloud, with their subnets."""
    child = world.core.children.get(cloud)
    assert child is not None
    found = await taking.survey(child, world.core.adoptions)
    return await taking.adopt(world.core, found, IdentityMapping(), only=external_networks(found))


async def outside(world: World, ranges: Mapping[str, str] | None = None, name: str = PUBLIC) -> str:
    """One external network over clouds: its id. `ranges`: the clouds and their CIDRs; else all, each with its own."""
    for cloud, cidr in (ranges or dict(zip(world.clouds_by_name, _RANGES, strict=False))).items():
        put_external(world, cloud, cidr, name)
        report = await take_external(world, cloud)
        assert not report.conflicts, report.conflicts
    asked = [Filter("name", "eq", name), Filter("external", "eq", True), Filter("deleted_at", "null")]
    ((id,),) = await page(world.core.store, world.core.resources.tables["network"], asked, columns=("id",))
    return str(id)
