"""What a server looks like at each version where that changed; the sets are those of Nova's response schemas."""

from __future__ import annotations

from typing import Any

import pytest

from fractus.services.compute import RANGE
from fractus.services.compute.servers import versions
from fractus.web.microversion import Version
from tests.unit.services.compute.servers.house import BASE_URL, House, admin

FIRST = set(
    (
        "id name status tenant_id user_id metadata hostId image flavor created updated addresses accessIPv4 accessIPv6"
        " links OS-DCF:diskConfig OS-EXT-AZ:availability_zone config_drive key_name OS-SRV-USG:launched_at"
        " OS-SRV-USG:terminated_at OS-EXT-STS:task_state OS-EXT-STS:vm_state OS-EXT-STS:power_state"
        " os-extended-volumes:volumes_attached security_groups progress"
    ).split()
)
EXTENDED = {f"OS-EXT-SRV-ATTR:{name}" for name in ("host", "instance_name", "hypervisor_hostname")}
EXTENDED_2_3 = {
    f"OS-EXT-SRV-ATTR:{name}"
    for name in "reservation_id launch_index hostname kernel_id ramdisk_id root_device_name user_data".split()
}
HOSTNAME = "OS-EXT-SRV-ATTR:hostname"

# version -> what everybody sees more since then, what admins see more
SINCE: list[tuple[str, set[str], set[str]]] = [
    ("2.1", FIRST, EXTENDED),
    ("2.3", set(), EXTENDED_2_3),
    ("2.9", {"locked"}, set()),
    ("2.16", set(), {"host_status"}),
    ("2.19", {"description"}, set()),
    ("2.26", {"tags"}, set()),
    ("2.63", {"trusted_image_certificates"}, set()),
    ("2.71", {"server_groups"}, set()),
    ("2.73", {"locked_reason"}, set()),
    ("2.90", {HOSTNAME}, set()),
    ("2.96", {"pinned_availability_zone"}, set()),
    ("2.100", {"scheduler_hints"}, set()),
]
EVERY = [str(version) for version in (Version(2, minor) for minor in range(1, RANGE.max.minor + 1))]


def expected(version: str) -> tuple[set[str], set[str]]:
    """What a member and what an admin sees of one ACTIVE server."""
    member: set[str] = set()
    more: set[str] = set()
    for since, everybody, admins in SINCE:
        if Version.parse(since) <= Version.parse(version):
            member |= everybody
            more |= admins
    return member, member | more


@pytest.mark.parametrize("version", EVERY)
async def test_fields_of_a_server_at_every_version(house: House, version: str) -> None:
    id = await house.create()
    await house.place(id)
    member, whole = expected(version)
    shown = await house.ask("GET", f"/servers/{id}", version=version)
    assert set(shown["server"]) == member
    shown = await house.ask("GET", f"/servers/{id}", version=version, who=admin())
    assert set(shown["server"]) == whole
    # Lists never tell server groups.
    listed = await house.ask("GET", "/servers/detail", version=version)
    assert set(listed["servers"][0]) == member - {"server_groups"}
    listed = await house.ask("GET", "/servers/detail", version=version, who=admin(), query="all_tenants=1")
    assert set(listed["servers"][0]) == whole - {"server_groups"}
    listed = await house.ask("GET", "/servers", version=version)
    assert set(listed["servers"][0]) == {"id", "name", "links"}


NOT_IN_OLD_UPDATES = {
    "OS-EXT-AZ:availability_zone",
    "config_drive",
    "key_name",
    "OS-SRV-USG:launched_at",
    "OS-SRV-USG:terminated_at",
    "security_groups",
    "OS-EXT-STS:task_state",
    "OS-EXT-STS:vm_state",
    "OS-EXT-STS:power_state",
    "os-extended-volumes:volumes_attached",
}


@pytest.mark.parametrize(
    "version",
    [
        "2.1",
        "2.3",
        "2.9",
        "2.16",
        "2.19",
        "2.26",
        "2.47",
        "2.63",
        "2.71",
        "2.73",
        "2.74",
        "2.75",
        "2.90",
        "2.104",
    ],
)
async def test_fields_of_the_answer_to_a_put(house: House, version: str) -> None:
    id = await house.create()
    await house.place(id)
    old = Version.parse(version) < Version(2, 75)
    member, whole = expected(version)
    for who, fields in ((None, member), (admin(), whole)):
        if old:
            fields = {name for name in member - NOT_IN_OLD_UPDATES if not name.startswith("OS-EXT-SRV-ATTR:")}
        answer = await house.ask("PUT", f"/servers/{id}", {"server": {"name": "n"}}, version=version, who=who)
        assert house.last.status == 200
        assert set(answer["server"]) == fields
        address = answer["server"]["addresses"]["net-a"][0]
        assert set(address) == (
            {"addr", "version"} if old else {"addr", "version", "OS-EXT-IPS:type", "OS-EXT-IPS-MAC:mac_addr"}
        )


async def shown(house: House, id: str, version: str) -> dict[str, Any]:
    server: dict[str, Any] = (await house.ask("GET", f"/servers/{id}", version=version))["server"]
    return server


async def test_the_flavor_is_a_reference_before_2_47_and_itself_since(house: House) -> None:
    id = await house.create()
    link = {"rel": "bookmark", "href": f"{BASE_URL}/flavors/1"}
    assert (await shown(house, id, "2.46"))["flavor"] == {"id": "1", "links": [link]}
    assert (await shown(house, id, "2.47"))["flavor"] == {
        "original_name": "m1.small",
        "vcpus": 2,
        "ram": 512,
        "disk": 1,
        "ephemeral": 0,
        "swap": 0,
        "extra_specs": {"hw:cpu_policy": "shared"},
    }


async def test_the_image_shows_properties_that_nova_knows_since_2_98(house: House) -> None:
    id = await house.create()
    reference = {
        "id": house.image,
        "links": [{"rel": "bookmark", "href": f"{BASE_URL}/images/{house.image}"}],
    }
    assert (await shown(house, id, "2.97"))["image"] == reference
    assert (await shown(house, id, "2.98"))["image"] == {**reference, "properties": {"hw_disk_bus": "virtio"}}


async def test_the_newest_document_in_full(house: House) -> None:
    id = await house.create(name="db", metadata={"a": "b"}, availability_zone="east", tags=["t"])
    await house.place(id)
    server = await shown(house, id, "2.104")
    assert server == {
        "id": id,
        "name": "db",
        "status": "ACTIVE",
        "tenant_id": "ann-project",
        "user_id": "ann",
        "metadata": {"a": "b"},
        "hostId": server["hostId"],
        "image": server["image"],
        "flavor": server["flavor"],
        "created": "2025-06-15T15:06:40Z",
        "updated": "2025-06-15T15:06:40Z",
        "addresses": {
            "net-a": [
                {
                    "addr": "10.0.0.1",
                    "version": 4,
                    "OS-EXT-IPS:type": "fixed",
                    "OS-EXT-IPS-MAC:mac_addr": "fa:16:3e:00:00:01",
                }
            ]
        },
        "accessIPv4": "",
        "accessIPv6": "",
        "links": [
            {"rel": "self", "href": f"{BASE_URL}/v2.1/servers/{id}"},
            {"rel": "bookmark", "href": f"{BASE_URL}/servers/{id}"},
        ],
        "OS-DCF:diskConfig": "MANUAL",
        "OS-EXT-AZ:availability_zone": "east",
        "config_drive": "",
        "key_name": None,
        "OS-SRV-USG:launched_at": "2025-06-15T15:06:40.000000",
        "OS-SRV-USG:terminated_at": None,
        "OS-EXT-STS:task_state": None,
        "OS-EXT-STS:vm_state": "active",
        "OS-EXT-STS:power_state": 1,
        "os-extended-volumes:volumes_attached": [],
        "locked": False,
        "description": None,
        "tags": ["t"],
        "trusted_image_certificates": None,
        "locked_reason": None,
        "OS-EXT-SRV-ATTR:hostname": "db",
        "pinned_availability_zone": "east",
        "scheduler_hints": {},
        "progress": 0,
        "security_groups": [{"name": "default"}],
        "server_groups": [],
    }
    assert len(server["hostId"]) == 56


async def test_what_admins_see_besides(house: House) -> None:
    id = await house.create(user_data="aGVsbG8=", max_count=2)
    await house.place(id, root_device_name="/dev/vda")
    answer = await house.ask("GET", f"/servers/{id}", who=admin())
    extended = {
        name.removeprefix("OS-EXT-SRV-ATTR:"): value
        for name, value in answer["server"].items()
        if name.startswith("OS-EXT-SRV-ATTR:")
    }
    reservation = (await house.fetch(id)).desired["reservation_id"]
    assert extended == {
        "host": "node-1",
        "instance_name": f"remote-{id}",
        "hypervisor_hostname": "node-1.example",
        "reservation_id": reservation,
        "launch_index": 0,
        "hostname": "web-1",
        "kernel_id": "",
        "ramdisk_id": "",
        "root_device_name": "/dev/vda",
        "user_data": "aGVsbG8=",
    }
    assert answer["server"]["host_status"] == "UP"


async def test_no_placeholder_is_left_in_any_answer(house: House) -> None:
    id = await house.create()
    for version in ("2.1", "2.46", "2.104"):
        for path in (f"/servers/{id}", "/servers/detail", "/servers"):
            await house.ask("GET", path, version=version)
            body = house.last.body
            assert isinstance(body, bytes)
            assert b"fractus-base" not in body


async def test_the_newest_shape_is_sent_as_it_is_stored(house: House) -> None:
    id = await house.create()
    stored = (await house.fetch(id)).summary
    await house.ask("GET", "/servers/detail")
    placeholder = b"\\u0001fractus-base\\u0001"
    assert placeholder in stored
    assert house.last.body == b'{"servers":[' + stored.replace(placeholder, BASE_URL.encode()) + b"]}"


@pytest.mark.parametrize(
    "table",
    [versions.SHOWN, versions.UPDATED, versions.REQUESTS, versions.LISTS, versions.PARTS, versions.ACTION],
)
def test_every_row_is_of_a_version_that_is_served(table: versions.VersionTable) -> None:
    assert all(RANGE.min < row.version <= RANGE.max for row in table.rows)


async def test_routes_begin_where_their_rows_say(house: House) -> None:
    rows = {
        (row.method, row.path): row.version
        for row in versions.PARTS.rows
        if isinstance(row, versions.RouteAdded)
    }
    begin = {
        (route.method, f"{route.path}#{route.action}" if route.action else route.path): route.min_version
        for route in house.routes()
        if route.min_version is not None
    }
    assert begin == rows
