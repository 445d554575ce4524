"""How many addresses of networks are left."""

from __future__ import annotations

from tests.unit.services.network.conftest import Tenant, error


async def test_held_addresses_are_counted(ann: Tenant, root: Tenant) -> None:
    network, (small, large) = await ann.network("10.71.0.0/29", "fd00:71::/64")
    await ann.create("port", network_id=network, fixed_ips=[{"subnet_id": small}])
    await ann.create("port", network_id=network, fixed_ips=[{"subnet_id": small, "ip_address": "10.71.0.1"}])
    path = f"network-ip-availabilities/{network}"
    found = (await root.get(path)).ok()["network_ip_availability"]
    assert (found["network_id"], found["network_name"], found["used_ips"]) == (network, "net", 2)
    first = next(one for one in found["subnet_ip_availability"] if one["subnet_id"] == small)
    assert (first["cidr"], first["ip_version"], first["total_ips"], first["used_ips"]) == (
        "10.71.0.0/29",
        4,
        5,
        2,
    )
    assert first["ip_availability_details"] == {
        "total_ips_in_subnet": 6,
        "total_ips_in_allocation_pool": 5,
        "used_ips_in_subnet": 2,
        "used_ips_in_allocation_pool": 1,
    }
    [six] = await root.listed("network-ip-availabilities", network_id=network, ip_version=6)
    assert [one["subnet_id"] for one in six["subnet_ip_availability"]] == [large]
    assert "id" not in six
    assert await root.listed("network-ip-availabilities", network_name="other") == []
    assert await ann.listed("network-ip-availabilities") == []
    assert error(await ann.get(path))[:2] == (404, "HTTPNotFound")
    assert error(await root.get("network-ip-availabilities/x"))[1] == "NetworkNotFound"
    assert error(await root.get("network-ip-availabilities", total_ips=3))[0] == 400


async def test_a_network_without_subnets_has_none(ann: Tenant, root: Tenant) -> None:
    network, _ = await ann.network()
    found = (await root.get(f"network-ip-availabilities/{network}")).ok()["network_ip_availability"]
    assert (found["total_ips"], found["used_ips"], found["subnet_ip_availability"]) == (0, 0, [])
