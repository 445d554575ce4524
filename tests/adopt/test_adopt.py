"""A cloud that was there before fractus: its things become resources, and nothing in it is touched."""

from __future__ import annotations

from pathlib import Path

from fractus.model.network import Rule
from fractus.model.resource import Presence
from fractus.store import presences, work
from fractus.testing.natives import Natives
from fractus.testing.user import COMPUTE, IMAGE, NETWORK, MadeNetwork
from fractus.testing.world import World
from tests.adopt.takes import ANN, P1, changes, reported, take


async def test_servers_keep_their_ids_and_go_on(world: World) -> None:
    natives = Natives(world.cloud("a"), P1)
    net = natives.network("office")
    group = natives.group(
        "web", [Rule(direction="ingress", protocol="tcp", port_range_min=80, port_range_max=80)]
    )
    image = natives.image("debian", visibility="public")
    flavor = natives.flavor("m1.own", id="7", extra_specs={"hw:x": "1"})
    key = natives.keypair("laptop")
    vm = natives.server(
        "db", net, flavor=flavor, image=image, groups=[group], key_name="laptop",
        metadata={"purpose": "db"}, description="the database", tags=["gold"], volumes=["vol-1"],
        user_data="IyE=", config_drive=True,
    )  # fmt: skip
    off = natives.server("old", net, flavor=flavor, running=False)
    report = await take(world)
    assert reported(report) == []
    assert report.taken == {
        "flavor": 1, "keypair": 1, "image": 1, "network": 1, "subnet": 1, "port": 2, "security_group": 1, "server": 2,
    }  # fmt: skip
    await world.settle()
    assert changes(world) == []
    ann = world.user("ann")
    shown = await ann.server(vm.id)
    assert shown["status"] == "ACTIVE"
    assert shown["name"] == "db"
    assert shown["metadata"] == {"purpose": "db"}
    assert shown["description"] == "the database"
    assert shown["tags"] == ["gold"]
    assert shown["key_name"] == "laptop"
    assert shown["config_drive"] == "True"
    assert shown["image"]["id"] == image.id
    assert shown["flavor"]["original_name"] == "m1.own"
    assert shown["security_groups"] == [{"name": "web"}]
    assert shown["os-extended-volumes:volumes_attached"] == [{"id": "vol-1", "delete_on_termination": False}]
    (port,) = [world.cloud("a").backend.ports[id] for id in vm.port_ids]
    assert shown["addresses"]["office"] == [
        {
            "addr": port.fixed_ips[0].ip_address,
            "version": 4,
            "OS-EXT-IPS:type": "fixed",
            "OS-EXT-IPS-MAC:mac_addr": port.mac_address,
        }
    ]
    assert (await ann.server(off.id))["status"] == "SHUTOFF"
    assert (await ann.get(f"{IMAGE}/images/{image.id}")).ok()["name"] == "debian"
    assert (await ann.get(f"{NETWORK}/networks/{net.network.id}")).ok()["network"]["subnets"] == [
        net.subnet.id
    ]
    assert (await ann.get(f"{NETWORK}/security-groups/{group.id}")).ok()["security_group"]["name"] == "web"
    rules = await ann.listed(f"{NETWORK}/security-group-rules", security_group_id=group.id)
    assert {rule["id"] for rule in rules} == {rule.remote_id for rule in group.rules}
    assert (await ann.get(f"{COMPUTE}/os-keypairs/laptop", version="2.2")).ok()["keypair"]["user_id"] == ANN
    assert key.public_key == (await ann.get(f"{COMPUTE}/os-keypairs/laptop")).ok()["keypair"]["public_key"]


async def test_a_second_run_changes_nothing(world: World) -> None:
    natives = Natives(world.cloud("a"), P1)
    natives.server("db", natives.network())
    first = await take(world)
    assert first.taken["server"] == 1
    again = await take(world)
    assert not again.taken
    assert not again.joined
    assert reported(again) == []
    assert again.known["server"] == 1


async def test_a_dry_run_says_the_same_and_writes_nothing(world: World) -> None:
    natives = Natives(world.cloud("a"), P1)
    natives.server("db", natives.network(), groups=[natives.group("default")], image=natives.image())
    natives.keypair()
    dry = await take(world, dry_run=True)
    assert await world.user("ann").servers() == []
    assert dry.taken == (await take(world)).taken
    assert dry.taken["server"] == 1


async def test_what_was_taken_is_used_like_any(world: World) -> None:
    natives = Natives(world.cloud("a"), P1)
    net, image = natives.network("office"), natives.image("debian")
    vm = natives.server("db", net, image=image)
    await take(world)
    ann = world.user("ann")
    (await ann.acts(vm.id, "os-stop")).ok()
    await world.settle()
    assert (await ann.server(vm.id))["status"] == "SHUTOFF"
    assert world.cloud("a").backend.servers[vm.id].vm_state == "stopped"
    (await ann.put(f"{COMPUTE}/servers/{vm.id}", {"server": {"name": "db-2"}})).ok()
    await world.settle()
    assert world.cloud("a").backend.servers[vm.id].name == "db-2"
    # Its image's bits are in this cloud alone: so are new servers of it.
    office = MadeNetwork(net.network.id, net.subnet.id)
    fresh = await ann.boots_server("new", image=image.id, flavor="own", network=office)
    await world.settle()
    shown = await ann.server(fresh)
    assert (shown["status"], shown["OS-EXT-AZ:availability_zone"]) == ("ACTIVE", "a")
    taken = {one.fixed_ips[0].ip_address for one in world.cloud("a").backend.ports.values()}
    assert len(taken) == len(world.cloud("a").backend.ports), "every address once"
    refused = await ann.boots_server("there", image=image.id, flavor="own", zone="b", networks="none")
    await world.settle()
    assert f"image {image.id} is only in a" in (await ann.server(refused))["fault"]["message"]


async def test_a_deleted_server_takes_with_it_what_nova_takes(world: World) -> None:
    natives = Natives(world.cloud("a"), P1)
    net = natives.network("office")
    user_made = natives.port(net, "kept")
    vm, other = natives.server("db", net), natives.server("app", port=user_made)
    await take(world)
    ann = world.user("ann")
    for one in (vm, other):
        await ann.deletes_server(one.id)
    await world.settle()
    assert world.cloud("a").backend.servers == {}
    assert (await ann.get(f"{NETWORK}/ports/{vm.port_ids[0]}")).status == 404
    kept = (await ann.get(f"{NETWORK}/ports/{user_made.id}")).ok()["port"]
    assert (kept["device_id"], kept["name"]) == ("", "kept")
    assert user_made.id in world.cloud("a").backend.ports
    assert [call.method for call in changes(world)] == ["delete", "delete"]


async def test_addresses_that_the_cloud_has_for_itself_are_given_to_nobody(world: World) -> None:
    natives = Natives(world.cloud("a"), P1)
    net = natives.network("office", cidr="192.168.9.0/29")
    strangers = Natives(world.cloud("a"), "p-stranger", name="stranger")
    strangers.port(net, "theirs", ip="192.168.9.3", device_owner="compute:nova", device_id="s-1")
    report = await take(world)
    assert report.left["port"].total() == 2
    ann = world.user("ann")
    given = []
    for number in range(3):
        body = {"port": {"network_id": net.network.id, "name": f"p{number}"}}
        made = (await ann.post(f"{NETWORK}/ports", body)).ok()["port"]
        given.append(made["fixed_ips"][0]["ip_address"])
    assert given == ["192.168.9.4", "192.168.9.5", "192.168.9.6"]


async def test_clashes_are_reported_and_nothing_of_them_is_written(world: World) -> None:
    natives = Natives(world.cloud("a"), P1)
    ann = world.user("ann")
    flavor = await world.admin.makes_flavor("m1.same", vcpus=8)
    await ann.makes_keypair("laptop")
    taken_id = await ann.makes_image("ours")
    natives.flavor("m1.same", id="9")
    natives.keypair("laptop")
    natives.image("theirs", id=taken_id)
    net = natives.network("office")
    natives.server("db", net)
    natives.image("half", status="queued")
    report = await take(world)
    assert reported(report) == [
        "flavor m1.same: the flavor m1.same ("
        + flavor
        + ") of fractus has its name or its id and is another:"
        " 8 vCPUs, 512 MiB, 1 GiB here, 1 vCPUs, 512 MiB, 1 GiB there",
        f"keypair laptop: user {ANN} has another key of the name laptop here",
        f"image theirs: there is another image {taken_id} (ours) here, with other bits",
    ]
    assert report.left["image"] == {"it is queued there": 1}
    # The same again in another cloud, as where one was copied from the other: nothing is guessed.
    copies = Natives(world.cloud("b"), P1)
    copy = copies.network("copy", id=net.network.id)
    server = copies.server("db", copy)
    report = await take(world, "b")
    assert reported(report) == [
        f"network copy: there is another network {net.network.id} (office) here",
        f"server db: its port {server.port_ids[0]} is not taken over",
    ]
    shown = (await ann.get(f"{NETWORK}/networks/{net.network.id}")).ok()["network"]
    assert (shown["name"], shown["availability_zones"]) == ("office", ["a"])


async def test_projects_that_are_nobody_s_are_left_alone(world: World) -> None:
    natives = Natives(world.cloud("a"), "p-foreign")
    public, net = natives.network("public", shared=True), natives.network("private", cidr="192.168.60.0/24")
    natives.server("db", net)
    natives.image("for all", visibility="public")
    natives.image("for some")
    own = Natives(world.cloud("a"), P1)
    vm = own.server("on theirs", public)
    report = await take(world)
    assert reported(report) == []
    reason = "its project is none of those that were named"
    assert {kind: reasons[reason] for kind, reasons in report.left.items() if reasons[reason]} == {
        "network": 1, "port": 1, "image": 1, "server": 1,
    }  # fmt: skip
    shown = await world.user("ann").server(vm.id)
    assert "public" in shown["addresses"]
    (image,) = await world.user("ann").listed(f"{IMAGE}/images")
    assert (image["name"], image["owner"]) == ("for all", None)


async def test_default_groups(tmp_path: Path) -> None:
    async with World(clouds=["a", "b", "c"], tmp_path=tmp_path) as world:
        more = Rule(direction="ingress", protocol="icmp", remote_id="extra")
        groups, servers = {}, {}
        for name in ("a", "b", "c"):
            natives = Natives(world.cloud(name), P1)
            groups[name] = natives.group("default", [more] if name == "c" else [])
            servers[name] = natives.server(f"in-{name}", natives.network(f"n-{name}"), groups=[groups[name]])
            assert reported(await take(world, name)) == []
        ann = world.user("ann")
        listed = await ann.listed(f"{NETWORK}/security-groups")
        assert sorted(group["name"] for group in listed) == ["default", "default-c"]
        assert (await ann.server(servers["c"].id))["security_groups"] == [{"name": "default-c"}]
        assert (await ann.server(servers["b"].id))["security_groups"] == [{"name": "default"}]
        await _look_at_everything(world)
        for name in ("a", "b", "c"):
            assert changes(world, name) == []


async def test_a_rule_for_some_addresses_is_not_taken_over_as_one_for_everybody(world: World) -> None:
    natives = Natives(world.cloud("a"), P1)
    some = Rule(direction="ingress", remote_address_group_id="theirs", remote_id="r1")
    group = natives.group("web", [some])
    (left,) = reported(await take(world))
    assert left == (
        "security_group web: it has rules whose remote is an address group, which is taken over from no cloud"
    )
    await _look_at_everything(world)
    assert changes(world) == []
    assert some in world.cloud("a").backend.security_groups[group.id].rules


async def test_a_default_group_that_lets_fewer_in_than_ours_is_not_the_same(world: World) -> None:
    """Ours lets the addresses of an address group in besides: to merge them would open that of servers that run."""
    ann, natives = world.user("ann"), Natives(world.cloud("a"), P1)
    (default,) = await ann.listed(f"{NETWORK}/security-groups")
    body: dict[str, object] = {"name": "some", "addresses": ["192.0.2.0/24"]}
    some = (await ann.post(f"{NETWORK}/address-groups", {"address_group": body})).ok()["address_group"]
    body = {
        "security_group_id": default["id"],
        "direction": "ingress",
        "remote_address_group_id": some["id"],
    }
    (await ann.post(f"{NETWORK}/security-group-rules", {"security_group_rule": body})).ok()
    group = natives.group("default")
    natives.server("db", natives.network("office"), groups=[group])
    assert reported(await take(world)) == []
    names = {one["id"]: one["name"] for one in await ann.listed(f"{NETWORK}/security-groups")}
    assert names == {default["id"]: "default", group.id: "default-a"}


async def test_a_look_at_everything_finds_nothing_to_do(world: World) -> None:
    natives = Natives(world.cloud("a"), P1)
    group = natives.group(
        "web", [Rule(direction="ingress", remote_group_id="self", remote_id="r1", description="us")]
    )
    net = natives.network("office", cidr="192.168.4.0/24")
    natives.server(
        "db", net, groups=[group, natives.group("default")], flavor=natives.flavor(extra_specs={"a": "b"})
    )
    natives.image("x")
    natives.port(net, "free", extra_dhcp_opts=[{"opt_name": "mtu", "opt_value": "1400", "ip_version": 4}])
    await take(world)
    await _look_at_everything(world)
    assert changes(world) == []
    blocked = [one for one in await _presences(world) if one.state != "settled"]
    assert blocked == []


async def _presences(world: World) -> list[Presence]:
    return [
        one
        for kind in world.core.lifecycles
        for cloud in world.clouds
        for one in await presences.in_cloud(world.core.store, cloud.name, kind)
    ]


async def _look_at_everything(world: World) -> None:
    held = await _presences(world)
    async with world.core.store.transaction() as tx:
        for one in held:
            await work.wake(tx, one.kind, one.id, one.cloud)
    await world.settle()
    await world.sweep(full=True)
    await world.settle()


async def test_what_was_deleted_here_does_not_come_back_by_an_adoption(world: World) -> None:
    """A cloud that was put back to an old backup has it again: its user wanted its end."""
    natives = Natives(world.cloud("a"), P1)
    vm = natives.server("db")
    await take(world)
    ann = world.user("ann")
    backup = world.cloud("a").backend.servers[vm.id]
    await ann.deletes_server(vm.id)
    await world.settle()
    world.cloud("a").backend.records.put(backup)
    report = await take(world)
    assert reported(report) == [
        f"server db: server {vm.id} was deleted here: it is back, and its user wanted its end"
    ]
    assert await ann.servers() == []


async def test_a_first_request_for_another_name_is_sent(world: World) -> None:
    """Before anything else was asked of the server: nothing was sent yet that could be held against the request."""
    vm = Natives(world.cloud("a"), P1).server("db", metadata={"a": "b"}, description="old")
    await take(world)
    ann = world.user("ann")
    (await ann.put(f"{COMPUTE}/servers/{vm.id}", {"server": {"name": "db-2"}})).ok()
    await world.settle()
    there = world.cloud("a").backend.servers[vm.id]
    assert (there.name, there.metadata, there.description) == ("db-2", {"a": "b"}, "old")
