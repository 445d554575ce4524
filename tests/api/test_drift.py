"""A child's own operators keep working there: what they change shows within a sweep, is reported, and is not fought."""

from __future__ import annotations

from typing import Any, TypeVar

import pytest

from fractus.clouds.simulated.records import NetworkRecord, PortRecord, Record, SecurityGroupRecord
from fractus.model.network import FixedIp, Rule
from fractus.operations.drift import adopt_unmatched
from fractus.reconcile.machine import Machine
from fractus.reconcile.sweep.remedy import Deed, Remedies
from fractus.store import drift_rules, findings
from fractus.store.findings import Finding
from fractus.testing.user import COMPUTE, NETWORK, User
from fractus.testing.world import World

R = TypeVar("R", bound=Record)


def machine(world: World) -> Machine:
    made: Machine = world.parts.worker.machine  # type: ignore[attr-defined]
    return made


def there(world: World, kind: str, id: str, cloud: str = "a") -> Any:
    """What is in a cloud of our resource."""
    (found,) = world.cloud(cloud).marked(kind, id)
    return found


def alter(world: World, thing: Record, cloud: str = "a", **fields: Any) -> None:
    """As an administrator of the child does it."""
    backend = world.cloud(cloud).backend
    with backend.records.changing():
        for name, value in fields.items():
            setattr(thing, name, value)
        thing.changed_at = backend.now()
        backend.records.put(thing)


def deletes(world: World, thing: Record, cloud: str = "a") -> None:
    backend = world.cloud(cloud).backend
    with backend.records.changing():
        backend.records.drop(thing)


async def sweep(world: World, *, full: bool = False) -> None:
    """One sweep interval goes by, and what follows from it."""
    if full:
        await world.run_for(1)
        await world.sweep(full=True)
    await world.run_for(15)


async def drift(world: World, *, foreign: bool = False) -> list[Finding]:
    every = await findings.page(world.parts.store, {})
    return [one for one in every if foreign or one.what != findings.FOREIGN]


async def only(world: World) -> Finding:
    (one,) = await drift(world)
    return one


def fields(one: Finding) -> dict[str, tuple[Any, Any]]:
    return {each["field"]: (each["wanted"], each["found"]) for each in one.differences}


async def does(world: World, verb: str, one: Finding, *names: str) -> Deed:
    """An operator's command."""
    works = machine(world)
    remedies = Remedies(works.resources, works.lifecycles, works.notifier)
    async with world.parts.store.transaction() as tx:
        return await remedies.do(tx, one, verb, names)


async def rule(world: World, verb: str, what: str = "changed", kind: str = "", field: str = "") -> None:
    async with world.parts.store.transaction() as tx:
        await drift_rules.add(tx, what=what, cloud="", kind=kind, field=field, verb=verb)


async def active(world: World, **more: Any) -> str:
    server = await world.user("ann").boots_server(zone="a", **more)
    await world.settle()
    await world.sweep(full=True)
    await world.settle()
    assert (await world.user("ann").server(server))["status"] == "ACTIVE"
    assert await drift(world) == []
    return server


# --- servers ------------------------------------------------------------------------------------


async def test_a_server_that_was_renamed_there_is_shown_so_and_found_by_that_name(world: World) -> None:
    ann = world.user("ann")
    server = await active(world, name="web")
    alter(world, there(world, "server", server), name="theirs", metadata={"who": "them"})
    await sweep(world)
    shown = await ann.server(server)
    assert (shown["name"], shown["metadata"]) == ("theirs", {"who": "them"})
    assert [one["id"] for one in await ann.servers(name="theirs")] == [server]
    one = await only(world)
    assert (one.what, one.resource_id, one.project_id) == ("changed", server, ann.project_id)
    assert fields(one) == {"name": ("web", "theirs"), "metadata": ({}, {"who": "them"})}
    assert not world.cloud("a").faults.calls("server", "apply"), "nobody fights"


async def test_a_server_that_was_stopped_there_is_shown_so_and_repaired_when_it_is_said(world: World) -> None:
    ann = world.user("ann")
    server = await active(world)
    alter(world, there(world, "server", server), vm_state="stopped", power_state=4)
    await sweep(world)
    assert (await ann.server(server))["status"] == "SHUTOFF"
    one = await only(world)
    assert fields(one) == {"power_state": ("active", "stopped")}
    assert (await does(world, "repair", one)).able
    await world.settle()
    assert (await ann.server(server))["status"] == "ACTIVE"
    assert await drift(world) == []


async def test_a_server_that_its_user_stopped_is_as_it_should_be(world: World) -> None:
    ann = world.user("ann")
    server = await active(world)
    (await ann.acts(server, "os-stop")).ok()
    await world.settle()
    await sweep(world, full=True)
    assert await drift(world) == []
    alter(world, there(world, "server", server), vm_state="active", power_state=1)
    await sweep(world)
    assert fields(await only(world)) == {"power_state": ("stopped", "active")}


async def test_names_are_repaired_field_by_field(world: World) -> None:
    ann = world.user("ann")
    server = await active(world, name="web", metadata={"a": "b"})
    alter(world, there(world, "server", server), name="theirs", metadata={})
    await sweep(world)
    await does(world, "repair", await only(world), "name")
    await world.settle()
    shown = await ann.server(server)
    assert (shown["name"], shown["metadata"]) == ("web", {})
    assert there(world, "server", server).name == "web"
    assert fields(await only(world)) == {"metadata": ({"a": "b"}, {})}
    await does(world, "repair", await only(world))
    await world.settle()
    assert there(world, "server", server).metadata == {"a": "b"}
    assert await drift(world) == []


async def test_what_was_found_is_adopted_and_nothing_is_sent(world: World) -> None:
    ann = world.user("ann")
    server = await active(world, name="web")
    alter(world, there(world, "server", server), name="theirs", vm_state="stopped", power_state=4)
    await sweep(world)
    world.cloud("a").faults.clear_log()
    assert (await does(world, "adopt", await only(world))).able
    await world.settle()
    await sweep(world, full=True)
    assert await drift(world) == []
    assert world.cloud("a").faults.changes() == []
    shown = await ann.server(server)
    assert (shown["name"], shown["status"]) == ("theirs", "SHUTOFF")
    (await ann.acts(server, "os-start")).ok()
    await world.settle()
    assert (await ann.server(server))["status"] == "ACTIVE"
    assert await drift(world) == []


async def test_what_is_ignored_is_open_again_when_it_changes_again(world: World) -> None:
    server = await active(world, name="web")
    alter(world, there(world, "server", server), name="theirs")
    await sweep(world)
    await does(world, "ignore", await only(world))
    await sweep(world, full=True)
    one = await only(world)
    assert (one.state, fields(one)) == ("ignored", {"name": ("web", "theirs")})
    assert (await world.user("ann").server(server))["name"] == "theirs"
    alter(world, there(world, "server", server), name="theirs again")
    await sweep(world)
    assert (await only(world)).state == "open"
    alter(world, there(world, "server", server), name="web")
    await sweep(world)
    assert await drift(world) == []


async def test_a_server_that_was_deleted_there_is_reported_and_forgotten(world: World) -> None:
    ann = world.user("ann")
    server = await active(world)
    await _server_is_deleted_there(world, server)
    await sweep(world)
    shown = await ann.server(server)
    assert (shown["status"], shown["fault"]["message"]) == (
        "ERROR",
        "It is gone from a: it was deleted there.",
    )
    one = next(one for one in await drift(world) if one.kind == "server")
    assert (one.what, one.resource_id) == ("missing", server)
    assert not (await does(world, "adopt", one)).able
    assert (await does(world, "forget", one)).able
    await world.settle()
    assert (await ann.get(f"{COMPUTE}/servers/{server}")).status == 404
    assert await ann.listed(f"{NETWORK}/ports") == []
    assert await drift(world) == []
    await ann.deletes_network(await ann.own_network())
    await world.settle()
    await world.assert_nothing_left()


async def _server_is_deleted_there(world: World, server: str) -> None:
    """By the child's own API: its ports outlive it there, unbound."""
    thing = there(world, "server", server)
    alter(world, thing, next="deleted", next_at=world.cloud("a").backend.now(), task_state="deleting")


async def test_a_server_that_was_deleted_there_is_built_anew_when_it_is_said(world: World) -> None:
    ann = world.user("ann")
    server = await active(world)
    before = await ann.server(server)
    await _server_is_deleted_there(world, server)
    await sweep(world)
    one = next(one for one in await drift(world) if one.kind == "server")
    deed = await does(world, "repair", one)
    assert "what was on its disk is lost" in deed.text
    await world.settle()
    await sweep(world, full=True)
    shown = await ann.server(server)
    assert (shown["status"], shown["addresses"]) == ("ACTIVE", before["addresses"])
    assert len(world.cloud("a").marked("server", server)) == 1
    assert await drift(world) == []
    await world.assert_no_orphans()


async def test_a_server_of_a_restored_cloud_is_well_again(world: World) -> None:
    server = await active(world)
    thing = there(world, "server", server)
    deletes(world, thing)
    await sweep(world, full=True)
    await world.run_for(30)
    assert (await only(world)).what == "missing"
    world.cloud("a").backend.records.put(thing)
    await sweep(world, full=True)
    await world.settle()
    assert (await world.user("ann").server(server))["status"] == "ACTIVE"
    assert await drift(world) == []


# --- ports ---------------------------------------------------------------------------------------


async def _port(world: World, server: str) -> dict[str, Any]:
    (port,) = await world.user("ann").listed(f"{NETWORK}/ports", device_id=server)
    return port


def _addresses(shown: dict[str, Any]) -> list[str]:
    return [one["addr"] for every in shown["addresses"].values() for one in every]


async def test_an_address_that_was_changed_there_shows_in_port_and_server(world: World) -> None:
    ann = world.user("ann")
    server = await active(world)
    port = await _port(world, server)
    thing: PortRecord = there(world, "port", port["id"])
    alter(world, thing, fixed_ips=[FixedIp(thing.fixed_ips[0].subnet_id, "10.99.0.77")])
    await sweep(world)
    now = await _port(world, server)
    subnet = port["fixed_ips"][0]["subnet_id"]
    assert now["fixed_ips"] == [{"subnet_id": subnet, "ip_address": "10.99.0.77"}], "in our own ids"
    assert _addresses(await ann.server(server)) == ["10.99.0.77"]
    assert [one["id"] for one in await ann.servers(ip="10.99.0.77")] == [server]
    one = await only(world)
    assert not (await does(world, "adopt", one)).able, "addresses are dealt out by us"
    await does(world, "repair", one)
    await world.settle()
    assert _addresses(await ann.server(server)) == [port["fixed_ips"][0]["ip_address"]]
    assert await drift(world) == []


async def test_a_port_is_found_by_the_addresses_that_it_shows(world: World) -> None:
    ann, bob = world.user("ann"), world.user("bob", "p2")
    server = await active(world)
    port = await _port(world, server)
    thing: PortRecord = there(world, "port", port["id"])
    strange = {"fixed_ips": "ip_address=10.99.0.77"}, {"mac_address": "fa:16:3e:99:99:99"}
    own = (
        {"fixed_ips": f"ip_address={port['fixed_ips'][0]['ip_address']}"},
        {"mac_address": port["mac_address"]},
    )

    async def found(user: User, **query: str) -> list[str]:
        return [one["id"] for one in await user.listed(f"{NETWORK}/ports", **query)]

    async def found_by(*queries: dict[str, str]) -> list[list[str]]:
        return [await found(ann, **query) for query in queries]

    assert await found_by(*own, *strange) == [[port["id"]], [port["id"]], [], []]
    before = thing.fixed_ips
    alter(
        world, thing, fixed_ips=[FixedIp(before[0].subnet_id, "10.99.0.77")], mac_address="fa:16:3e:99:99:99"
    )
    await sweep(world)
    assert await found_by(*own, *strange) == [[], [], [port["id"]], [port["id"]]]
    assert [await found(bob, **query) for query in strange] == [[], []]
    assert await found(ann, fixed_ips=f"subnet_id={port['fixed_ips'][0]['subnet_id']}") == [port["id"]]
    await does(world, "ignore", await only(world))
    assert await found_by(*own, *strange) == [[], [], [port["id"]], [port["id"]]]
    deletes(world, thing)
    await sweep(world, full=True)
    await world.run_for(30)
    shown = await _port(world, server)
    assert (await found_by(*strange)) == [
        [port["id"]] if shown["mac_address"] != port["mac_address"] else []
    ] * 2
    world.cloud("a").backend.records.put(thing)
    alter(world, thing, fixed_ips=before, mac_address=port["mac_address"])
    await sweep(world, full=True)
    await world.settle()
    assert await drift(world) == []
    assert await found_by(*own, *strange) == [[port["id"]], [port["id"]], [], []]


async def test_a_port_that_was_taken_from_its_server_there_is_reported(world: World) -> None:
    ann = world.user("ann")
    server = await active(world)
    port = await _port(world, server)
    alter(world, there(world, "port", port["id"]), device_id="", device_owner="", status="DOWN", host="")
    await sweep(world)
    assert (await ann.server(server))["addresses"] == {}
    one = await only(world)
    assert (one.kind, fields(one)) == ("port", {"device_id": (server, "")})
    assert not (await does(world, "repair", one)).able
    await does(world, "ignore", one)
    alter(world, there(world, "port", port["id"]), device_id=there(world, "server", server).id)
    await sweep(world)
    assert _addresses(await ann.server(server)) == [port["fixed_ips"][0]["ip_address"]]
    assert await drift(world) == []


async def test_a_port_that_was_deleted_there_is_reported_and_its_server_shows_no_address(
    world: World,
) -> None:
    ann = world.user("ann")
    server = await active(world)
    port = await _port(world, server)
    deletes(world, there(world, "port", port["id"]))
    await sweep(world, full=True)
    await world.run_for(30)
    assert (await ann.server(server))["addresses"] == {}
    assert (await only(world)).what == "missing"


async def test_changes_of_a_port_through_our_own_api_show_in_its_server(world: World) -> None:
    ann = world.user("ann")
    group = await ann.makes_security_group("web")
    server = await active(world)
    port = await _port(world, server)
    body = {"port": {"fixed_ips": [{"ip_address": "10.99.0.66"}], "security_groups": [group]}}
    (await ann.put(f"{NETWORK}/ports/{port['id']}", body)).ok()
    shown = await ann.server(server)
    assert _addresses(shown) == ["10.99.0.66"]
    assert shown["security_groups"] == [{"name": "web"}]
    await world.settle()
    await sweep(world, full=True)
    assert await drift(world) == []


async def test_groups_that_were_changed_there_are_reported_and_adopted(world: World) -> None:
    ann = world.user("ann")
    group = await ann.makes_security_group("web")
    server = await active(world, groups=["web"])
    port = await _port(world, server)
    alter(world, there(world, "port", port["id"]), security_groups=[])
    await sweep(world)
    assert fields(await only(world)) == {"security_groups": ([group], [])}
    assert "security_groups" not in await ann.server(server)
    await does(world, "adopt", await only(world))
    await world.settle()
    assert (await _port(world, server))["security_groups"] == []
    assert await drift(world) == []
    (await ann.delete(f"{NETWORK}/security-groups/{group}")).ok()


# --- networks, groups ---------------------------------------------------------------------------


async def test_a_network_that_was_renamed_there_is_shown_so_while_it_is_in_one_cloud(world: World) -> None:
    ann = world.user("ann")
    network = await ann.makes_network("red")
    await active(world, network=network)
    thing: NetworkRecord = there(world, "network", network.id)
    alter(world, thing, name="theirs", admin_state_up=False)
    await sweep(world)
    (shown,) = await ann.listed(f"{NETWORK}/networks", name="theirs")
    assert (shown["id"], shown["admin_state_up"]) == (network.id, False)
    assert fields(await only(world)) == {"name": ("red", "theirs"), "admin_state_up": (True, False)}
    await ann.boots_server("other", network=network, zone="b")
    await world.settle()
    (shown,) = await ann.listed(f"{NETWORK}/networks", id=network.id)
    assert shown["name"] == "red", "one of two copies"
    assert there(world, "network", network.id, "b").name == "red"
    await does(world, "adopt", await only(world), "name")
    await world.settle()
    assert there(world, "network", network.id, "b").name == "theirs", "what is wanted is wanted everywhere"
    assert there(world, "network", network.id).admin_state_up is False
    await does(world, "repair", await only(world))
    await world.settle()
    assert there(world, "network", network.id).admin_state_up is True
    assert await drift(world) == []


async def test_rules_of_a_group_that_were_changed_there_are_reported_and_repaired(world: World) -> None:
    ann = world.user("ann")
    group = await ann.makes_security_group("web")
    await active(world, groups=["web"])
    thing: SecurityGroupRecord = there(world, "security_group", group)
    before = list(thing.rules)
    more = Rule(direction="ingress", protocol="tcp", port_range_min=22, port_range_max=22, remote_id="r1")
    alter(world, thing, rules=[*before[1:], more])
    await sweep(world)
    one = await only(world)
    missing, surplus = fields(one)["rules"]
    assert (len(missing), [rule["port_range_min"] for rule in surplus]) == (1, [22])
    await does(world, "repair", one)
    await world.settle()
    rules = there(world, "security_group", group).rules
    assert sorted(str(rule.port_range_min) for rule in rules) == sorted(str(r.port_range_min) for r in before)
    assert await drift(world) == []


async def test_a_users_request_leaves_alone_what_others_changed_of_something_else(world: World) -> None:
    ann = world.user("ann")
    network = await ann.makes_network("red")
    await active(world, network=network)
    alter(world, there(world, "network", network.id), name="theirs")
    await sweep(world)
    (await ann.put(f"{NETWORK}/networks/{network.id}", {"network": {"admin_state_up": False}})).ok()
    await world.settle()
    thing = there(world, "network", network.id)
    assert (thing.name, thing.admin_state_up) == ("theirs", False)
    (await ann.put(f"{NETWORK}/networks/{network.id}", {"network": {"name": "blue"}})).ok()
    await world.settle()
    assert there(world, "network", network.id).name == "blue"
    assert await drift(world) == []


@pytest.mark.parametrize("path", ["networks", "servers"])
async def test_a_user_who_asks_for_the_old_name_gets_it(world: World, path: str) -> None:
    """What is wanted has not changed, but what is shown is another, and the user sees only that."""
    ann = world.user("ann")
    network = await ann.makes_network("old")
    server = await active(world, name="old", network=network)
    kind, id = ("network", network.id) if path == "networks" else ("server", server)
    alter(world, there(world, kind, id), name="theirs")
    await sweep(world)
    base = NETWORK if kind == "network" else COMPUTE
    (await ann.put(f"{base}/{path}/{id}", {kind: {"name": "old"}})).ok()
    await world.settle()
    assert there(world, kind, id).name == "old"
    assert await drift(world) == []


# --- rules, orphans, others' things --------------------------------------------------------------


async def test_rules_decide_by_themselves(world: World) -> None:
    server = await active(world, name="web")
    network = await world.user("ann").own_network()
    await rule(world, "ignore", kind="server", field="metadata")
    await rule(world, "repair", kind="server", field="name")
    await rule(world, "adopt", kind="network")
    alter(world, there(world, "server", server), name="theirs", metadata={"x": "y"})
    alter(world, there(world, "network", network.id), name="their net")
    await sweep(world)
    await sweep(world)
    await world.settle()
    one = await only(world)
    assert (one.state, fields(one)) == ("ignored", {"metadata": ({}, {"x": "y"})})
    assert there(world, "server", server).name == "web"
    (shown,) = await world.user("ann").listed(f"{NETWORK}/networks", id=network.id)
    assert shown["name"] == "their net"


async def test_a_rule_that_would_change_too_much_changes_nothing(world: World) -> None:
    ann = world.user("ann")
    servers = [await active(world, name=f"web{number}") for number in range(3)]
    machine(world).pace = type(machine(world).pace)(at_most=2)
    await rule(world, "adopt", kind="server")
    for server in servers:
        alter(world, there(world, "server", server), name="theirs")
    await sweep(world)
    assert len(await drift(world)) == 3
    assert {(await ann.server(server))["name"] for server in servers} == {"theirs"}


async def test_an_orphan_is_deleted_only_when_it_is_said_and_others_things_never(world: World) -> None:
    server = await active(world)
    a = world.cloud("a")
    network = there(world, "network", (await world.user("ann").own_network()).id)
    orphan = NetworkRecord(id="orphan-1", project_id=network.project_id, marker="nobody", name="lost")
    foreign = NetworkRecord(id="foreign-1", project_id="p-else", name="theirs")
    twin = SecurityGroupRecord(id="twin-1", project_id=network.project_id, marker="", name="x")
    for thing in (orphan, foreign, twin):
        alter(world, thing)
    before = [thing for kind in ("network", "security_group", "server", "port") for thing in a.of(kind)]
    await sweep(world, full=True)
    assert {(one.remote_id, one.what) for one in await drift(world)} == {("orphan-1", "orphan")}
    seen = {one.remote_id: one.what for one in await drift(world, foreign=True)}
    assert seen["foreign-1"] == seen["twin-1"] == "foreign"
    for one in await drift(world, foreign=True):
        if one.what == "foreign":
            assert not (await does(world, "repair", one)).able
            assert not (await does(world, "forget", one)).able
    assert [
        thing for kind in ("network", "security_group", "server", "port") for thing in a.of(kind)
    ] == before
    await does(world, "repair", await only(world))
    await world.settle()
    await sweep(world, full=True)
    assert "orphan-1" not in {thing.id for thing in a.of("network")}
    assert {"foreign-1", "twin-1"} <= {
        thing.id for kind in ("network", "security_group") for thing in a.of(kind)
    }
    assert await drift(world) == []
    assert (await world.user("ann").server(server))["status"] == "ACTIVE"


async def test_an_orphan_that_lost_its_marker_meanwhile_is_left_alone(world: World) -> None:
    await active(world)
    orphan = NetworkRecord(id="orphan-1", project_id="p-else", marker="nobody", name="lost")
    alter(world, orphan)
    await sweep(world, full=True)
    one = await only(world)
    alter(world, orphan, marker="")
    assert (await does(world, "repair", one)).able
    await world.settle()
    assert "orphan-1" in {thing.id for thing in world.cloud("a").of("network")}


async def test_one_foreign_thing_is_adopted_and_from_then_on_ours(world: World) -> None:
    """With what it needs, and nothing else; nothing is sent to its cloud."""
    ann, a = world.user("ann"), world.cloud("a")
    await active(world)
    group = SecurityGroupRecord(id="g-1", project_id=ann.project_id, name="theirs", created_at=1.0)
    other = NetworkRecord(id="n-1", project_id=ann.project_id, name="other", created_at=1.0)
    for thing in (group, other):
        alter(world, thing)
    await sweep(world, full=True)
    a.faults.clear_log()
    wanted = [one for one in await drift(world, foreign=True) if one.remote_id == "g-1"]
    for dry_run in (True, False):
        (report,) = await adopt_unmatched(world.core, wanted, dry_run=dry_run)
        assert (report.conflicts, report.taken["security_group"], report.taken["network"]) == ([], 1, 0)
    assert a.faults.changes() == []
    assert "theirs" in [one["name"] for one in await ann.listed(f"{NETWORK}/security-groups")]
    await sweep(world, full=True)
    assert "g-1" not in {one.remote_id for one in await drift(world, foreign=True)}
    assert "n-1" in {one.remote_id for one in await drift(world, foreign=True)}
    alter(world, group, name="renamed")
    await sweep(world)
    assert fields(await only(world)) == {"name": ("theirs", "renamed")}
