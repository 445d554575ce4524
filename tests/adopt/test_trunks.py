"""Trunks that a cloud has come under management with their ports, and nothing changes there."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from fractus.testing.world import World
from tests.adopt.takes import changes, reported, take
from tests.adopt.test_rebuild import rebuild
from tests.unit.services.network.conftest import V2, Tenant


def wipe_marks(world: World) -> None:
    """Nobody has made what is there."""
    records = world.cloud("a").backend.records
    for things in world.cloud("a").backend.things().values():
        for one in things:
            records.put(msgspec.structs.replace(one, marker="", by=""))


@pytest.mark.parametrize("ours", [True, False])
async def test_trunks_come_under_management_untouched(tmp_path: Path, ours: bool) -> None:
    """As after a loss of the database, and as things that fractus has never seen."""
    async with World(clouds=1, tmp_path=tmp_path) as world:
        ann = Tenant(world.user("ann", "p1"))
        net, _ = await ann.network("10.0.0.0/24")
        parent, sub = [await ann.create("port", network_id=net) for _ in range(2)]
        marked = {"port_id": sub["id"], "segmentation_type": "vlan", "segmentation_id": 7}
        trunk = await ann.create("trunk", port_id=parent["id"], sub_ports=[marked])
        await ann.user.boots_server("vm", networks=[{"port": parent["id"]}])
        await world.settle()
        if not ours:
            wipe_marks(world)
        count = len(changes(world))
        await world.loses_database()
        report = (await rebuild(world))["a"] if ours else await take(world)
        assert reported(report) == []
        await world.settle()
        await world.sweep(full=True)
        await world.settle()
        assert len(changes(world)) == count, changes(world)[count:]
        [found] = await ann.listed("trunks")
        ports = {one["mac_address"]: one["id"] for one in await ann.listed("ports")}
        taken = ports[sub["mac_address"]]
        assert found["port_id"] == ports[parent["mac_address"]]
        assert found["sub_ports"] == [{**marked, "port_id": taken}]
        assert (found["status"], found["name"]) == ("ACTIVE", trunk["name"])
        shown = await ann.show("port", found["port_id"])
        assert shown["trunk_details"] == {
            "trunk_id": found["id"],
            "sub_ports": [{**marked, "port_id": taken, "mac_address": sub["mac_address"]}],
        }
        refused = await ann.delete("port", taken)
        assert refused.status == 409
        left = await ann.user.put(
            f"{V2}/trunks/{found['id']}/remove_subports", {"sub_ports": [{"port_id": taken}]}
        )
        assert left.ok()["sub_ports"] == []
