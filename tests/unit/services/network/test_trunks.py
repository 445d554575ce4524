"""Trunks and their sub-ports, as users see them and as they come to the clouds."""

from __future__ import annotations

from typing import Any

import pytest

from fractus.model.errors import Invalid
from fractus.services.network.trunks.schema import segment, sub_ports
from fractus.testing.asgi import HttpReply
from fractus.testing.user import COMPUTE
from fractus.testing.world import World
from tests.unit.services.network.conftest import V2, Tenant, error

_ID = "11111111-1111-1111-1111-111111111111"
_NUMBERED = {"port_id": _ID, "segmentation_type": "vlan", "segmentation_id": 5}


async def act(tenant: Tenant, trunk: dict[str, Any], action: str, *ports: dict[str, Any]) -> HttpReply:
    return await tenant.user.put(f"{V2}/trunks/{trunk['id']}/{action}", {"sub_ports": list(ports)})


def sub(port: dict[str, Any], number: int = 10) -> dict[str, Any]:
    return {"port_id": port["id"], "segmentation_type": "vlan", "segmentation_id": number}


async def ports(tenant: Tenant, cidr: str, count: int) -> list[dict[str, Any]]:
    network, _ = await tenant.network(cidr)
    return [await tenant.create("port", network_id=network, name=f"p{n}") for n in range(count)]


async def test_a_trunk_comes_with_its_server_before_it_and_leaves_after_it(world: World, ann: Tenant) -> None:
    [parent] = await ports(ann, "10.71.0.0/24", 1)
    one, two, three = await ports(ann, "10.72.0.0/24", 3)
    trunk = await ann.create("trunk", port_id=parent["id"], name="t", sub_ports=[sub(one, 10), sub(two, 20)])
    assert trunk["status"] == "DOWN"
    await world.settle()
    cloud = world.cloud("a")
    assert not cloud.of("trunk")
    server = await ann.user.boots_server("vm", zone="a", networks=[{"port": parent["id"]}])
    await world.settle()
    assert (await ann.user.server(server))["status"] == "ACTIVE"
    [there] = cloud.marked("trunk", trunk["id"])
    assert {one.segmentation_id for one in there.sub_ports} == {10, 20}
    assert (await ann.show("trunk", trunk["id"]))["status"] == "ACTIVE"
    details = (await ann.show("port", parent["id"]))["trunk_details"]
    assert details == {
        "trunk_id": trunk["id"],
        "sub_ports": [
            {**sub(port, n), "mac_address": port["mac_address"]} for port, n in ((one, 10), (two, 20))
        ],
    }
    # Out of service it takes other sub-ports from the worker all the same.
    (await act(ann, trunk, "add_subports", sub(three, 30))).ok()
    (await act(ann, trunk, "remove_subports", {"port_id": one["id"]})).ok()
    (await ann.change("trunk", trunk["id"], admin_state_up=False, name="n")).ok()
    await world.settle()
    [there] = cloud.marked("trunk", trunk["id"])
    assert ({one.segmentation_id for one in there.sub_ports}, there.admin_state_up, there.name) == (
        {20, 30}, False, "n",
    )  # fmt: skip
    assert error(await ann.delete("trunk", trunk["id"]))[:2] == (409, "TrunkDisabled")
    (await ann.change("trunk", trunk["id"], admin_state_up=True)).ok()
    assert error(await ann.delete("trunk", trunk["id"]))[:2] == (409, "TrunkInUse")
    await ann.user.deletes_server(server)
    await world.settle()
    assert not cloud.of("trunk")
    (await ann.delete("trunk", trunk["id"])).ok()
    assert "trunk_details" not in await ann.show("port", parent["id"])
    for port in (parent, one, two, three):
        (await ann.delete("port", port["id"])).ok()
    await world.settle()
    await world.assert_nothing_left(("trunk", "port"))


async def test_a_port_is_in_one_trunk_at_most(ann: Tenant, bob: Tenant) -> None:
    parent, other, one, two, three = await ports(ann, "10.71.0.0/24", 5)
    [foreign] = await ports(bob, "10.73.0.0/24", 1)
    trunk = await ann.create("trunk", port_id=parent["id"], sub_ports=[sub(one)])
    second = await ann.create("trunk", port_id=other["id"])
    refused = {
        "ParentPortInUse": (await ann.ask("trunk", port_id=parent["id"])),
        "TrunkPortInUse": (await ann.ask("trunk", port_id=one["id"])),
        "PortNotFound": (await ann.ask("trunk", port_id=foreign["id"])),
        "DuplicateSubPort": (await act(ann, trunk, "add_subports", sub(two))),
        "SubPortNotFound": (await act(ann, trunk, "remove_subports", {"port_id": two["id"]})),
        "PortInUseAsTrunkParent": (await ann.delete("port", parent["id"])),
        "PortInUseAsSubPort": (await ann.delete("port", one["id"])),
        "TrunkNotFound": (await bob.get(f"trunks/{trunk['id']}/get_subports")),
    }
    assert {error(reply)[1] for reply in refused.values()} == set(refused)
    assert error(await act(ann, second, "add_subports", sub(one, 11)))[1] == "TrunkPortInUse"
    assert error(await act(ann, second, "add_subports", sub(parent, 11)))[1] == "ParentPortInUse"
    assert error(await act(ann, second, "add_subports", sub(other, 11)))[1] == "ParentPortInUse"
    added = (await act(ann, second, "add_subports", sub(two, 11), sub(three, 12))).ok()
    assert (added["sub_ports"], added["revision_number"]) == ([sub(two, 11), sub(three, 12)], 3)
    assert (await ann.get(f"trunks/{second['id']}/get_subports")).ok() == {"sub_ports": added["sub_ports"]}
    (await act(ann, second, "remove_subports", {"port_id": two["id"]})).ok()
    (await ann.delete("port", two["id"])).ok()


async def test_the_parent_shows_the_addresses_of_its_sub_ports(ann: Tenant, root: Tenant) -> None:
    parent, one = await ports(ann, "10.71.0.0/24", 2)
    await ann.create("trunk", port_id=parent["id"], sub_ports=[sub(one)])
    (await root.user.put(f"{V2}/ports/{one['id']}", {"port": {"mac_address": "fa:16:3e:00:00:99"}})).ok()
    [shown] = (await ann.show("port", parent["id"]))["trunk_details"]["sub_ports"]
    assert shown["mac_address"] == "fa:16:3e:00:00:99"


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"segmentation_type": "vlan"}, "missing segmentation information"),
        ({"segmentation_type": "vlan", "segmentation_id": 4095}, "Segmentation ID '4095' is not in range"),
        ({"segmentation_type": "x", "segmentation_id": 5}, "Unknown segmentation_type 'x'"),
        ({"segmentation_type": "vlan", "segmentation_id": "x"}, "segmentation_id 'x' is not an integer"),
        ({"segmentation_type": "inherit"}, "cannot be carried to the clouds"),
    ],
)
def test_how_a_sub_port_is_marked(more: dict[str, Any], sentence: str) -> None:
    with pytest.raises(Invalid, match=sentence):
        segment({"port_id": "p", **more})


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({}, "is not a list"),
        ([1], "Invalid data format for subport: '1' is not a dict"),
        ([{"segmentation_id": 5}], "A valid port UUID must be specified"),
        ([{"port_id": "x"}], "Invalid UUID for subport: 'x'"),
        ([{"port_id": _ID}, {"port_id": _ID}], "Non unique UUID for subport"),
        ([{"port_id": _ID, "segmentation_id": 5}], "missing segmentation information"),
        ([_NUMBERED, {**_NUMBERED, "port_id": _ID[::-1]}], "Segmentation ID '5' for"),
        ([{"port_id": _ID}], None),
        ([{"port_id": _ID, "segmentation_type": "inherit"}], None),
    ],
)
def test_which_sub_ports_a_body_may_name(given: Any, sentence: str | None) -> None:
    found = sub_ports(given)
    assert found is None if sentence is None else sentence in str(found)


async def test_a_trunk_is_there_before_its_port_is_attached_and_leaves_when_it_is_detached(
    world: World, ann: Tenant
) -> None:
    parent, other, one = await ports(ann, "10.71.0.0/24", 3)
    server = await ann.user.boots_server("vm", zone="a", networks=[{"port": other["id"]}])
    await world.settle()
    trunk = await ann.create("trunk", port_id=parent["id"], sub_ports=[sub(one)])
    attached = f"{COMPUTE}/servers/{server}/os-interface"
    (await ann.user.post(attached, {"interfaceAttachment": {"port_id": parent["id"]}})).ok()
    await world.settle()
    assert (await ann.show("trunk", trunk["id"]))["status"] == "ACTIVE"
    [there] = world.cloud("a").marked("port", parent["id"])
    assert there.device_id
    (await ann.user.delete(f"{attached}/{parent['id']}")).ok()
    await world.settle()
    (await ann.delete("trunk", trunk["id"])).ok()
    await world.settle()
    assert not world.cloud("a").of("trunk")
    (await ann.user.post(f"{COMPUTE}/servers/{server}/action", {"os-stop": None})).ok()
    await world.settle()
    assert (await ann.user.server(server))["status"] == "SHUTOFF"
