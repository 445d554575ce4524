"""Servers on IPv6 subnets where machines give themselves their address (SLAAC, stateless DHCPv6)."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any

import pytest

from fractus.testing.user import NETWORK, MadeNetwork, User
from fractus.testing.world import World

_MODES = ("slaac", "dhcpv6-stateless")


def _subnet(mode: str, cidr: str = "fd00:1::/64") -> Mapping[str, Any]:
    return {"ip_version": 6, "cidr": cidr, "ipv6_address_mode": mode, "ipv6_ra_mode": mode}


def _own(cidr: str, mac: str) -> str:
    """The modified EUI-64 address, by RFC 4291, appendix A."""
    octets = [int(part, 16) for part in mac.split(":")]
    octets[0] ^= 2
    low = int.from_bytes(bytes([*octets[:3], 0xFF, 0xFE, *octets[3:]]), "big")
    return str(ipaddress.ip_network(cidr)[low])


async def _shown(user: User, server_id: str) -> list[tuple[str, str]]:
    server = await user.server(server_id)
    assert server["status"] == "ACTIVE", server.get("fault")
    return [
        (one["addr"], one["OS-EXT-IPS-MAC:mac_addr"]) for net in server["addresses"].values() for one in net
    ]


def _in_the_cloud(world: World, zone: str, marker: str) -> set[str]:
    (port,) = world.cloud(zone).marked("port", marker)
    return {fixed.ip_address for fixed in port.fixed_ips}  # type: ignore[attr-defined]


@pytest.mark.parametrize("mode", _MODES)
async def test_a_server_of_an_ipv6_network_alone(world: World, mode: str) -> None:
    ann = world.user("ann")
    network = await ann.makes_network(subnet=_subnet(mode))
    server_id = await ann.boots_server(network=network, zone="a")
    await world.settle()
    ((address, mac),) = await _shown(ann, server_id)
    assert address == _own("fd00:1::/64", mac)
    (port,) = (await ann.get(f"{NETWORK}/ports", device_id=server_id)).ok()["ports"]
    assert [one["ip_address"] for one in port["fixed_ips"]] == [address]
    assert _in_the_cloud(world, "a", port["id"]) == {address}
    await _leaves(world, ann, server_id, network)


async def test_a_server_with_an_address_of_each_sort(world: World) -> None:
    ann = world.user("ann")
    network = await ann.makes_network()
    for number, mode in enumerate(_MODES, 1):
        body = {"network_id": network.id, **_subnet(mode, f"fd00:{number}::/64")}
        (await ann.post(f"{NETWORK}/subnets", {"subnet": body})).ok()
    server_id = await ann.boots_server(network=network, zone="a")
    await world.settle()
    shown = await _shown(ann, server_id)
    mac = shown[0][1]
    assert {address for address, _ in shown} >= {_own(f"fd00:{n}::/64", mac) for n in (1, 2)}
    assert len(shown) == 3
    (port,) = (await ann.get(f"{NETWORK}/ports", device_id=server_id)).ok()["ports"]
    assert _in_the_cloud(world, "a", port["id"]) == {address for address, _ in shown}
    await _leaves(world, ann, server_id, network)


async def test_a_subnet_that_comes_later_gives_a_running_server_its_address(world: World) -> None:
    ann = world.user("ann")
    network = await ann.makes_network()
    server_id = await ann.boots_server(network=network, zone="a")
    await world.settle()
    body = {"network_id": network.id, **_subnet("slaac")}
    subnet = (await ann.post(f"{NETWORK}/subnets", {"subnet": body})).ok()["subnet"]
    await world.settle()
    (port,) = (await ann.get(f"{NETWORK}/ports", device_id=server_id)).ok()["ports"]
    addresses = {one["ip_address"] for one in port["fixed_ips"]}
    assert _own("fd00:1::/64", port["mac_address"]) in addresses
    # The subnet comes to the cloud with the next server that needs it.
    await ann.boots_server("second", network=network, zone="a")
    await world.settle()
    await world.sweep(full=True)
    assert _in_the_cloud(world, "a", port["id"]) == addresses
    assert subnet["id"] in {one["subnet_id"] for one in port["fixed_ips"]}


async def _leaves(world: World, user: User, server_id: str, network: MadeNetwork) -> None:
    await user.deletes_server(server_id)
    await world.settle()
    await user.deletes_network(network)
    await world.settle()
    await world.assert_nothing_left()
