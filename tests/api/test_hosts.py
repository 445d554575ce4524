"""Compute services and hypervisors of all clouds: mirrored, named so that each is one, and changed in their clouds."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from fractus.testing.user import COMPUTE, User
from fractus.testing.world import World

SERVICES, HYPERVISORS = f"{COMPUTE}/os-services", f"{COMPUTE}/os-hypervisors"
HOSTS, AUDITS = f"{COMPUTE}/os-hosts", f"{COMPUTE}/os-instance_usage_audit_log"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with World(2, tmp_path=tmp_path, shape={"hosts": 2, "host_lists": True}) as made:
        await made.sweep(full=True)
        yield made


async def get(world: World, url: str, version: str = "latest", who: User | None = None, **query: Any) -> Any:
    return await (who or world.admin).get(url, version=version, **query)


async def hypervisors(world: World, version: str = "latest", **query: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await get(world, f"{HYPERVISORS}/detail", version, **query)).ok()[
        "hypervisors"
    ]
    return found


async def service(world: World, host: str) -> dict[str, Any]:
    (one,) = (await get(world, SERVICES, host=host, binary="nova-compute")).ok()["services"]
    return dict(one)


async def test_services_of_all_clouds_are_listed_with_their_cloud_as_zone(world: World) -> None:
    every = (await get(world, SERVICES)).ok()["services"]
    named = {(one["host"], one["binary"], one["zone"]) for one in every}
    compute = {(f"host-{number}.{zone}", "nova-compute", zone) for number in (1, 2) for zone in "ab"}
    assert {one for one in named if one[1] == "nova-compute"} == compute
    assert {(one["status"], one["state"], one["forced_down"]) for one in every} == {("enabled", "up", False)}
    assert len({one["id"] for one in every}) == len(every) == 8
    old = (await get(world, SERVICES, "2.1")).ok()["services"]
    assert all(isinstance(one["id"], int) and "forced_down" not in one for one in old)
    assert [one["host"] for one in (await get(world, SERVICES, host="host-1.b")).ok()["services"]] == [
        "host-1.b"
    ]
    assert (await get(world, SERVICES, host="host-1")).ok()["services"] == [], "which of the two?"
    assert (await get(world, SERVICES, who=world.user("ann"))).status == 403


async def test_a_name_that_one_cloud_alone_has_stays_as_it_is(tmp_path: Path) -> None:
    async with World(1, tmp_path=tmp_path, shape={"hosts": 2, "host_lists": True}) as world:
        await world.sweep(full=True)
        every = (await get(world, SERVICES, binary="nova-compute")).ok()["services"]
        assert [one["host"] for one in every] == ["host-1", "host-2"]
        assert (await service(world, "host-1.a"))["host"] == "host-1", "the zone may always be said"


async def test_what_an_administrator_says_of_a_service_is_said_in_its_cloud_and_shown_at_once(
    world: World,
) -> None:
    one = await service(world, "host-1.b")
    url = f"{SERVICES}/{one['id']}"
    body = {"status": "disabled", "disabled_reason": "new memory"}
    shown = (await world.admin.put(url, body, version="latest")).ok()["service"]
    assert shown.items() >= {**one, **body, "updated_at": shown["updated_at"]}.items()
    assert await service(world, "host-1.b") == shown
    said = world.cloud("b").backend.host("host-1")
    assert (said.disabled, said.disabled_reason) == (True, "new memory")
    (of,) = [one for one in await hypervisors(world) if one["service"]["host"] == "host-1.b"]
    assert (of["status"], of["service"]["disabled_reason"]) == ("disabled", "new memory")
    await world.sweep(full=True)
    assert (await service(world, "host-1.b"))["disabled_reason"] == "new memory"
    down = (await world.admin.put(url, {"forced_down": True}, version="2.53")).ok()["service"]
    assert (down["forced_down"], down["state"]) == (True, "down")


#: Verb, what is said besides, version, what is shown.
VERBS: list[tuple[str, dict[str, Any], str, dict[str, Any]]] = [
    ("disable", {}, "2.1", {"status": "disabled"}),
    (
        "disable-log-reason",
        {"disabled_reason": "r"},
        "2.1",
        {"status": "disabled", "disabled_reason": "r"},
    ),
    ("enable", {}, "2.52", {"status": "enabled"}),
    ("force-down", {"forced_down": "on"}, "2.11", {"forced_down": True}),
]

#: Path, body, version, status, sentence.
WRONG: list[tuple[str, dict[str, Any], str, int, str]] = [
    ("enable", {"host": "host-1", "binary": "nova-compute"}, "2.1", 404, "Host 'host-1' is not mapped to any cell"),
    ("start", {"host": "h", "binary": "nova-compute"}, "2.1", 404, "Unknown action"),
    ("force-down", {"host": "h", "binary": "nova-compute"}, "2.10", 404, "Unknown action"),
    ("force-down", {"host": "h", "binary": "nova-compute"}, "2.11", 400, "Missing forced_down field"),
    ("disable-log-reason", {"host": "h", "binary": "x"}, "2.1", 400, "Missing disabled reason field"),
    (
        "enable", {"host": "h", "binary": "nova-api"}, "2.1", 400,
        "Updating a nova-api service is not supported. Only nova-compute services can be updated.",
    ),
    ("enable", {"host": "h"}, "2.1", 400, "'binary' is a required property"),
    (
        "enable", {"host": "h h", "binary": "x"}, "2.1", 400,
        "Invalid input for field/attribute host. Value: h h. 'h h' does not match '^[a-zA-Z0-9-._]*$'",
    ),
    ("1", {"status": "enabled"}, "2.53", 400, "Invalid uuid 1"),
    (
        "{id}", {"status": "enabled", "disabled_reason": "r"}, "2.53", 400,
        "Specifying 'disabled_reason' with status 'enabled' is invalid.",
    ),
    (
        "{id}", {}, "2.53", 400,
        "No updates were requested. Fields 'status' or 'forced_down' should be specified.",
    ),
    (
        "0a0a0a0a-0000-4000-8000-000000000000", {"status": "enabled"}, "2.53", 404,
        "Service 0a0a0a0a-0000-4000-8000-000000000000 could not be found.",
    ),
]  # fmt: skip


async def test_before_2_53_what_is_to_be_done_stands_in_the_path(world: World) -> None:
    of = {"host": "host-2.a", "binary": "nova-compute"}
    for verb, more, version, shown in VERBS:
        reply = await world.admin.put(f"{SERVICES}/{verb}", {**of, **more}, version=version)
        assert reply.ok() == {"service": {**of, **shown}}
        assert (await service(world, "host-2.a")).items() >= shown.items()


async def test_wrong_updates_are_refused_as_nova_does(world: World) -> None:
    id = (await service(world, "host-1.a"))["id"]
    for path, body, version, status, sentence in WRONG:
        reply = await world.admin.put(f"{SERVICES}/{path.format(id=id)}", body, version=version)
        (fault,) = reply.json.values()
        assert (reply.status, fault["message"]) == (status, sentence)


async def test_a_service_is_deleted_in_its_cloud_unless_servers_are_on_its_host(world: World) -> None:
    ann = world.user("ann")
    made = await ann.boots_server(zone="a")
    await world.settle()
    host = (await world.admin.server(made))["OS-EXT-SRV-ATTR:host"]
    busy, free = await service(world, host), await service(world, "host-1.b")
    assert (await world.admin.delete(f"{SERVICES}/{busy['id']}", version="2.53")).status == 409
    old = (await get(world, SERVICES, "2.1", host="host-1.b")).ok()["services"][0]["id"]
    assert (await world.admin.delete(f"{SERVICES}/{old}")).status == 204
    hosts = [one["service"]["host"] for one in await hypervisors(world)]
    assert "host-1.b" not in hosts
    assert free["id"] not in str((await get(world, SERVICES)).json)
    await world.run_for(2)
    hosts = [one["service"]["host"] for one in await hypervisors(world)]
    assert hosts.count("host-1") == 1, "now one cloud alone has the name"
    assert (await world.admin.delete(f"{SERVICES}/{old}")).status == 404


async def test_hypervisors_have_numbers_before_2_53_and_uuids_from_then_on(world: World) -> None:
    every = await hypervisors(world, "2.87")
    assert sorted(one["hypervisor_hostname"] for one in every) == [
        "host-1.a",
        "host-1.b",
        "host-2.a",
        "host-2.b",
    ]
    for one in every:
        assert isinstance(one["cpu_info"], dict)
        assert one["vcpus"] == 64
    old = await hypervisors(world, "2.1")
    assert all(isinstance(one["id"], int) and isinstance(one["service"]["id"], int) for one in old)
    assert [isinstance(one["cpu_info"], str) for one in old] == [True] * 4
    for version, listed in (("2.1", old), ("2.87", every), ("2.104", await hypervisors(world))):
        url = f"{HYPERVISORS}/{listed[0]['id']}"
        shown = (await get(world, url, version)).ok()["hypervisor"]
        uptime = shown.pop("uptime", None)
        assert shown == {name: value for name, value in listed[0].items() if name != "uptime"}
        assert (uptime is not None) == (version == "2.104")
    assert (await get(world, f"{HYPERVISORS}/{every[0]['id']}/uptime", "2.87")).ok()["hypervisor"]["uptime"]
    statistics = (await get(world, f"{HYPERVISORS}/statistics", "2.87")).ok()["hypervisor_statistics"]
    assert (statistics["count"], statistics["vcpus"], statistics["running_vms"]) == (4, 256, 0)


async def test_lists_of_hypervisors_are_paged_and_searched(world: World) -> None:
    names = [one["hypervisor_hostname"] for one in await hypervisors(world)]
    for version in ("2.33", "2.53"):
        first = (await get(world, HYPERVISORS, version, limit=3)).ok()
        assert [one["hypervisor_hostname"] for one in first["hypervisors"]] == names[:3]
        last = first["hypervisors"][-1]["id"]
        assert f"marker={last}" in first["hypervisors_links"][0]["href"]
        assert [
            one["hypervisor_hostname"] for one in await hypervisors(world, version, marker=last)
        ] == names[3:]
    found = await hypervisors(world, hypervisor_hostname_pattern="1.b")
    assert [one["hypervisor_hostname"] for one in found] == ["host-1.b"]
    assert len((await get(world, f"{HYPERVISORS}/host-/search", "2.52")).ok()["hypervisors"]) == 4
    refused = {
        "hypervisor_hostname_pattern=x": (404, "No hypervisor matching 'x' could be found."),
        "hypervisor_hostname_pattern=h&limit=1": (
            400, "Paging over hypervisors with the hypervisor_hostname_pattern query parameter is not supported.",
        ),
        "marker=none": (400, "marker [none] not found"),
        "limit=x": (400, "Invalid input for query parameters limit. Value: x. 'x' does not match '^[0-9]*$'"),
        "colour=red": (400, "Additional properties are not allowed ('colour' was unexpected)"),
        "with_servers=true&with_servers=true": (
            400,
            "Invalid input for query parameters with_servers. Value: ['true', 'true']. ['true', 'true'] is too long",
        ),
    }  # fmt: skip
    for query, said in refused.items():
        reply = await get(world, f"{HYPERVISORS}?{query}", "2.53")
        (fault,) = reply.json.values()
        assert (reply.status, fault["message"]) == said


async def test_our_servers_on_a_hypervisor_are_shown(world: World) -> None:
    ann = world.user("ann")
    made = await ann.boots_server(zone="a")
    await world.settle()
    server = await world.admin.server(made)
    shown = {
        one["hypervisor_hostname"]: one["servers"]
        for one in (await get(world, HYPERVISORS, with_servers="true")).ok()["hypervisors"]
    }
    name = server["OS-EXT-SRV-ATTR:instance_name"]
    assert shown.pop(server["OS-EXT-SRV-ATTR:hypervisor_hostname"]) == [{"name": name, "uuid": made}]
    assert list(shown.values()) == [[], [], []]
    node = server["OS-EXT-SRV-ATTR:hypervisor_hostname"]
    for named, found in ((node, [made]), (f"{node}%0A", []), (node.replace("1", "2"), [])):
        reply = (await world.admin.get(f"{COMPUTE}/servers?all_tenants=1&node={named}", version="2.1")).ok()
        assert [one["id"] for one in reply["servers"]] == found
    old = (await get(world, f"{HYPERVISORS}/host-/servers", "2.1")).ok()["hypervisors"]
    assert [one["servers"][0]["uuid"] for one in old if "servers" in one] == [made]


async def test_a_cloud_that_is_silent_is_said_to_be_stale_and_an_uptime_it_does_not_tell_is_null(
    world: World,
) -> None:
    world.cloud("b").faults.unreachable()
    await world.run_for(120)
    reply = await get(world, HYPERVISORS)
    assert len(reply.ok()["hypervisors"]) == 4
    assert reply.headers["fractus-stale"] == "b"
    (one,) = [one for one in await hypervisors(world) if one["hypervisor_hostname"] == "host-1.b"]
    assert (await get(world, f"{HYPERVISORS}/{one['id']}")).ok()["hypervisor"]["uptime"] is None
    assert (await get(world, f"{HYPERVISORS}/{one['id']}/uptime", "2.87")).status == 503


async def test_hosts_are_listed_and_shown_up_to_2_42(world: World) -> None:
    ann = world.user("ann")
    made = await ann.boots_server(zone="a")
    await world.settle()
    every = (await get(world, HOSTS, "2.1")).ok()["hosts"]
    assert {(one["host_name"], one["zone"]) for one in every if one["service"] == "compute"} == {
        (f"host-{number}.{zone}", zone) for number in (1, 2) for zone in "ab"
    }
    in_b = (await get(world, HOSTS, "2.42", zone="b")).ok()["hosts"]
    assert in_b == [one for one in every if one["zone"] == "b"]
    assert (await get(world, HOSTS, "2.42", zone="none")).ok() == {"hosts": []}
    host = (await world.admin.server(made))["OS-EXT-SRV-ATTR:host"]
    shown = (await get(world, f"{HOSTS}/{host}", "2.42")).ok()["host"]
    by = {one["resource"]["project"]: one["resource"] for one in shown}
    assert by["(total)"]["cpu"] == 64
    assert list(by) == ["(total)", "(used_now)", "(used_max)", ann.project_id]
    assert by[ann.project_id] == {**by["(used_max)"], "project": ann.project_id}
    flavor = (await world.admin.server(made))["flavor"]
    assert (by["(used_max)"]["cpu"], by["(used_max)"]["memory_mb"]) == (flavor["vcpus"], flavor["ram"])
    assert (await get(world, HOSTS, "2.43")).status == 404
    assert (await get(world, HOSTS, "2.1", who=ann)).status == 403


async def test_what_is_done_to_a_host_its_cloud_does(world: World) -> None:
    for body, said in (
        ({"status": "enable"}, {"status": "enabled"}),
        ({"status": "Disable"}, {"status": "disabled"}),
        ({"maintenance_mode": "ENABLE"}, {"maintenance_mode": "on_maintenance"}),
    ):
        reply = await world.admin.put(f"{HOSTS}/host-1.b", body, version="2.1")
        assert reply.ok() == {"host": "host-1.b", **said}
    for verb in ("reboot", "shutdown", "startup"):
        done = await get(world, f"{HOSTS}/host-1.b/{verb}", "2.1")
        assert done.ok() == {"host": "host-1.b", "power_action": verb}
    for path, body, status, sentence in (
        ("none", {"status": "enable"}, 404, "Host 'none' is not mapped to any cell"),
        ("host-1.a", {}, 400, "{} is not valid under any of the given schemas"),
        (
            "host-1.a", {"status": "on"}, 400,
            "Invalid input for field/attribute status. Value: on. 'on' is not one of "
            "['enable', 'disable', 'Enable', 'Disable', 'ENABLE', 'DISABLE']",
        ),
    ):  # fmt: skip
        reply = await world.admin.put(f"{HOSTS}/{path}", body, version="2.1")
        (fault,) = reply.json.values()
        assert (reply.status, fault["message"]) == (status, sentence)


async def test_audits_of_all_clouds_are_one_log_and_a_silent_cloud_has_not_run(world: World) -> None:
    ann = world.user("ann")
    await ann.boots_server(zone="a")
    await world.settle()
    log = (await get(world, AUDITS)).ok()["instance_usage_audit_logs"]
    assert (log["num_hosts"], log["num_hosts_done"], log["total_instances"]) == (4, 4, 1)
    assert log["overall_status"] == "ALL hosts done. 0 errors."
    assert set(log["log"]) == {"host-1.a", "host-2.a", "host-1.b", "host-2.b"}
    shown = (await get(world, f"{AUDITS}/2024-03-01 00:00:01")).ok()["instance_usage_audit_log"]
    assert (shown["period_beginning"], shown["period_ending"]) == (
        "2024-02-01 00:00:00",
        "2024-03-01 00:00:00",
    )
    first = (await get(world, f"{AUDITS}/2024-01-01 00:00:00.0")).ok()["instance_usage_audit_log"]
    assert (first["period_beginning"], first["period_ending"]) == (
        "2023-11-01 00:00:00",
        "2023-12-01 00:00:00",
    )
    wrong = await get(world, f"{AUDITS}/2024-03-01")
    assert wrong.json["badRequest"]["message"] == "Invalid timestamp for date 2024-03-01"
    world.cloud("b").faults.unreachable()
    reply = await get(world, AUDITS)
    log = reply.ok()["instance_usage_audit_logs"]
    assert (log["hosts_not_run"], log["num_hosts_done"]) == (["host-1.b", "host-2.b"], 2)
    assert log["overall_status"] == "2 of 4 hosts done. 0 errors."
    assert reply.headers["fractus-stale"] == "b"
