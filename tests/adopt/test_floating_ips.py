"""Floating IPs that a cloud has come under management, and a dry run says of them what the run itself says."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from fractus.clouds.simulated.records import Record
from fractus.testing.world import World
from tests.adopt.takes import changes, reported, take
from tests.unit.services.network.conftest import Tenant
from tests.unit.services.network.test_routers import act, outside


def _floating(world: World) -> list[Record]:
    found = world.cloud("a").backend.things()["floatingip"]
    return [msgspec.structs.replace(one, marker="", by="", changed_at=0.0) for one in found]


@pytest.mark.parametrize("known", [False, True])
async def test_floating_ips_come_under_management_untouched(tmp_path: Path, known: bool) -> None:
    """Also where the external network is there already, from another cloud that has one of its name."""
    async with World(clouds=2, tmp_path=tmp_path) as world:
        ann = Tenant(world.user("ann", "p1"))
        public, _ = await outside(world)
        network, (subnet,) = await ann.network("10.71.0.0/24")
        router = (await ann.create("router", name="r", external_gateway_info={"network_id": public}))["id"]
        (await act(ann, router, "add_router_interface", subnet_id=subnet)).ok()
        server = await ann.user.boots_server("vm", zone="a", networks=[{"uuid": network}])
        await world.settle()
        [port] = await ann.listed("ports", device_id=server)
        led = await ann.create("floatingip", floating_network_id=public, port_id=port["id"])
        await ann.create("floatingip", floating_network_id=public)
        await world.settle()
        for things in world.cloud("a").backend.things().values():
            for one in things:
                world.cloud("a").backend.records.put(msgspec.structs.replace(one, marker="", by=""))
        before, count = _floating(world), len(changes(world))
        await world.loses_database()
        if known:
            await outside(world, "b")
        dry = await take(world, dry_run=True)
        report = await take(world)
        assert reported(dry) == reported(report) == []
        assert dry.taken == report.taken
        assert dry.taken["floatingip"] == 2
        await world.settle()
        await world.sweep(full=True)
        await world.settle()
        assert len(changes(world)) == count, changes(world)[count:]
        assert _floating(world) == before
        found = {one["floating_ip_address"]: one for one in await ann.listed("floatingips")}
        assert len(found) == 2
        [again] = await ann.listed("ports", fixed_ips=f"ip_address={port['fixed_ips'][0]['ip_address']}")
        assert found[led["floating_ip_address"]]["port_id"] == again["id"]
