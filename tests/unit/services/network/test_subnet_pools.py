"""Subnet pools beyond their file of requests: changes of their ranges, the default pool, and what networks show."""

from __future__ import annotations

from typing import Any

from tests.unit.services.network.conftest import Tenant, error


async def pool(by: Tenant, *prefixes: str, **more: Any) -> str:
    return str((await by.create("subnetpool", name="pool", prefixes=[*prefixes], **more))["id"])


async def ranges(by: Tenant, id: str, verb: str, *prefixes: str) -> Any:
    return await by.raw("PUT", f"subnetpools/{id}/{verb}_prefixes", {"prefixes": [*prefixes]})


async def test_ranges_are_added_and_those_in_use_stay(ann: Tenant) -> None:
    id = await pool(ann, "10.77.0.0/16", default_prefixlen=24)
    assert (await ranges(ann, id, "add", "10.76.0.0/16")).ok() == {"prefixes": ["10.76.0.0/15"]}
    net, _ = await ann.network()
    made = await ann.create("subnet", network_id=net, ip_version=4, subnetpool_id=id)
    assert made["cidr"] == "10.76.0.0/24"
    refused = error(await ranges(ann, id, "remove", "10.76.0.0/17"))
    assert refused[:2] == (400, "IllegalSubnetPoolPrefixUpdate")
    assert (await ranges(ann, id, "remove", "10.77.0.0/16")).ok() == {"prefixes": ["10.76.0.0/16"]}


async def test_subnets_that_are_there_are_taken_into_a_pool_once(ann: Tenant) -> None:
    scope = (await ann.create("address_scope", name="scope", ip_version=4))["id"]
    id = await pool(ann, "10.77.0.0/16", address_scope_id=scope)
    net, (subnet,) = await ann.network("172.20.0.0/24")
    path, body = f"subnetpools/{id}/onboard_network_subnets", {"network_id": net}
    assert (await ann.raw("PUT", path, body)).ok() == [{"id": subnet, "cidr": "172.20.0.0/24"}]
    assert (await ann.show("subnet", subnet))["subnetpool_id"] == id
    assert (await ann.show("network", net))["ipv4_address_scope"] == scope
    assert (await ann.show("subnetpool", id))["prefixes"] == ["10.77.0.0/16", "172.20.0.0/24"]
    assert error(await ann.raw("PUT", path, body))[:2] == (400, "IllegalSubnetPoolUpdate")


async def test_a_network_follows_the_scope_of_its_pool(ann: Tenant) -> None:
    scope = (await ann.create("address_scope", name="scope", ip_version=4))["id"]
    id = await pool(ann, "10.77.0.0/16")
    net, _ = await ann.network()
    subnet = await ann.create("subnet", network_id=net, ip_version=4, subnetpool_id=id, prefixlen=24)
    assert (await ann.show("network", net))["ipv4_address_scope"] is None
    (await ann.change("subnetpool", id, address_scope_id=scope)).ok()
    assert (await ann.show("network", net))["ipv4_address_scope"] == scope
    assert (await ann.delete("subnet", subnet["id"])).status == 204
    assert (await ann.show("network", net))["ipv4_address_scope"] is None


async def test_there_is_one_default_pool_of_a_family(ann: Tenant, root: Tenant) -> None:
    id = await pool(root, "10.77.0.0/16", is_default=True, shared=True, default_prefixlen=26)
    again = await root.ask("subnetpool", name="x", prefixes=["10.78.0.0/16"], is_default=True)
    assert error(again)[:2] == (400, "InvalidInput")
    net, _ = await ann.network()
    made = await ann.create("subnet", network_id=net, ip_version=4, use_default_subnetpool=True)
    assert (made["subnetpool_id"], made["cidr"], made["gateway_ip"]) == (id, "10.77.0.0/26", "10.77.0.1")


async def test_a_default_pool_that_is_not_shared_is_the_default_of_its_project_alone(
    ann: Tenant, root: Tenant
) -> None:
    id = await pool(root, "10.77.0.0/16", is_default=True, default_prefixlen=26)
    body = {"ip_version": 4, "use_default_subnetpool": True}
    net, _ = await ann.network()
    refused = error(await ann.ask("subnet", network_id=net, **body))
    assert refused == (400, "BadRequest", "Bad subnets request: No default subnetpool found for IPv4.")
    own, _ = await root.network()
    assert (await root.create("subnet", network_id=own, **body))["subnetpool_id"] == id


async def test_a_pool_has_no_more_ranges_than_can_be_looked_through(ann: Tenant) -> None:
    id = await pool(ann, *(f"10.77.{at}.0/25" for at in range(256)))
    many = [f"10.76.{at}.0/25" for at in range(256)]
    sentence = "Invalid input for prefixes. Reason: more than 256 items are not allowed."
    for verb, given in (
        ("add", [*many, "10.78.0.0/16"]),
        ("add", ["10.78.0.0/16"]),
        ("remove", [*many, "10.78.0.0/16"]),
        ("remove", ["10.77.1.4/32"]),
    ):
        assert error(await ranges(ann, id, verb, *given)) == (400, "HTTPBadRequest", sentence)
    assert len((await ann.show("subnetpool", id))["prefixes"]) == 256
    assert (await ranges(ann, id, "add", "10.77.0.0/16")).ok() == {"prefixes": ["10.77.0.0/16"]}


async def test_an_empty_pool_keeps_its_family(ann: Tenant) -> None:
    id = await pool(ann, "10.77.0.0/16")
    assert (await ranges(ann, id, "remove", "10.77.0.0/16")).ok() == {"prefixes": []}
    other = await ranges(ann, id, "add", "fd00::/48")
    assert error(other)[:2] == (400, "PrefixVersionMismatch")
    changed = await ann.change("subnetpool", id, prefixes=["fd00::/48"])
    assert error(changed)[:2] == (400, "PrefixVersionMismatch")
    assert (await ranges(ann, id, "add", "10.78.0.0/16")).ok() == {"prefixes": ["10.78.0.0/16"]}
