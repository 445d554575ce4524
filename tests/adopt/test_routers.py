"""Routers that a cloud has come under management with their interfaces and gateways, and nothing changes there."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import msgspec
import pytest

from fractus.model.resource import Resource
from fractus.model.routers import RouterInterfaceObserved
from fractus.reconcile.adopt.adoption import Ignore
from fractus.services.network.router_interfaces.adoption import RouterInterfaceAdoption
from fractus.testing.user import NETWORK
from fractus.testing.world import World
from tests.adopt.takes import changes, reported, take
from tests.adopt.test_rebuild import rebuild
from tests.unit.services.network.conftest import Tenant
from tests.unit.services.network.test_routers import act, outside


def kept(world: World) -> dict[str, Any]:
    """What the cloud has of routers, without our marks."""
    things = world.cloud("a").backend.things()
    return {
        kind: sorted(
            msgspec.json.encode(msgspec.structs.replace(one, marker="", by="", changed_at=0.0)) for one in things[kind]
        )
        for kind in ("router", "router_interface", "port")
    }  # fmt: skip


def wipe_marks(world: World) -> None:
    """Nobody has made what is there."""
    records = world.cloud("a").backend.records
    for things in world.cloud("a").backend.things().values():
        for one in things:
            records.put(msgspec.structs.replace(one, marker="", by=""))


@pytest.mark.parametrize("ours", [True, False])
async def test_routers_come_under_management_untouched(tmp_path: Path, ours: bool) -> None:
    """As after a loss of the database, and as things that fractus has never seen."""
    async with World(clouds=1, tmp_path=tmp_path) as world:
        ann = Tenant(world.user("ann", "p1"))
        public, _ = await outside(world)
        network, (subnet,) = await ann.network("10.71.0.0/24")
        router = (await ann.create("router", name="r", external_gateway_info={"network_id": public}))["id"]
        added = (await act(ann, router, "add_router_interface", subnet_id=subnet)).ok()
        route = {"destination": "192.0.2.0/24", "nexthop": "10.71.0.9"}
        (await ann.change("router", router, routes=[route])).ok()
        helper = {"protocol": "tcp", "port": 21, "helper": "ftp"}
        helpers = f"{NETWORK}/routers/{router}/conntrack_helpers"
        (await ann.user.post(helpers, {"conntrack_helper": helper})).ok()
        await ann.user.boots_server("vm", zone="a", networks=[{"uuid": network}])
        await world.settle()
        if not ours:
            wipe_marks(world)
        before, count = kept(world), len(changes(world))
        await world.loses_database()
        report = (await rebuild(world))["a"] if ours else await take(world)
        if ours:
            # The external network is nobody's, and comes with what a cloud is asked for a second time.
            report = await take(world)
        assert reported(report) == []
        await world.settle()
        await world.sweep(full=True)
        await world.settle()
        assert len(changes(world)) == count, changes(world)[count:]
        assert kept(world) == before
        [found] = await ann.listed("routers")
        assert found["conntrack_helpers"] == [helper]
        assert found["external_gateway_info"]["network_id"]
        assert found["routes"] == [route]
        [port] = await ann.listed("ports", device_id=found["id"])
        assert (port["id"], port["device_owner"]) == (
            added["port_id"] if ours else port["id"],
            "network:router_interface",
        )
        (await ann.change("router", found["id"], routes=[])).ok()
        (await act(ann, found["id"], "remove_router_interface", port_id=port["id"])).ok()
        (await ann.user.delete(f"{NETWORK}/routers/{found['id']}")).ok()
        await world.settle()
        assert world.cloud("a").of("router") == world.cloud("a").of("router_interface") == []


async def test_an_interface_without_an_address_is_left_to_its_cloud() -> None:
    class Taken:
        async def taken(self, _tx: Any, kind: str, id: str) -> Resource:
            return Resource(kind=kind, id=id, project_id="p", desired={"fixed_ips": []})

    adoption, bare = (
        RouterInterfaceAdoption(),
        RouterInterfaceObserved(remote_id="i", router_id="r", subnets=[]),
    )
    made = Resource(kind="router_interface", id="i", project_id="p", desired={})
    verdict = await adoption.complete(cast(Any, None), made, bare, cast(Any, Taken()))
    assert verdict == Ignore("it has no address")
