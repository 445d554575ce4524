"""Lists by what users filter and sort by: each is read in a way of its own, and each shows what was just written."""

from __future__ import annotations

from fractus.testing.user import NETWORK, User
from fractus.testing.world import World


async def names(user: User, **query: object) -> list[str]:
    return [server["name"] for server in await user.servers(version="2.96", **query)]


async def test_every_filter_finds_the_same_on_every_database(world: World) -> None:
    ann, bob = world.user("ann"), world.user("bob", "p2")
    east, west = (cloud.name for cloud in world.clouds[:2])
    for name, zone in (("web-1", east), ("web-2", west), ("db-1", east), ("DB-2", west)):
        await ann.boots_server(name, zone=zone)
        await world.run_for(1.0)
    await bob.boots_server("web-1", zone=east)
    await world.settle()
    (first,) = [server for server in await ann.servers() if server["name"] == "web-1"]
    (await ann.acts(first["id"], "os-stop")).ok()
    await world.settle()

    assert await names(ann) == ["DB-2", "db-1", "web-2", "web-1"]
    assert await names(ann, availability_zone=east) == ["db-1", "web-1"]
    assert await names(ann, availability_zone=f"^{west}$") == ["DB-2", "web-2"]
    assert await names(ann, availability_zone="nowhere") == []
    assert await names(ann, status="SHUTOFF") == ["web-1"]
    assert await names(ann, status=["SHUTOFF", "ACTIVE"]) == ["DB-2", "db-1", "web-2", "web-1"]
    assert await names(ann, name="db") == ["DB-2", "db-1"]
    assert await names(ann, name="-1", limit=1) == ["db-1"]
    assert await names(ann, sort_key="display_name", sort_dir="asc") == ["DB-2", "db-1", "web-1", "web-2"]
    assert await names(ann, **{"changes-since": first["created"]}) == ["DB-2", "db-1", "web-2", "web-1"]
    assert await names(ann, **{"changes-since": "2100-01-01T00:00:00Z"}) == []
    admin = world.admin
    assert sorted(await names(admin, all_tenants=1, availability_zone=east)) == ["db-1", "web-1", "web-1"]
    assert await names(admin, all_tenants=1, status="SHUTOFF") == ["web-1"]
    host = (await admin.server(first["id"]))["OS-EXT-SRV-ATTR:host"]
    assert "web-1" in await names(admin, all_tenants=1, host=host)

    ports = await ann.listed(f"{NETWORK}/ports", device_id=first["id"])
    assert [port["device_id"] for port in ports] == [first["id"]]
    assert ports[0] in await ann.listed(f"{NETWORK}/ports", network_id=ports[0]["network_id"])
    address = ports[0]["fixed_ips"][0]["ip_address"]
    assert await ann.listed(f"{NETWORK}/ports", fixed_ips=f"ip_address={address}") == ports
    assert await bob.listed(f"{NETWORK}/ports", device_id=first["id"]) == []


async def test_a_port_of_somebody_else_on_ones_network_is_listed_once_and_so_is_ones_own(
    world: World,
) -> None:
    ann, bob = world.user("ann"), world.user("bob", "p2")
    net = await ann.makes_network()
    own = await ann.makes_port(net)
    foreign = (
        await world.admin.post(
            f"{NETWORK}/ports", {"port": {"network_id": net.id, "project_id": bob.project_id, "name": "bobs"}}
        )
    ).ok()["port"]
    seen = [port["id"] for port in await ann.listed(f"{NETWORK}/ports")]
    assert seen == sorted([own["id"], foreign["id"]])
    assert [port["id"] for port in await bob.listed(f"{NETWORK}/ports")] == [foreign["id"]]
    page = [port["id"] for port in await ann.listed(f"{NETWORK}/ports", limit=1)]
    rest = [port["id"] for port in await ann.listed(f"{NETWORK}/ports", limit=1, marker=page[0])]
    assert page + rest == seen


async def test_what_is_written_is_in_the_next_list_however_it_is_read(world: World) -> None:
    ann = world.user("ann")
    for number in range(12):
        server = await ann.boots_server(f"vm-{number}")
        for query in (
            {"name": f"vm-{number}$"},
            {"name": f"vm-{number}"},
            {"status": "BUILD"},
            {"user_id": ""},
        ):
            shown = [one["id"] for one in await ann.servers(version="2.96", **query)]
            assert (server in shown) is ("user_id" not in query)
        (await ann.put(f"/compute/v2.1/servers/{server}", {"server": {"name": f"new-{number}"}})).ok()
        assert f"new-{number}" in await names(ann, name="new")
        assert f"vm-{number}" not in await names(ann, name="vm-")
