"""A dry run says what the run itself says, of every kind that is taken over, and writes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import select

from fractus.clouds.simulated.records import FloatingIpRecord
from fractus.reconcile.adopt.adopt import Report
from fractus.store import copying
from fractus.store.schema import METADATA
from fractus.store.transaction import Query
from fractus.testing.natives import Natives
from fractus.testing.user import COMPUTE, NETWORK, VOLUME
from fractus.testing.world import World
from tests.adopt.takes import P1, take
from tests.api.rows import changes, rows_of
from tests.unit.services.network.conftest import Tenant
from tests.unit.services.network.test_routers import act, outside

_FURNISHED = {
    "server", "flavor", "image", "keypair", "network", "subnet", "port", "security_group", "qos_policy", "router",
    "router_interface", "floatingip", "trunk", "volume", "snapshot", "volume_type", "volume_attachment",
    "metering_label", "backup", "group_members",
}  # fmt: skip


def _said(report: Report) -> Mapping[str, object]:
    return {
        "taken": dict(report.taken),
        "joined": dict(report.joined),
        "known": dict(report.known),
        "left": {kind: dict(reasons) for kind, reasons in report.left.items()},
        "conflicts": sorted((one.kind, one.remote_id, one.reason) for one in report.conflicts),
        "gaps": report.gaps,
    }


async def _furnish(world: World) -> None:
    """A cloud with something of every kind, and nothing of it ours."""
    ann = Tenant(world.user("ann", "p1"))
    public, _ = await outside(world)
    network, (subnet,) = await ann.network("10.71.0.0/24")
    router = (await ann.create("router", name="r", external_gateway_info={"network_id": public}))["id"]
    (await act(ann, router, "add_router_interface", subnet_id=subnet)).ok()
    asked = {"policy": {"name": "q", "project_id": P1}}
    policy = (await world.admin.post(f"{NETWORK}/qos/policies", asked)).ok()["policy"]
    (await ann.user.post(f"{COMPUTE}/os-keypairs", {"keypair": {"name": "key"}}, version="2.79")).ok()
    await ann.user.boots_server("vm", zone="a", networks=[{"uuid": network}], key_name="key")
    label = {"metering_label": {"name": "m", "project_id": P1}}
    (await world.admin.post(f"{NETWORK}/metering/metering-labels", label)).ok()
    parent = await ann.create("port", network_id=network, qos_policy_id=policy["id"])
    sub = await ann.create("port", network_id=network)
    subs = [{"port_id": sub["id"], "segmentation_type": "vlan", "segmentation_id": 100}]
    await ann.create("trunk", port_id=parent["id"], sub_ports=subs)
    await ann.user.boots_server("trunked", zone="a", networks=[{"port": parent["id"]}])
    await world.settle()
    [port] = [one for one in await ann.listed("ports") if one["device_owner"].startswith("compute:")][:1]
    for port_id in (port["id"], None):
        await ann.create(
            "floatingip", floating_network_id=public, **({"port_id": port_id} if port_id else {})
        )
    volume = {"volume": {"size": 1, "availability_zone": "a"}}
    made = (await ann.user.post(f"{VOLUME}/volumes", volume, version="3.71")).ok()["volume"]["id"]
    await world.settle()
    (await ann.user.post(f"{VOLUME}/snapshots", {"snapshot": {"volume_id": made}}, version="3.71")).ok()
    await world.settle()
    (await ann.user.post(f"{VOLUME}/backups", {"backup": {"volume_id": made}}, version="3.71")).ok()
    await world.settle()
    attached = {"volumeAttachment": {"volumeId": made}}
    (await ann.user.post(f"{COMPUTE}/servers/{port['device_id']}/os-volume_attachments", attached)).ok()
    await world.settle()
    Natives(world.cloud("a"), P1).address_group()
    records = world.cloud("a").backend.records
    for things in world.cloud("a").backend.things().values():
        for one in things:
            records.put(msgspec.structs.replace(one, marker="", by=""))
    await world.loses_database()


@pytest.mark.parametrize("clash", [False, True])
async def test_a_dry_run_says_what_the_run_says(tmp_path: Path, clash: bool) -> None:
    """`clash`: two floating IPs have one address there, which is found only of the second."""
    async with World(clouds=1, tmp_path=tmp_path) as world:
        await _furnish(world)
        if clash:
            first, second = world.cloud("a").of("floatingip")
            assert isinstance(first, FloatingIpRecord)
            twin = msgspec.structs.replace(second, floating_ip_address=first.floating_ip_address)
            world.cloud("a").backend.records.put(twin)
        before = await rows_of(world)
        dry = await take(world, dry_run=True)
        assert changes(before, await rows_of(world)) == []
        assert _said(dry) == _said(await take(world))
        assert set(dry.taken) | set(dry.known) | set(dry.joined) | set(dry.left) >= _FURNISHED
        assert world.core.adoptions.keys() <= _FURNISHED, "every kind is looked at"
        assert [one.kind for one in dry.conflicts] == (["floatingip"] if clash else [])


async def test_a_copy_is_whole_and_nobody_elses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copying, "_BATCH", 3)
    async with World(clouds=1, tmp_path=tmp_path) as world:
        await world.user("ann", project="p1").boots_server(zone="a")
        await world.settle()
        async with copying.copied(world.parts.store, world.clock) as copy:
            for table in METADATA.sorted_tables:
                every = Query(select(table).order_by(*table.primary_key.columns))
                assert await copy.rows(every) == await world.parts.store.rows(every), table.name
