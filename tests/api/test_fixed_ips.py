"""Addresses that servers get and lose by compute's own actions, up to 2.43."""

from __future__ import annotations

from typing import Any

from fractus.base.ids import new_id
from fractus.testing.asgi import HttpReply
from fractus.testing.user import User
from fractus.testing.world import World


def _addresses(server: dict[str, Any]) -> list[str]:
    return [one["addr"] for every in server["addresses"].values() for one in every]


async def _asks(user: User, server: str, action: str, version: str = "2.43", **body: str) -> HttpReply:
    return await user.acts(server, action, body, version=version)


async def test_a_server_gets_one_address_more_and_gives_it_back(world: World) -> None:
    ann = world.user("ann")
    network = await ann.own_network()
    server = await ann.boots_server(zone="a")
    await world.settle()
    (first,) = _addresses(await ann.server(server))
    assert (await _asks(ann, server, "addFixedIp", networkId=network.id)).status == 202
    await world.settle()
    old, new = _addresses(await ann.server(server))
    assert old == first
    (there,) = [one for one in world.cloud("a").of("port") if one.marker]
    assert [one.ip_address for one in there.fixed_ips] == [old, new]  # type: ignore[attr-defined]
    assert (await _asks(ann, server, "removeFixedIp", address=new)).status == 202
    await world.settle()
    assert _addresses(await ann.server(server)) == [first]


async def test_what_cannot_be_given_or_taken_is_refused(world: World) -> None:
    ann = world.user("ann")
    network = await ann.makes_network("small", cidr="10.88.0.0/29")
    server = await ann.boots_server(zone="a", network=network)
    await world.settle()
    elsewhere = await _asks(ann, server, "addFixedIp", networkId=new_id())
    assert elsewhere.status == 404
    assert elsewhere.json["itemNotFound"]["message"] == f"Network could not be found for instance {server}."
    strange = await _asks(ann, server, "removeFixedIp", address="10.88.0.99")
    assert strange.status == 400
    said = strange.json["badRequest"]["message"]
    assert said == f"Instance {server} does not have fixed IP '10.88.0.99'."
    while (given := await _asks(ann, server, "addFixedIp", networkId=network.id)).status == 202:
        assert len(_addresses(await ann.server(server))) < 8
    assert given.status == 400
    assert given.json["badRequest"]["message"] == f"No fixed IP addresses available for network: {network.id}"
    assert (await _asks(ann, server, "addFixedIp", version="2.44", networkId=network.id)).status == 404
    (await ann.acts(server, "lock")).ok()
    locked = await _asks(ann, server, "removeFixedIp", address="10.88.0.99")
    assert locked.status == 409


async def test_a_resize_looks_at_what_the_image_asks_for(world: World) -> None:
    ann = world.user("ann")
    image = await ann.makes_image(min_ram=512, min_disk=2)
    big = await world.admin.makes_flavor("big", ram=512, disk=2)
    little = await world.admin.makes_flavor("little", ram=256, disk=2)
    flat = await world.admin.makes_flavor("flat", ram=512, disk=1)
    server = await ann.boots_server(zone="a", image=image, flavor=big)
    await world.settle()
    for flavor, why in (
        (little, "Flavor's memory is too small for requested image."),
        (flat, "Flavor's disk is smaller than the minimum size specified in image metadata."),
    ):
        refused = await ann.acts(server, "resize", {"flavorRef": flavor})
        assert refused.status == 400
        assert refused.json["badRequest"]["message"].startswith(why)
