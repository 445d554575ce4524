"""What Neutron 29 does with a request before, beside and after its attributes, as a real one was seen to do it."""

from __future__ import annotations

from typing import Any

import pytest

from fractus.services import network
from fractus.testing.user import NETWORK
from fractus.testing.world import World
from tests.unit.services.network.conftest import Tenant, error

UNKNOWN = "0e9dc9ae-3b0c-4ee5-8a1c-5d7dfa6f1f10"
_WEBOB = "The server could not comply with the request since it is either malformed or otherwise incorrect."
_CORE = ("networks", "subnets", "ports")
_EXTENSIONS = ("security-groups", "security-group-rules")


# ---------------------------------------------------------------------- paths


async def test_quotas_and_extensions_with_a_suffix(ann: Tenant) -> None:
    for path in (
        "extensions", "extensions/port-security", "agents", "availability_zones", "quotas/tenant",
        f"quotas/{ann.project_id}", f"quotas/{ann.project_id}/details", f"quotas/{ann.project_id}/default",
    ):  # fmt: skip
        plain = await ann.get(path)
        assert plain.status == 200
        assert (await ann.get(f"{path}.json")).body == plain.body, path


async def test_tags_with_a_suffix(ann: Tenant) -> None:
    net, _ = await ann.network()
    (await ann.raw("PUT", f"networks/{net}/tags.json", {"tags": ["b.json"]})).ok()
    (await ann.raw("PUT", f"networks/{net}/tags/v1.json")).ok()
    assert (await ann.get(f"networks/{net}/tags.json")).ok() == {"tags": ["b.json", "v1"]}, "paths alone"


@pytest.mark.parametrize(
    "path", [".json", "networks/.json", "networks.xml", "networks.JSON", "networks.json.json"]
)
async def test_what_is_no_suffix(ann: Tenant, path: str) -> None:
    assert (await ann.get(path)).status == 404


async def test_links_keep_the_suffix(ann: Tenant) -> None:
    await ann.network()
    await ann.network()
    (found, *_) = (await ann.get("networks.json", limit=1)).ok()["networks_links"]
    assert "/v2.0/networks.json?" in found["href"]


async def test_collections_are_written_with_hyphens_or_underscores(ann: Tenant) -> None:
    for one, other in (("security-groups", "security_groups"), ("availability_zones", "availability-zones")):
        assert (await ann.get(other)).body == (await ann.get(one)).body
    made = (await ann.raw("POST", "security_groups", {"security_group": {"name": "web"}})).ok()[
        "security_group"
    ]
    assert (await ann.get(f"security_groups/{made['id']}")).ok()["security_group"] == made


def test_unserved_routes_have_the_names_that_clients_use() -> None:
    paths = {path.split("/")[1] for _, path in network.known()}
    assert {"local_ips", "network_segment_ranges"} <= paths
    assert not {"local-ips", "network-segment-ranges"} & paths


# ---------------------------------------------------------------------- methods, Accept, limits


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
@pytest.mark.parametrize(
    ("path", "type", "sentence"),
    [
        ("networks", "NetworkNotFound", "Network None could not be found."),
        ("subnets", "SubnetNotFound", "Subnet None could not be found."),
        ("ports", "PortNotFound", "Port None could not be found."),
        ("security-groups", "SecurityGroupNotFound", "Security group None does not exist"),
        ("security-group-rules", "SecurityGroupRuleNotFound", "Security group rule None does not exist"),
    ],
)
async def test_a_write_of_a_whole_collection(
    ann: Tenant, method: str, path: str, type: str, sentence: str
) -> None:
    for suffix in ("", ".json"):
        assert error(await ann.raw(method, path + suffix)) == (404, type, sentence)


async def test_methods_that_nothing_has(ann: Tenant) -> None:
    for method, path in (
        ("PATCH", "networks"),
        ("PATCH", f"ports/{UNKNOWN}"),
        ("POST", f"networks/{UNKNOWN}"),
    ):
        assert error(await ann.raw(method, path, {})) == (405, "HTTPMethodNotAllowed", _WEBOB)


async def test_a_change_of_a_rule(ann: Tenant) -> None:
    rule = (await ann.listed("security-group-rules"))[0]["id"]
    missing = (404, "SecurityGroupRuleNotFound", "Security group rule nosuch does not exist")
    for body, id, expected in (
        ({}, rule, (400, "HTTPBadRequest", "Resource body required")),
        ({"security_group_rule": {}}, "nosuch", missing),
        ({"security_group_rule": {"description": "x"}}, "nosuch", missing),
        ({"security_group_rule": {"description": "x"}}, rule, (405, "HTTPMethodNotAllowed", _WEBOB)),
        ({"security_group_rule": {"direction": "egress"}}, rule, (
            400, "HTTPBadRequest", "Cannot update read-only attribute direction",
        )),
        ({"security_group_rule": {}}, rule, (405, "HTTPMethodNotAllowed", _WEBOB)),
    ):  # fmt: skip
        assert error(await ann.raw("PUT", f"security-group-rules/{id}", body)) == expected


async def test_a_body_in_a_delete_is_looked_at_last(ann: Tenant) -> None:
    net, _ = await ann.network()
    assert error(await ann.raw("DELETE", f"networks/{UNKNOWN}", {"a": 1}))[:2] == (404, "NetworkNotFound")
    assert error(await ann.raw("DELETE", f"networks/{net}", {"a": 1}))[0] == 400
    assert (await ann.get(f"networks/{net}")).status == 200
    for path in _EXTENSIONS:  # of extensions first
        assert error(await ann.raw("DELETE", f"{path}/{UNKNOWN}", {"a": 1}))[0] == 400


@pytest.mark.parametrize(
    ("accept", "taken"),
    [
        ("application/xml", False),
        ("text/html", False),
        ("text/plain, text/*", False),
        ("application/json;q=0, text/html", True),
        ("*/*", True),
        ("application/*", True),
        ("application/xml, */*;q=0.1", True),
        ("text/html, application/json;q=0.5", True),
        ("application/json-patch+json", True),
        ("garbage", True),
    ],
)
async def test_what_accepts_no_json(ann: Tenant, accept: str, taken: bool) -> None:
    for path in _CORE:
        reply = await ann.raw("GET", path, Accept=accept)
        assert reply.status == (200 if taken else 406), path
        if not taken:
            assert error(reply) == (406, "HTTPNotAcceptable", _WEBOB)
            assert error(await ann.raw("POST", path, {}, Accept=accept))[0] == 406
            assert error(await ann.raw("DELETE", f"{path}/{UNKNOWN}", Accept=accept))[0] == 406
        assert (await ann.raw("GET", f"{path}.json", Accept=accept)).status == 200, "the suffix says JSON"
    for path in (*_EXTENSIONS, "extensions", "agents", f"quotas/{ann.project_id}"):
        assert (await ann.raw("GET", path, Accept=accept)).status == 200, path


@pytest.mark.parametrize("limit", ["x", "-1", "1.5", ""])
async def test_limits_that_are_none(ann: Tenant, limit: str) -> None:
    sentence = f"Bad limit request: Limit must be an integer 0 or greater and not '{limit}'."
    for path in (*_CORE, *_EXTENSIONS):
        assert error(await ann.get(path, limit=limit)) == (400, "BadRequest", sentence)


# ---------------------------------------------------------------------- filters


async def test_filters_by_wires(ann: Tenant, root: Tenant) -> None:
    await ann.network()
    for one in (ann, root):
        for name, value in (("network_type", "vxlan"), ("physical_network", "x"), ("segmentation_id", "7")):
            assert await one.listed("networks", **{f"provider:{name}": value}) == []
        assert error(await one.get("networks", **{"provider:segmentation_id": "x"})) == (
            400, "InvalidInput", "Invalid input for operation: 'x' is not an integer.",
        )  # fmt: skip


async def test_filters_that_find_nothing_rather_than_complain(ann: Tenant) -> None:
    await ann.network("10.0.0.0/24")
    for path in (*_CORE, *_EXTENSIONS):
        assert await ann.listed(path, revision_number="x") == []
    assert len(await ann.listed("subnets", **{"router:external": "false"})) == 1
    assert await ann.listed("subnets", **{"router:external": "true"}) == []


# ---------------------------------------------------------------------- what is shown


async def test_lists_inside_documents_are_in_neutrons_order(ann: Tenant) -> None:
    """By the keys of Neutron's tables: tags, ids, addresses; nameservers and pools stay as they were given."""
    cidrs = [f"10.{number}.0.0/24" for number in (9, 3, 7, 1, 5)]
    net, subnets = await ann.network(*cidrs)
    groups = [(await ann.create("security_group", name=f"g{number}"))["id"] for number in range(5)]
    for number in range(5):
        await ann.create(
            "security_group_rule", security_group_id=groups[0], direction="ingress", protocol="tcp",
            port_range_min=100 - number, port_range_max=100 - number,
        )  # fmt: skip
    pairs = [
        {"ip_address": "10.0.0.9", "mac_address": "fa:16:3e:00:00:02"},
        {"ip_address": "10.0.0.10", "mac_address": "fa:16:3e:00:00:02"},
        {"ip_address": "10.9.0.1", "mac_address": "fa:16:3e:00:00:01"},
    ]
    port = await ann.create(
        "port", network_id=net, security_groups=groups[::-1], allowed_address_pairs=pairs,
        fixed_ips=[{"ip_address": ip} for ip in ("10.9.0.9", "10.9.0.100", "10.1.0.20")],
    )  # fmt: skip
    routes = [
        {"destination": "10.99.0.0/24", "nexthop": "10.9.0.2"},
        {"destination": "10.11.0.0/24", "nexthop": "10.9.0.9"},
        {"destination": "10.11.0.0/24", "nexthop": "10.9.0.10"},
    ]
    servers = ["10.0.0.9", "10.0.0.1", "10.0.0.5"]
    (await ann.change("subnet", subnets[0], host_routes=routes, dns_nameservers=servers)).ok()
    for kind, id in (
        ("network", net), ("subnet", subnets[0]), ("port", port["id"]), ("security_group", groups[0]),
    ):  # fmt: skip
        path = f"{kind}s/{id}/tags".replace("_", "-")
        (await ann.raw("PUT", path, {"tags": ["b", "B", "a", "10", "9"]})).ok()
        assert (await ann.show(kind, id))["tags"] == ["10", "9", "B", "a", "b"]
        assert (await ann.get(path)).ok() == {"tags": ["10", "9", "B", "a", "b"]}
    assert (await ann.show("network", net))["subnets"] == sorted(subnets)
    rules = [one["id"] for one in (await ann.show("security_group", groups[0]))["security_group_rules"]]
    assert rules == sorted(rules)
    shown = await ann.show("port", port["id"])
    assert shown["security_groups"] == sorted(groups)
    assert shown["allowed_address_pairs"] == [pairs[2], pairs[1], pairs[0]]
    assert [one["ip_address"] for one in shown["fixed_ips"]] == ["10.1.0.20", "10.9.0.100", "10.9.0.9"]
    subnet = await ann.show("subnet", subnets[0])
    assert subnet["host_routes"] == [routes[2], routes[1], routes[0]]
    assert subnet["dns_nameservers"] == servers


async def test_the_tags_of_an_answer_are_those_that_were_sent(ann: Tenant) -> None:
    net, _ = await ann.network()
    assert (await ann.raw("PUT", f"networks/{net}/tags", {"tags": ["b", "a"]})).ok() == {"tags": ["b", "a"]}


async def test_revisions_of_a_subnet_begin_at_nothing(ann: Tenant) -> None:
    _, (subnet,) = await ann.network("10.0.0.0/24")
    assert (await ann.show("subnet", subnet))["revision_number"] == 0
    assert (await ann.change("subnet", subnet, name="x")).ok()["subnet"]["revision_number"] == 1
    assert [one["id"] for one in await ann.listed("subnets", revision_number="1")] == [subnet]


async def test_rules_that_neutron_makes_have_no_description(ann: Tenant) -> None:
    rules = await ann.listed("security-group-rules")
    assert [rule["description"] for rule in rules] == [None] * 4
    group = await ann.create("security_group", name="web")
    assert [rule["description"] for rule in group["security_group_rules"]] == [None, None]
    made = await ann.create("security_group_rule", security_group_id=group["id"], direction="ingress")
    assert (made["description"], made["remote_address_group_id"]) == ("", None)


# ---------------------------------------------------------------------- writes that Neutron refuses


async def test_stateful_and_stateless_groups_on_one_port(ann: Tenant) -> None:
    conflict = (
        409, "SecurityGroupConflict",
        "Error Cannot apply both stateful and stateless security groups on the same port at the same time "
        "while attempting the operation.",
    )  # fmt: skip
    net, _ = await ann.network("10.0.0.0/24")
    one = (await ann.create("security_group", name="one"))["id"]
    other = (await ann.create("security_group", name="other", stateful=False))["id"]
    for groups in ([one, other], [other, one]):
        assert error(await ann.ask("port", network_id=net, security_groups=groups)) == conflict
    bulk = {"ports": [{"network_id": net}, {"network_id": net, "security_groups": [one, other]}]}
    assert error(await ann.raw("POST", "ports", bulk)) == conflict
    assert await ann.listed("ports") == []
    port = (await ann.create("port", network_id=net, security_groups=[one]))["id"]
    assert error(await ann.change("port", port, security_groups=[one, other])) == conflict
    assert (await ann.show("port", port))["security_groups"] == [one]
    (await ann.change("port", port, security_groups=[other])).ok()


async def test_a_server_with_stateful_and_stateless_groups(world: World) -> None:
    ann = world.user("ann")
    for name, stateful in (("one", True), ("other", False)):
        body = {"security_group": {"name": name, "stateful": stateful}}
        (await ann.post(f"{NETWORK}/security-groups", body)).ok()
    reply = await ann.asks_for_server(security_groups=[{"name": "one"}, {"name": "other"}])
    assert reply.status == 400
    assert "Cannot apply both stateful and stateless" in reply.json["badRequest"]["message"]


@pytest.mark.parametrize(
    ("pair", "sentence"),
    [
        ({"ip_address": "224.0.0.1"}, "IP 224.0.0.1 is a multicast address, which is not supported."),
        ({"ip_address": "ff02::1"}, "IP ff02::1 is a multicast address, which is not supported."),
        (
            {"ip_address": "225.1.0.0/16"},
            "Subnet 225.1.0.0/16 overlaps with multicast range 224.0.0.0/4, which is not supported.",
        ),
        (
            {"ip_address": "::/0"},
            "Subnet ::/0 overlaps with multicast range ff00::/8, which is not supported.",
        ),
        (
            {"ip_address": "10.0.0.1", "mac_address": "01:00:5e:00:00:01"},
            "MAC address 01:00:5e:00:00:01 is a multicast address, which is not supported.",
        ),
    ],
)
async def test_addresses_of_many_in_pairs(ann: Tenant, pair: dict[str, str], sentence: str) -> None:
    net, _ = await ann.network("10.0.0.0/24")
    reply = await ann.ask("port", network_id=net, allowed_address_pairs=[pair])
    assert error(reply) == (400, "HTTPBadRequest", sentence)
    await ann.create("port", network_id=net, allowed_address_pairs=[{"ip_address": "0.0.0.0/0"}])


async def test_a_gateway_of_its_own_is_no_end_of_the_subnet(ann: Tenant) -> None:
    net, _ = await ann.network()
    body: dict[str, Any] = {
        "network_id": net, "ip_version": 4, "cidr": "10.70.0.0/31", "enable_dhcp": False,
    }  # fmt: skip
    assert error(await ann.ask("subnet", **body)) == (
        409, "IpamValueInvalid",
        "Gateway IP 10.70.0.1 cannot be the network or broadcast IP address 10.70.0.0/31",
    )  # fmt: skip
    await ann.create("subnet", **body, gateway_ip=None)


async def test_empty_pools_are_the_usual_ones(ann: Tenant) -> None:
    net, _ = await ann.network()
    made = await ann.create("subnet", network_id=net, ip_version=4, cidr="10.70.0.0/24", allocation_pools=[])
    assert made["allocation_pools"] == [{"start": "10.70.0.2", "end": "10.70.0.254"}]


async def test_a_subnet_of_one_address_has_that_one_in_its_pool(ann: Tenant) -> None:
    for version, cidr, address in ((4, "10.70.0.7/32", "10.70.0.7"), (6, "fd00:70::/128", "fd00:70::")):
        net, _ = await ann.network()
        made = await ann.create("subnet", network_id=net, ip_version=version, cidr=cidr, enable_dhcp=False)
        assert made["allocation_pools"] == [{"start": address, "end": address}]


async def test_a_profile_that_is_no_object(ann: Tenant) -> None:
    net, _ = await ann.network("10.0.0.0/24")
    assert error(await ann.ask("port", network_id=net, **{"binding:profile": ""})) == (
        400, "HTTPBadRequest", "Invalid input for binding:profile. Reason: '' is not a dictionary.",
    )  # fmt: skip


# ---------------------------------------------------------------------- the default group


@pytest.mark.parametrize("path", _EXTENSIONS)
@pytest.mark.parametrize("name", ["project_id", "tenant_id"])
async def test_an_admin_who_looks_makes_a_projects_default_group(
    ann: Tenant, root: Tenant, path: str, name: str
) -> None:
    project = ann.project_id
    found = await root.listed(path, **{name: project})
    assert len(found) == (1 if path == "security-groups" else 4)
    used = (await root.get(f"quotas/{project}/details")).ok()["quota"]
    assert (used["security_group"]["used"], used["security_group_rule"]["used"]) == (1, 4)
    assert [one["name"] for one in await ann.listed("security-groups")] == ["default"], "the same"


async def test_others_who_look_make_none(ann: Tenant, bob: Tenant, root: Tenant) -> None:
    assert await bob.listed("security-groups", project_id=ann.project_id) == []
    assert await root.listed("security-groups", project_id="no project's id/") == []
    used = (await root.get(f"quotas/{ann.project_id}/details")).ok()["quota"]
    assert used["security_group"]["used"] == 0
