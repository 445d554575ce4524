"""Lists by what users filter and sort by: each is read in a way of its own, and each shows what was just written."""

from __future__ import annotations

import pytest

from fractus.services.network.ports.writes import finding
from fractus.testing.user import COMPUTE, NETWORK, User
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


async def listed(user: User, **query: object) -> list[str]:
    return [port["id"] for port in await user.listed(f"{NETWORK}/ports", **query)]


async def test_ports_are_found_by_their_addresses_as_if_all_of_them_were_looked_through(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann, bob = world.user("ann"), world.user("bob", "p2")
    net, theirs = await ann.makes_network(), await bob.makes_network()  # with the same addresses
    one, two = await ann.makes_port(net), await ann.makes_port(net)
    others = await bob.makes_port(theirs)
    body = {"network_id": net.id, "project_id": bob.project_id}
    foreign = (await world.admin.post(f"{NETWORK}/ports", {"port": body})).ok()["port"]
    both = [*two["fixed_ips"], {"subnet_id": net.subnet_id}]
    two = (await ann.put(f"{NETWORK}/ports/{two['id']}", {"port": {"fixed_ips": both}})).ok()["port"]
    gone = await ann.makes_port(net)
    (await ann.delete(f"{NETWORK}/ports/{gone['id']}")).ok()
    await world.settle()

    ports = [one, two, others, foreign]
    addresses = sorted({entry["ip_address"] for port in [*ports, gone] for entry in port["fixed_ips"]})
    assert others["fixed_ips"][0]["ip_address"] == one["fixed_ips"][0]["ip_address"]
    fixed = [
        *([f"ip_address={ip}"] for ip in [*addresses, "10.99.99.99", "10.0.0", "none", "FE80::1", "%"]),
        [f"ip_address={ip}" for ip in addresses],
        [f"subnet_id={net.subnet_id}"],
        [f"subnet_id={theirs.subnet_id}"],
        [f"subnet_id={net.subnet_id}", f"subnet_id={theirs.subnet_id}"],
        [f"subnet_id={net.subnet_id}", f"ip_address={addresses[0]}"],
        ["subnet_id=nowhere"],
    ]
    queries = [
        *({"fixed_ips": one} for one in fixed),
        *({"mac_address": port["mac_address"]} for port in [*ports, gone]),
        {"mac_address": [one["mac_address"].upper(), others["mac_address"]]},
        {"mac_address": one["mac_address"], "fixed_ips": f"ip_address={two['fixed_ips'][0]['ip_address']}"},
        {"mac_address": "none"},
    ]
    users = {"ann": ann, "bob": bob, "admin": world.admin}
    found = {(name, at): await listed(user, **query) for name, user in users.items()
             for at, query in enumerate(queries)}  # fmt: skip
    monkeypatch.setattr(finding.Finding, "conditions", _nothing)
    for (name, at), ids in found.items():
        assert ids == await listed(users[name], **queries[at]), (name, queries[at])

    first = addresses.index(one["fixed_ips"][0]["ip_address"])
    assert found["ann", first] == [one["id"]]
    assert found["bob", first] == [others["id"]]
    assert found["admin", first] == sorted([one["id"], others["id"]])
    for entry in two["fixed_ips"]:
        assert found["ann", addresses.index(entry["ip_address"])] == [two["id"]]
    on_net = fixed.index([f"subnet_id={net.subnet_id}"])
    assert found["ann", on_net] == sorted([one["id"], two["id"], foreign["id"]])
    assert found["bob", on_net] == [foreign["id"]]


async def _nothing(*_: object) -> list[object]:
    return []


async def test_an_address_that_very_many_have_is_found_all_the_same(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finding, "_MOST", 2)
    users = [world.user(name, f"p{name}") for name in "abcd"]
    ports = [await user.makes_port(await user.makes_network()) for user in users]
    (ip,) = {port["fixed_ips"][0]["ip_address"] for port in ports}
    for user, port in zip(users, ports, strict=True):
        assert await listed(user, fixed_ips=f"ip_address={ip}") == [port["id"]]
    assert await listed(world.admin, fixed_ips=f"ip_address={ip}") == sorted(port["id"] for port in ports)
    page = await listed(world.admin, fixed_ips=f"ip_address={ip}", limit=3)
    assert page == sorted(port["id"] for port in ports)[:3]


async def test_an_address_is_found_from_the_moment_on_it_is_given_until_it_is_taken(world: World) -> None:
    ann = world.user("ann")
    net = await ann.makes_network()
    for number in range(200, 205):
        port = await ann.makes_port(net)
        ip, mac = port["fixed_ips"][0]["ip_address"], port["mac_address"]
        assert await listed(ann, fixed_ips=f"ip_address={ip}") == [port["id"]]
        assert await listed(ann, mac_address=mac) == [port["id"]]
        other = f"10.0.0.{number}"
        body = {"port": {"fixed_ips": [{"subnet_id": net.subnet_id, "ip_address": other}]}}
        (await ann.put(f"{NETWORK}/ports/{port['id']}", body)).ok()
        assert await listed(ann, fixed_ips=f"ip_address={ip}") == []
        assert await listed(ann, fixed_ips=f"ip_address={other}") == [port["id"]]
        (await ann.delete(f"{NETWORK}/ports/{port['id']}")).ok()
        assert await listed(ann, fixed_ips=f"ip_address={other}") == []
        await world.settle()


IPV6 = {
    "ip_version": 6,
    "cidr": "fd00::/64",
    "ipv6_ra_mode": "dhcpv6-stateful",
    "ipv6_address_mode": "dhcpv6-stateful",
}
EVER = {"changes-since": "2000-01-01T00:00:00Z"}


async def address_of(world: World, id: str, version: int) -> str:
    networks = (await world.admin.server(id))["addresses"].values()
    return str(next(one["addr"] for every in networks for one in every if one["version"] == version))


def address_queries(ips: list[str], six: str) -> list[dict[str, str]]:
    patterns = ("^10.0.0.", "^10", "7$", "[7]+$", "77", ".77", "0:")
    return [
        *({"ip": ip} for ip in [*ips, "10.0.0.7", "10.0.0.77", "10.0.0", "0.0.0.7", "none"]),
        *({"ip": pattern} for pattern in patterns),
        {"ip6": six},
        {"ip": six},
        {"ip": "10.0.0.77", "ip6": six},
        {"ip": "10.0.0.77", "ip6": ips[0]},
        {"ip": "10.0.0.77", "name": "two"},
        {"ip": "10.0.0.77", "name": "one"},
        {"ip": ips[-1], **EVER},
        {"ip": "10.0.0.", "limit": "1"},
    ]


async def test_servers_are_found_by_their_addresses_as_if_all_of_them_were_looked_through(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann, bob = world.user("ann"), world.user("bob", "p2")
    net, theirs = await ann.makes_network(), await bob.makes_network()  # with the same addresses
    (await ann.post(f"{NETWORK}/subnets", {"subnet": {"network_id": net.id, **IPV6}})).ok()
    first, second, doomed = [await ann.boots_server(name, network=net) for name in ("one", "two", "doomed")]
    foreign = await bob.boots_server("theirs", network=theirs)
    await world.settle()

    lost = await address_of(world, doomed, 4)
    (await ann.delete(f"{COMPUTE}/servers/{doomed}")).ok()
    await world.settle()
    six = await address_of(world, first, 6)
    v4 = {id: await address_of(world, id, 4) for id in (first, second, foreign)}
    (port,) = await ann.listed(f"{NETWORK}/ports", device_id=second)
    moved = {"fixed_ips": [{"subnet_id": net.subnet_id, "ip_address": "10.0.0.77"}]}
    (await ann.put(f"{NETWORK}/ports/{port['id']}", {"port": moved})).ok()

    queries = address_queries([*v4.values(), lost], six)
    users: dict[str, tuple[User, dict[str, object]]] = {
        "ann": (ann, {}),
        "bob": (bob, {}),
        "admin": (world.admin, {"all_tenants": 1}),
    }
    found = {(who, at): await names(user, **query, **more) for who, (user, more) in users.items()
             for at, query in enumerate(queries)}  # fmt: skip
    asked: list[object] = []

    async def unknown(*how: object) -> None:
        asked.append(how)

    monkeypatch.setattr(finding.Finding, "servers_at", unknown)
    for (who, at), those in found.items():
        user, more = users[who]
        assert those == await names(user, **queries[at], **more), (who, queries[at])
    assert asked, "the servers were not looked up, so nothing was compared"

    at = queries.index({"ip": "10.0.0.77"})
    assert found["ann", at] == ["two"]
    assert found["bob", at] == []
    assert found["ann", queries.index({"ip": "^10"})] == [], "no pattern"
    assert sorted(found["ann", queries.index({"ip": "10.0.0.77", "ip6": six})]) == ["one", "two"]
    assert v4[first] == v4[foreign]
    assert sorted(found["admin", queries.index({"ip": v4[first]})]) == ["one", "theirs"]
    assert found["ann", queries.index({"ip": lost})] == []
    assert found["ann", queries.index({"ip6": six})] == ["one"]
    assert "doomed" in found["ann", queries.index({"ip": lost, **EVER})]
