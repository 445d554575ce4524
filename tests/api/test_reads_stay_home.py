"""Law 2: reads never leave the building, and never write. Every GET route that there is, from the route tables."""

from __future__ import annotations

import pytest

from fractus.services.volume.lists.api import LISTINGS
from fractus.testing.user import COMPUTE, NETWORK, User
from fractus.testing.world import World
from fractus.web.microversion import Version
from tests.api.house import House, Served, furnish, served
from tests.api.rows import changes, outside, rows_of

#: What is asked of a volume by who connects it himself.
CONNECTING = (
    "reserve", "unreserve", "begin_detaching", "roll_detaching", "initialize_connection", "terminate_connection",
)  # fmt: skip

#: What is asked of a cloud while the caller waits. Whoever adds one writes it here too.
LIVE = {
    "compute POST /servers/{server_id}/action#os-getConsoleOutput",
    "compute POST /servers/{server_id}/remote-consoles",
    "compute POST /servers/{server_id}/action#os-getVNCConsole",
    "compute POST /servers/{server_id}/action#os-getSPICEConsole",
    "compute POST /servers/{server_id}/action#os-getSerialConsole",
    "compute GET /servers/{server_id}/diagnostics",
    "compute GET /servers/{server_id}/os-server-password",
    "compute DELETE /servers/{server_id}/os-server-password",
    "compute GET /servers/{server_id}/migrations",
    "compute GET /servers/{server_id}/migrations/{id}",
    "compute DELETE /servers/{server_id}/migrations/{id}",
    "compute POST /servers/{server_id}/migrations/{id}/action#force_complete",
    "compute GET /servers/{server_id}/topology",
    "compute PUT /os-services/{id}",
    "compute DELETE /os-services/{id}",
    "compute GET /os-hypervisors/{id}",
    "compute GET /os-hypervisors/{id}/uptime",
    "compute GET /os-migrations",
    "compute PUT /os-hosts/{host}",
    "compute GET /os-console-auth-tokens/{token}",
    "compute POST /os-assisted-volume-snapshots",
    "compute DELETE /os-assisted-volume-snapshots/{id}",
    *(f"compute GET /os-hosts/{{host}}/{verb}" for verb in ("reboot", "shutdown", "startup")),
    "compute GET /os-instance_usage_audit_log",
    "compute GET /os-instance_usage_audit_log/{before}",
    *(
        f"network {method}"
        for many in ("/segments", "/network_segment_ranges")
        for method in (f"POST {many}", f"PUT {many}/{{id}}", f"DELETE {many}/{{id}}")
    ),
    "network PUT /agents/{id}",
    "network DELETE /agents/{id}",
    *(f"network GET /agents/{{agent_id}}/{one}" for one in ("dhcp-networks", "l3-routers")),
    *(f"network POST /agents/{{agent_id}}/{one}" for one in ("dhcp-networks", "l3-routers")),
    *(f"network DELETE /agents/{{agent_id}}/{one}/{{id}}" for one in ("dhcp-networks", "l3-routers")),
    "network GET /networks/{network_id}/dhcp-agents",
    "network GET /routers/{router_id}/l3-agents",
    "volume GET /backups/{id}/export_record",
    *(
        f"volume PUT /os-services/{verb}"
        for verb in (
            "enable",
            "disable",
            "disable-log-reason",
            "freeze",
            "thaw",
            "failover_host",
            "get-log",
            "set-log",
        )
    ),
    "volume GET /os-hosts/{id}",
    "volume PUT /os-hosts/{id}",
    "volume GET /capabilities/{id}",
    "volume PUT /clusters/enable",
    "volume PUT /clusters/disable",
    "volume POST /workers/cleanup",
    "volume GET /attachments/{id}",
    "volume GET /volumes/{volume_id}/encryption",
    "volume GET /volumes/{volume_id}/encryption/{key}",
    "volume POST /attachments",
    "volume PUT /attachments/{id}",
    "volume POST /snapshots/{snapshot_id}/action#os-update_snapshot_status",
    *(f"volume POST /volumes/{{volume_id}}/action#os-{name}" for name in CONNECTING),
    # What providers have and use; of the lists, only what is asked by what the clouds alone can judge.
    "placement GET /resource_providers",
    "placement GET /traits",
    "placement GET /allocation_candidates",
    "placement GET /allocations/{consumer_uuid}",
    "placement GET /resource_providers/{uuid}/inventories/{resource_class}",
    *(
        f"placement GET /resource_providers/{{uuid}}/{part}"
        for part in ("inventories", "usages", "aggregates", "traits", "allocations")
    ),
}

QOS_VERBS = ("associations", "associate", "disassociate", "disassociate_all")
#: Cinder's way to associate: a GET that writes.
WRITES = {f"volume GET /qos-specs/{{id}}/{verb}" for verb in QOS_VERBS[1:]}

#: What only administrators see of the clouds' networks, and a furnished project has none of.
SEGMENTS = {"network GET /segments/{id}", "network GET /network_segment_ranges/{id}"}
#: Routes whose thing a furnished project does not have: volumes and agents are not served.
NOT_THERE = {
    "compute GET /servers/{server_id}/os-volume_attachments/{volume_id}",
    "network GET /agents/{id}",
    *SEGMENTS,
    # Nor are hosts, nor aggregates.
    "compute GET /os-hypervisors/{id}",
    "compute GET /os-hypervisors/{id}/search",
    "compute GET /os-hypervisors/{id}/servers",
    "compute GET /os-hosts/{host}",
    "compute GET /os-aggregates/{id}",
    "compute GET /images/{image_id}/metadata/{key}",
    # These belong to no project; tests/requests reads them.
    "network GET /default-security-group-rules/{id}",
    "network GET /flavors/{id}",
    "network GET /service_profiles/{id}",
    # A port of a server, which is bound to another host.
    "network GET /ports/{id}/bindings/{host}",
    # Tasks end, and nobody has one.
    "image GET /tasks/{task_id}",
    "image GET /cache",
    "image GET /cache/nodes/{image_id}",
    # A specification belongs to no project; a type that is not encrypted has no values of that.
    "volume GET /qos-specs/{id}",
    *(f"volume GET /qos-specs/{{id}}/{verb}" for verb in QOS_VERBS),
    "volume GET /types/{type_id}/encryption/{id}",
    "volume GET /group_types/{group_type_id}",
    "volume GET /group_types/{group_type_id}/group_specs",
    "volume GET /group_types/{group_type_id}/group_specs/{key}",
    # Nothing has failed.
    "volume GET /messages/{id}",
    # Clouds that list no hosts list no providers either.
    "placement GET /resource_providers/{uuid}",
    "placement GET /resource_classes/{name}",
    "placement GET /traits/{name}",
    # What nothing can be made of yet in block storage.
    *(f"volume GET {one.path}/{{id}}" for one in LISTINGS if one.missing),
}
#: What is made when it is first read; it cannot be here: no external network is the default one.
UNMADE = "network GET /auto-allocated-topology/{project_id}"
#: What must be asked with a parameter.
PARAMETER_NEEDED = "placement GET /usages"
#: Routes that answer only to administrators.
ADMINS = {
    "compute GET /os-simple-tenant-usage",
    "compute GET /os-quota-class-sets/{name}",
    "compute GET /os-availability-zone/detail",
    "compute GET /os-services",
    "compute GET /os-aggregates",
    "compute GET /os-aggregates/{id}",
    "compute GET /os-hosts",
    "compute GET /os-hosts/{host}",
    "compute GET /os-hypervisors",
    "compute GET /os-hypervisors/detail",
    "compute GET /os-hypervisors/statistics",
    "compute GET /os-hypervisors/{id}",
    "compute GET /os-hypervisors/{id}/search",
    "compute GET /os-hypervisors/{id}/servers",
    "network GET /quotas",
    "network GET /qos/rule-types/{id}",
    "network GET /network-ip-availabilities/{id}",
    "compute GET /flavors/{flavor_id}/os-flavor-access",
    "network GET /agents/{id}",
    *SEGMENTS,
    "image GET /images/{image_id}/locations",
    "image GET /info/stores/detail",
    "image GET /tasks",
    "image GET /tasks/{task_id}",
    "image GET /cache",
    "image GET /cache/nodes/{image_id}",
    "volume GET /os-quota-class-sets/{name}",
    "volume GET /types/{type_id}/os-volume-type-access",
    # One that only administrators see.
    "volume GET /types/{type_id}/extra_specs/{key}",
    "volume GET /types/{type_id}/encryption",
    "volume GET /types/{type_id}/encryption/{id}",
    "volume GET /qos-specs",
    "volume GET /qos-specs/{id}",
    *(f"volume GET /qos-specs/{{id}}/{verb}" for verb in QOS_VERBS),
    "volume GET /backups/{id}/export_record",
    *(f"volume GET {path}" for path in ("/os-services", "/os-hosts", "/scheduler-stats/get_pools")),
    "volume GET /group_types/{group_type_id}/group_specs",
    "volume GET /group_types/{group_type_id}/group_specs/{key}",
    "placement GET /resource_providers/{uuid}",
    *(f"placement GET /{names}{one}" for names in ("resource_classes", "traits") for one in ("", "/{name}")),
}
#: A key belongs to its user: an administrator names them to see it.
OWNERS = {"compute GET /os-keypairs/{name}"}


def _wrong(one: Served, status: int, version: str, *, admin: bool) -> bool:
    """Whether a furnished project is answered otherwise than it should be."""
    since, until = one.route.min_version, one.route.max_version
    if one.gone:
        return status not in (404, 410, 501)
    if str(one) == UNMADE:
        return status != 409
    if str(one) == PARAMETER_NEEDED:
        return status != 400
    if until is not None and until < Version.parse(version):
        return status != 404
    if str(one) in (OWNERS if admin else ADMINS):
        return status not in (403, 404)
    newest = one.service.type == "placement"
    if str(one) in NOT_THERE or (since is not None and since > Version.parse(version) and not newest):
        return status != 404
    return status not in (200, 204)


async def _at_home(world: World) -> House:
    """A furnished project, and nobody who has yet to look at their groups for the first time."""
    house = await furnish(world, world.user("ann"))
    await world.admin.listed(f"{NETWORK}/security-groups")
    return house


async def _read_everything(house: House, user: User, version: str) -> dict[str, int]:
    found = {}
    for one in await served(house.world):
        if one.route.method == "GET" and not one.route.live and str(one) not in WRITES:
            asked = {"compute": version, "placement": "1.39"}.get(one.service.type, "")
            found[str(one)] = (await user.get(house.path(one), version=asked)).status
    return found


@pytest.mark.parametrize("version", ["2.1", "2.60", "2.104"])
async def test_no_get_route_calls_a_cloud_or_writes(world: World, version: str) -> None:
    ann = world.user("ann")
    house = await _at_home(world)
    routes = {str(one): one for one in await served(world)}
    rows, calls = await rows_of(world), outside(world)
    of_ann = await _read_everything(house, ann, version)
    of_admin = await _read_everything(house, world.admin, version)
    assert outside(world) == calls
    assert changes(rows, await rows_of(world)) == []
    assert len(of_ann) > 90
    for admin, answers in ((False, of_ann), (True, of_admin)):
        assert not {
            name: status
            for name, status in answers.items()
            if _wrong(routes[name], status, version, admin=admin)
        }


async def test_queries_documents_and_pages_for_machines_read_only(world: World) -> None:
    ann = world.user("ann")
    house = await _at_home(world)
    rows, calls = await rows_of(world), outside(world)
    for path in (
        "/", "/healthcheck", "/metrics", "/compute", "/compute/", "/compute/v2.1", "/compute/v2.1/",
        "/network/", "/network/v2.0", "/image/", "/image/versions",
        f"{COMPUTE}/servers/detail?all_tenants=1&sort_key=display_name&limit=1",
        f"{COMPUTE}/servers?name=a&status=ACTIVE&changes-since=2025-01-01T00:00:00Z",
        f"{COMPUTE}/servers/detail?ip=10&deleted=1&marker={house.server}",
        f"{COMPUTE}/limits?reserved=1", f"{NETWORK}/ports?device_id={house.server}&fields=id",
        f"{NETWORK}/networks?name=x&limit=1&page_reverse=true", "/image/v2/images?visibility=all&sort=name:asc",
    ):  # fmt: skip
        for user in (ann, world.admin):
            assert (await user.get(path)).status < 500, path
    more = await world.admin.call(
        "GET", f"{COMPUTE}/servers/detail", headers={"Fractus-Extra": "1"}, query={"all_tenants": 1}
    )
    assert more.ok()["servers"][0]["fractus:cloud"] == "a"
    assert outside(world) == calls
    assert changes(rows, await rows_of(world)) == []


async def test_reads_stay_home_while_clouds_are_dead(world: World) -> None:
    house = await _at_home(world)
    for cloud in world.clouds:
        cloud.faults.hangs()
    rows, calls = await rows_of(world), outside(world)
    answers = await _read_everything(house, world.admin, "2.104")
    assert sum(status == 200 for status in answers.values()) > 55
    assert outside(world) == calls
    assert changes(rows, await rows_of(world)) == []


async def test_each_live_route_makes_one_call_and_writes_nothing(world: World) -> None:
    ann = world.user("ann")
    house = await _at_home(world)
    every = await served(world)
    assert {str(one) for one in every if one.route.live} == LIVE
    assert all(0 < one.route.deadline <= 60 for one in every if one.route.live)
    rows, calls = await rows_of(world), outside(world)
    console = (await ann.acts(house.server, "os-getConsoleOutput", {"length": 3})).ok()
    assert len(console["output"].splitlines()) == 3
    assert outside(world) == calls + 1
    asked = {"remote_console": {"protocol": "serial", "type": "serial"}}
    path = f"{COMPUTE}/servers/{house.server}/remote-consoles"
    reply = await ann.post(path, asked, version="2.6")
    assert reply.ok()["remote_console"]["url"].startswith("ws://")
    assert outside(world) == calls + 2
    old = await ann.post(
        f"{COMPUTE}/servers/{house.server}/action", {"os-getVNCConsole": {"type": "novnc"}}, version="2.1"
    )
    assert old.ok()["console"]["type"] == "novnc"
    at = f"{COMPUTE}/servers/{house.server}"
    assert "cpu0_time" in (await world.admin.get(f"{at}/diagnostics", version="2.47")).ok()
    assert (await world.admin.get(f"{at}/diagnostics", version="2.48")).ok()["state"] == "running"
    assert (await ann.get(f"{at}/os-server-password")).ok() == {"password": ""}
    assert (await ann.delete(f"{at}/os-server-password")).status == 204
    assert outside(world) == calls + 7
    assert changes(rows, await rows_of(world)) == []


async def test_the_one_read_that_writes_does_so_once_in_the_life_of_a_project(world: World) -> None:
    """As in Neutron, a project gets its default group when it first looks at its groups; from then on it only reads."""
    cat = world.user("cat", "p9")
    rows = await rows_of(world)
    (group,) = await cat.listed(f"{NETWORK}/security-groups")
    assert group["name"] == "default"
    first = await rows_of(world)
    tables = {line.split(" ")[1] for line in changes(rows, first)}
    assert tables == {"security_group:", "security_group_rule:", "quota_usage:"}
    await cat.listed(f"{NETWORK}/security-groups")
    await cat.listed(f"{NETWORK}/security-group-rules")
    assert changes(first, await rows_of(world)) == []
    assert outside(world) == 0
