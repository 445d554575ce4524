"""Provider attributes of networks: given by administrators, carried to the cloud that they mean something in, and shown
as that cloud has them.
"""

from __future__ import annotations

from typing import Any

import pytest

from fractus.testing.world import World
from tests.unit.services.network.conftest import Tenant, error

TYPE, PHYSICAL, ID = "provider:network_type", "provider:physical_network", "provider:segmentation_id"
VLAN = {TYPE: "vlan", PHYSICAL: "physnet1", ID: 12}


async def test_one_comes_to_the_cloud_of_its_zone_and_to_no_other(
    root: Tenant, ann: Tenant, world: World
) -> None:
    made = await root.create("network", name="wire", shared=True, availability_zone_hints=["b"], **VLAN)
    assert {name: made[name] for name in VLAN} == VLAN
    await root.create("subnet", network_id=made["id"], cidr="10.0.0.0/24", ip_version=4)
    await world.settle()
    assert world.cloud("a").of("network") == []
    [there] = world.cloud("b").marked("network", made["id"])
    assert (there.network_type, there.physical_network, there.segmentation_id) == tuple(VLAN.values())  # type: ignore[attr-defined]
    shown = await root.show("network", made["id"])
    assert ({name: shown[name] for name in VLAN}, shown["availability_zones"]) == (VLAN, ["b"])
    assert not {TYPE, PHYSICAL, ID, "segments"} & set(await ann.show("network", made["id"]))
    for query in ({TYPE: "vlan"}, {PHYSICAL: "physnet1"}, {ID: 12}):
        assert [one["id"] for one in await root.listed("networks", **query)] == [made["id"]]
    assert await root.listed("networks", **{ID: 13}) == []
    server = await ann.user.boots_server("vm", networks=[{"uuid": made["id"]}])
    await world.settle()
    assert (await ann.user.server(server))["OS-EXT-AZ:availability_zone"] == "b"


async def test_a_type_alone_means_the_same_everywhere(root: Tenant, world: World) -> None:
    net = (await root.create("network", name="n", **{TYPE: "vxlan"}))["id"]
    await root.create("subnet", network_id=net, cidr="10.0.0.0/24", ip_version=4)
    await world.settle()
    assert world.cloud("a").of("network") == [], "nothing needs it anywhere"
    for zone in ("a", "b"):
        await root.user.boots_server(networks=[{"uuid": net}], zone=zone)
    await world.settle()
    one = {TYPE: "vxlan", PHYSICAL: None, ID: None}
    shown = await root.show("network", net)
    assert (shown["segments"], TYPE in shown) == ([one, one], False), "one in each cloud"


async def test_several_segments(root: Tenant, world: World) -> None:
    several = [VLAN, {TYPE: "vxlan", PHYSICAL: None, ID: 5}]
    made = await root.create("network", name="n", availability_zone_hints=["a"], segments=several)
    assert made["segments"] == several
    await world.settle()
    [there] = world.cloud("a").marked("network", made["id"])
    assert there.segments == several  # type: ignore[attr-defined]
    assert (await root.show("network", made["id"]))["segments"] == several


async def test_nobody_knows_the_segment_of_a_network_that_is_nowhere(root: Tenant) -> None:
    made = await root.create("network", name="n")
    assert [made[name] for name in (TYPE, PHYSICAL, ID)] == [None, None, None]


async def test_an_external_one_is_of_its_cloud(root: Tenant, ann: Tenant, world: World) -> None:
    outside = {"router:external": True, TYPE: "flat", PHYSICAL: "physnet2", "availability_zone_hints": ["a"]}
    net = (await root.create("network", name="outside", **outside))["id"]
    await root.create("subnet", network_id=net, cidr="203.0.113.0/24", ip_version=4)
    address = await ann.create("floatingip", floating_network_id=net)
    inside, (subnet,) = await ann.network("10.0.0.0/24")
    router = (await ann.create("router", external_gateway_info={"network_id": net}))["id"]
    (await ann.user.put(f"/network/v2.0/routers/{router}/add_router_interface", {"subnet_id": subnet})).ok()
    port = (await ann.create("port", network_id=inside))["id"]
    await ann.user.boots_server("vm", networks=[{"port": port}], zone="b")
    await world.settle()
    refused = error(await ann.change("floatingip", address["id"], port_id=port))
    assert refused[:2] == (409, "FloatingIPInOtherZone")


@pytest.mark.parametrize(
    ("given", "type", "sentence"),
    [
        ({PHYSICAL: "physnet1"}, "InvalidInput", "network_type required"),
        ({TYPE: "foo"}, "InvalidInput", "network_type value 'foo' not supported"),
        ({TYPE: "flat"}, "InvalidInput", "physical_network required for flat provider network"),
        ({TYPE: "flat", PHYSICAL: "p", ID: 1}, "InvalidInput", "segmentation_id prohibited for flat provider network"),
        ({TYPE: "vlan", ID: 1}, "InvalidInput", "segmentation_id requires physical_network for VLAN provider network"),
        ({TYPE: "vlan", PHYSICAL: "p", ID: 4095}, "InvalidInput", "segmentation_id out of range (1 through 4094)"),
        ({TYPE: "geneve", PHYSICAL: "p"}, "InvalidInput", "provider:physical_network specified for geneve network"),
        ({TYPE: "local", ID: 1}, "InvalidInput", "segmentation_id prohibited for local provider network"),
        ({TYPE: "vxlan", "segments": [VLAN]}, "SegmentsSetInConjunctionWithProviders", "cannot both be set"),
        ({"segments": [VLAN, VLAN]}, "SegmentsContainDuplicateEntry", "Duplicate segment entry in request."),
        ({"segments": [{**VLAN, "x": 1}]}, "HTTPBadRequest", "Unrecognized attribute(s) 'x'"),
        ({TYPE: None}, "HTTPBadRequest", "Reason: 'None' is not a valid string."),
        (VLAN, "InvalidInput", "it means something in one zone only"),
    ],
)  # fmt: skip
async def test_what_is_refused(root: Tenant, given: dict[str, Any], type: str, sentence: str) -> None:
    status, kind, message = error(await root.ask("network", name="n", **given))
    assert (status, kind) == (400, type)
    assert sentence in message


async def test_they_stay_as_they_are_and_are_for_administrators(root: Tenant, ann: Tenant) -> None:
    vlan = await root.create("network", name="n", availability_zone_hints=["a"], **VLAN)
    assert error(await root.change("network", vlan["id"], **{ID: 13}))[:2] == (400, "InvalidInput")
    other = await root.create("network", name="n")
    assert "Only VLAN type networks" in error(await root.change("network", other["id"], **{TYPE: "vlan"}))[2]
    assert error(await ann.ask("network", name="n", **{TYPE: "vxlan"}))[:2] == (403, "PolicyNotAuthorized")
