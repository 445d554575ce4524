"""Addresses, ports, groups, volumes and history of a server."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest

from fractus.model.errors import Invalid, NotFound
from fractus.model.resource import Resource, Summary
from tests.unit.services.compute.servers.house import SUBNET, House, admin, ann, derived


async def running(house: House, **about: Any) -> str:
    id = await house.create(**about)
    await house.place(id)
    return f"/servers/{id}"


async def add_group(house: House, name: str, **desired: Any) -> str:
    group = Resource(
        kind="security_group",
        id=derived(name),
        project_id="ann-project",
        name=name,
        desired={"name": name, "description": f"about {name}", **desired},
    )
    async with house.store.transaction() as tx:
        await house.resources.add(tx, group, Summary("", {}))
    house.networks.groups[name] = group.id
    return group.id


async def test_addresses(house: House) -> None:
    at = await running(house)
    addresses = [{"version": 4, "addr": "10.0.0.1"}]
    assert await house.ask("GET", f"{at}/ips") == {"addresses": {"net-a": addresses}}
    assert await house.ask("GET", f"{at}/ips/net-a") == {"net-a": addresses}
    said = await house.refused(NotFound, "GET", f"{at}/ips/net-b")
    assert said == "Instance is not a member of specified network"


async def test_ports(house: House) -> None:
    at = await running(house, networks=[{"uuid": derived("net-a"), "tag": "front"}])
    port = (await house.fetch(at.removeprefix("/servers/"))).desired["ports"][0]
    expected = {
        "net_id": derived("net-a"),
        "port_id": port,
        "mac_addr": "fa:16:3e:00:00:01",
        "port_state": "DOWN",
        "fixed_ips": [{"subnet_id": SUBNET, "ip_address": "10.0.0.1"}],
    }
    old = await house.ask("GET", f"{at}/os-interface", version="2.69")
    assert old == {"interfaceAttachments": [expected]}
    new = await house.ask("GET", f"{at}/os-interface/{port}", version="2.70")
    assert new == {"interfaceAttachment": {**expected, "tag": "front"}}
    other = derived("other")
    said = await house.refused(NotFound, "GET", f"{at}/os-interface/{other}")
    assert said.endswith(f"does not have a port with id {other}")


async def test_security_groups_in_novas_old_form(house: House) -> None:
    db = await add_group(house, "db", rules=[])
    web = await add_group(
        house,
        "web",
        rules=[
            {"id": "r1", "direction": "ingress", "ethertype": "IPv4", "protocol": "tcp", "port_range_min": 80,
             "port_range_max": 80, "remote_ip_prefix": "10.0.0.0/8"},
            {"id": "r2", "direction": "ingress", "ethertype": "IPv6", "protocol": "icmp"},
            {"id": "r3", "direction": "ingress", "ethertype": "IPv4", "protocol": None, "remote_group_id": db},
            {"id": "r4", "direction": "egress", "ethertype": "IPv4"},
            {"id": "r5", "direction": "ingress", "ethertype": "IPv4", "remote_group_id": derived("gone")},
        ],
    )  # fmt: skip
    at = await running(house, security_groups=[{"name": "web"}])
    (group,) = (await house.ask("GET", f"{at}/os-security-groups"))["security_groups"]
    rules = group.pop("rules")
    assert group == {"id": web, "name": "web", "description": "about web", "tenant_id": "ann-project"}
    assert [(rule["id"], rule["ip_protocol"], rule["from_port"], rule["to_port"]) for rule in rules] == [
        ("r1", "TCP", 80, 80),
        ("r2", "ICMP", -1, -1),
        ("r3", None, None, None),
    ]
    assert [rule["ip_range"] for rule in rules] == [{"cidr": "10.0.0.0/8"}, {"cidr": "::/0"}, {}]
    assert rules[2]["group"] == {"name": "db", "tenant_id": "ann-project"}
    assert {rule["parent_group_id"] for rule in rules} == {web}


async def test_a_server_without_volumes_has_none(house: House) -> None:
    at = await running(house)
    assert await house.ask("GET", f"{at}/os-volume_attachments") == {"volumeAttachments": []}
    volume = derived("volume")
    said = await house.refused(NotFound, "GET", f"{at}/os-volume_attachments/{volume}")
    assert said.endswith(f"is not attached to volume {volume}")


@pytest.mark.parametrize(
    ("part", "strict"),
    [
        ("", "2.102"),
        ("/metadata", "2.102"),
        ("/ips", "2.102"),
        ("/os-interface", "2.102"),
        ("/os-volume_attachments", "2.75"),
        ("/os-instance-actions", "2.58"),
    ],
)
async def test_unknown_parameters_are_refused_since_a_version(house: House, part: str, strict: str) -> None:
    at = await running(house)
    before = f"2.{int(strict[2:]) - 1}"
    await house.ask("GET", at + part, query="color=red", version=before)
    said = await house.refused(Invalid, "GET", at + part, query="color=red", version=strict)
    assert said == "Additional properties are not allowed ('color' was unexpected)"


# --- history --------------------------------------------------------------------------------------


async def history(house: House) -> tuple[str, list[str]]:
    """A server that was created, stopped and deleted, a second apart; and the requests that did it."""
    at = await running(house)
    house.clock.at += 1
    await house.ask("POST", f"{at}/action", {"os-stop": None})
    house.clock.at += 1
    await house.ask("DELETE", at)
    actions = (await house.fetch(at.removeprefix("/servers/"))).desired["actions"]
    return at, [action["request_id"] for action in actions]


async def test_what_was_done_is_listed_newest_first(house: House) -> None:
    at, requests = await history(house)
    answer = await house.ask("GET", f"{at}/os-instance-actions")
    assert [action["action"] for action in answer["instanceActions"]] == ["delete", "stop", "create"]
    assert answer["instanceActions"][1] == {
        "action": "stop",
        "instance_uuid": at.removeprefix("/servers/"),
        "request_id": requests[1],
        "user_id": "ann",
        "project_id": "ann-project",
        "start_time": "2025-06-15T15:06:41.000000",
        "message": None,
        "updated_at": "2025-06-15T15:06:41.000000",
    }
    old = await house.ask("GET", f"{at}/os-instance-actions", version="2.57")
    assert "updated_at" not in old["instanceActions"][0]


async def test_history_in_pages_and_by_time(house: House) -> None:
    at, requests = await history(house)
    path = f"{at}/os-instance-actions"
    first = await house.ask("GET", path, query="limit=2")
    assert [action["request_id"] for action in first["instanceActions"]] == [requests[2], requests[1]]
    (link,) = first["links"]
    rest = await house.ask("GET", path, query=urlsplit(link["href"]).query)
    assert [action["request_id"] for action in rest["instanceActions"]] == [requests[0]]
    assert "links" not in rest
    since = await house.ask("GET", path, query={"changes-since": "2025-06-15T15:06:41Z"})
    assert len(since["instanceActions"]) == 2
    before = await house.ask("GET", path, query={"changes-before": "2025-06-15T15:06:40Z"})
    assert len(before["instanceActions"]) == 1
    said = await house.refused(Invalid, "GET", path, query="marker=nope")
    assert said == "Marker nope could not be found."
    await house.refused(
        Invalid, "GET", path, query={"changes-before": "2025-06-15T15:06:40Z"}, version="2.65"
    )


async def test_one_thing_that_was_done(house: House) -> None:
    at, requests = await history(house)
    path = f"{at}/os-instance-actions/{requests[1]}"
    shown = (await house.ask("GET", path))["instanceAction"]
    assert (shown["action"], shown["events"]) == ("stop", [])
    assert "events" not in (await house.ask("GET", path, version="2.50"))["instanceAction"]
    assert "events" in (await house.ask("GET", path, version="2.50", who=admin()))["instanceAction"]
    said = await house.refused(NotFound, "GET", f"{at}/os-instance-actions/req-x")
    assert said == "Action req-x not found"


async def test_what_a_cloud_refused_says_error(house: House) -> None:
    at, _ = await history(house)
    await house.remember(at.removeprefix("/servers/"), failed={"stop:2": "no", "rename:7": "no"})
    answer = await house.ask("GET", f"{at}/os-instance-actions")
    assert [action["message"] for action in answer["instanceActions"]] == [None, "Error", None]


async def test_the_history_of_a_deleted_server_is_shown_since_2_21(house: House) -> None:
    at, _ = await history(house)
    await house.gone(at.removeprefix("/servers/"))
    assert len((await house.ask("GET", f"{at}/os-instance-actions", version="2.21"))["instanceActions"]) == 3
    with pytest.raises(NotFound):
        await house.ask("GET", f"{at}/os-instance-actions", version="2.20")
    stranger = ann(project_id="other")
    with pytest.raises(NotFound):
        await house.ask("GET", f"{at}/os-instance-actions", who=stranger)
