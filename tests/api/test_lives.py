"""Lives that do not go by the book: things vanish, clouds are taken away and come, requests change on the way."""

from __future__ import annotations

from typing import Any

from fractus.store import clouds
from fractus.testing.user import COMPUTE, IMAGE, NETWORK
from fractus.testing.world import World
from tests.api.rows import rows_of


async def _active(world: World, **more: Any) -> str:
    server = await world.user("ann").boots_server(**more)
    await world.settle()
    shown = await world.user("ann").server(server)
    assert shown["status"] == "ACTIVE", shown.get("fault")
    return server


async def test_what_an_operator_does_in_a_cloud_is_seen(world: World) -> None:
    ann, a = world.user("ann"), world.cloud("a")
    server = await _active(world, zone="a")
    (there,) = a.marked("server", server)
    with a.backend.records.changing():
        there.vm_state, there.power_state, there.changed_at = "stopped", 4, a.backend.now()
        a.backend.records.put(there)
    await world.run_for(30)
    assert (await ann.server(server))["status"] == "SHUTOFF"
    (await ann.acts(server, "os-start")).ok()
    await world.settle()
    assert (await ann.server(server))["status"] == "ACTIVE"


async def test_a_server_that_was_deleted_in_its_cloud_is_shown_and_can_be_deleted(world: World) -> None:
    ann, a = world.user("ann"), world.cloud("a")
    server = await _active(world, zone="a")
    await world.run_for(1)
    (there,) = a.marked("server", server)
    with a.backend.records.changing():
        a.backend.records.drop(there)
    await world.sweep(full=True)
    await world.run_for(60)
    shown = await ann.server(server)
    assert (shown["status"], shown["fault"]["message"]) == (
        "ERROR",
        "It is gone from a: it was deleted there.",
    )
    await ann.deletes_server(server)
    await world.settle()
    await ann.deletes_network(await ann.own_network())
    await world.settle()
    await world.assert_nothing_left()


async def test_a_server_that_is_gone_is_not_looked_for_all_the_time(world: World) -> None:
    a = world.cloud("a")
    server = await _active(world, zone="a")
    (there,) = a.marked("server", server)
    with a.backend.records.changing():
        a.backend.records.drop(there)
    await world.sweep(full=True)
    await world.run_for(60)
    a.faults.clear_log()
    await world.run_for(300)
    assert len(a.faults.calls("server", "observe")) < 10


async def test_a_carried_thing_that_was_deleted_there_is_made_anew(world: World) -> None:
    ann, a = world.user("ann"), world.cloud("a")
    group = await ann.makes_security_group("web")
    server = await _active(world, zone="a", groups=["web"])
    await ann.deletes_server(server)
    await world.settle()
    for there in a.marked("security_group", group):
        with a.backend.records.changing():
            a.backend.records.drop(there)
    again = await _active(world, zone="a", groups=["web"])
    assert len(a.marked("security_group", group)) == 1
    assert len(a.marked("server", again)) == 1
    await world.assert_no_orphans()


async def test_what_is_used_cannot_be_deleted(world: World) -> None:
    ann = world.user("ann")
    network = await ann.makes_network("red")
    group = await ann.makes_security_group("web")
    image = await ann.makes_image("mine")
    await ann.makes_keypair("key")
    server = await ann.boots_server(network=network, groups=["web"], image=image, key="key", zone="a")
    for moment in ("at once", "running"):
        for path in (f"networks/{network.id}", f"subnets/{network.subnet_id}", f"security-groups/{group}"):
            reply = await ann.delete(f"{NETWORK}/{path}")
            assert reply.status == 409, (moment, path, reply.body)
        (port,) = await ann.listed(f"{NETWORK}/ports", device_id=server)
        assert (await ann.delete(f"{NETWORK}/ports/{port['id']}")).status in (403, 409), moment
        await world.settle()
    assert (await ann.server(server))["status"] == "ACTIVE"
    await ann.deletes_server(server)
    await world.settle()
    await ann.deletes_network(network)
    (await ann.delete(f"{NETWORK}/security-groups/{group}")).ok()
    await world.settle()
    await world.assert_nothing_left({"server", "port", "subnet", "network", "security_group"})


async def test_a_running_server_outlives_its_image_its_key_and_its_flavor(world: World) -> None:
    """As in Glance and Nova, all three can be deleted while servers have them; the servers live on."""
    ann, a = world.user("ann"), world.cloud("a")
    image, flavor = await ann.makes_image("mine"), await world.admin.makes_flavor("mine")
    await ann.makes_keypair("key")
    server = await ann.boots_server(image=image, flavor=flavor, key="key", zone="a")
    await world.settle()
    (await ann.delete(f"{IMAGE}/images/{image}")).ok()
    (await ann.delete(f"{COMPUTE}/os-keypairs/key")).ok()
    (await world.admin.delete(f"{COMPUTE}/flavors/{flavor}")).ok()
    await world.settle()
    for action, status in (("os-stop", "SHUTOFF"), ("os-start", "ACTIVE")):
        (await ann.acts(server, action)).ok()
        await world.settle()
        shown = await ann.server(server)
        assert shown["status"] == status, shown.get("fault")
    await ann.deletes_server(server)
    await world.settle()
    for kind in ("server", "image", "flavor", "keypair"):
        assert not [there for there in a.of(kind) if there.marker], kind


async def test_what_a_waiting_server_needs_is_deleted_meanwhile(world: World) -> None:
    """The image goes while its server waits for a dead cloud: the server says so, and nothing waits for ever."""
    ann, a = world.user("ann"), world.cloud("a")
    image = await ann.makes_image("mine")
    a.faults.unreachable()
    server = await ann.boots_server(zone="a", image=image)
    await world.run_for(5)
    (await ann.delete(f"{IMAGE}/images/{image}")).ok()
    await world.run_for(60)
    a.faults.heals()
    await world.settle()
    shown = await ann.server(server)
    assert shown["status"] == "ERROR"
    assert image in shown["fault"]["message"]
    await ann.deletes_server(server)
    await world.settle()
    await ann.deletes_network(await ann.own_network())
    await world.settle()
    await world.assert_nothing_left()
    assert not [there for there in a.of("image") if there.marker == image]


async def test_a_server_is_deleted_at_every_moment_of_its_making(world: World) -> None:
    ann = world.user("ann")
    await world.default_flavor(), await world.default_image()
    network = await ann.own_network()
    for rounds in range(14):
        server = await ann.boots_server(f"vm{rounds}", zone="a" if rounds % 2 else "")
        for _ in range(rounds):
            await world.work_once()
            await world.clock.advance(0.2)
        await ann.deletes_server(server)
        again = await ann.delete(f"{COMPUTE}/servers/{server}")
        assert again.status in (204, 404), again.body
        await world.settle()
        assert (await ann.get(f"{COMPUTE}/servers/{server}")).status == 404
    assert await ann.listed(f"{NETWORK}/ports") == []
    await ann.deletes_network(network)
    await world.settle()
    await world.assert_nothing_left()


async def _enable(world: World, name: str, enabled: bool) -> None:
    async with world.parts.store.transaction() as tx:
        row = await clouds.fetch(tx, name)
        assert row is not None
        row.enabled = enabled
        await clouds.configure(tx, row)


async def test_a_disabled_cloud_gets_nothing_new_and_keeps_what_it_has(world: World) -> None:
    ann = world.user("ann")
    server = await _active(world, zone="a")
    await _enable(world, "a", False)
    assert (await ann.asks_for_server("x", zone="a")).status == 400
    free = [await ann.boots_server(f"free{number}") for number in range(3)]
    (await ann.acts(server, "os-stop")).ok()
    await world.settle()
    for id in free:
        assert (await ann.server(id))["OS-EXT-AZ:availability_zone"] == "b"
    assert (await ann.server(server))["status"] == "SHUTOFF"
    zones = (await ann.get(f"{COMPUTE}/os-availability-zone")).ok()["availabilityZoneInfo"]
    assert {zone["zoneName"]: zone["zoneState"]["available"] for zone in zones} in (
        {"a": False, "b": True},
        {"b": True},
    )
    await _enable(world, "a", True)
    await _active(world, name="back", zone="a")


async def test_two_networks_keep_their_order_and_their_addresses(world: World) -> None:
    ann = world.user("ann")
    red = await ann.makes_network("red", cidr="10.1.0.0/24")
    blue = await ann.makes_network("blue", cidr="10.2.0.0/24")
    request = [{"uuid": blue.id, "fixed_ip": "10.2.0.50"}, {"uuid": red.id}]
    server = await _active(world, networks=request, zone="b")
    shown = await ann.server(server)
    assert [one["addr"] for one in shown["addresses"]["blue"]] == ["10.2.0.50"]
    (there,) = world.cloud("b").marked("server", server)
    ports = {port.id: port for port in world.cloud("b").of("port")}
    carried = [ports[id] for id in there.port_ids]
    assert carried[0].fixed_ips[0].ip_address == "10.2.0.50"
    assert {port.mac_address for port in carried} == {
        one["OS-EXT-IPS-MAC:mac_addr"] for addresses in shown["addresses"].values() for one in addresses
    }


async def test_a_server_without_networks(world: World) -> None:
    ann = world.user("ann")
    server = await _active(world, networks="none", zone="a")
    shown = await ann.server(server)
    assert shown["addresses"] == {}
    assert await ann.listed(f"{NETWORK}/ports") == []


async def test_users_are_not_shown_where_things_are(world: World) -> None:
    """The header that shows it to administrators does nothing for others."""
    ann = world.user("ann")
    server = await _active(world, zone="a")
    (there,) = world.cloud("a").marked("server", server)
    for path in (f"{COMPUTE}/servers/{server}", f"{COMPUTE}/servers/detail"):
        reply = await ann.call("GET", path, headers={"Fractus-Extra": "1"}, version="2.104")
        text = reply.body.decode()
        assert "fractus:" not in text
        assert there.id not in text, "its id in the cloud is nobody's business"
        assert "hypervisor" not in text
        assert there.host not in text
    body = (await world.admin.call("GET", f"{COMPUTE}/servers/{server}", headers={"Fractus-Extra": "1"})).ok()
    assert body["server"]["fractus:remote_id"] == there.id


async def test_a_first_password_is_shown_once_and_kept_sealed(world: World) -> None:
    ann = world.user("ann")
    made = (await ann.asks_for_server("vm", zone="a", adminPass="pass-of-ann")).ok()["server"]
    assert made["adminPass"] == "pass-of-ann"
    rows = repr(await rows_of(world))
    await world.settle()
    rows += repr(await rows_of(world))
    assert "pass-of-ann" not in rows, "nobody who reads the file reads it"
    server = f"{COMPUTE}/servers/{made['id']}"
    for user, path in (
        (ann, server),
        (ann, f"{COMPUTE}/servers/detail"),
        (ann, f"{server}/os-instance-actions"),
        (world.admin, server),
        (world.admin, f"{COMPUTE}/servers/detail?all_tenants=1"),
    ):
        reply = await user.call("GET", path, headers={"Fractus-Extra": "1"}, version="2.90")
        assert reply.status == 200, path
        assert "pass-of-ann" not in reply.body.decode(), path
