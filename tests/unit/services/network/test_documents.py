"""What users are shown, and what changes do to it."""

from __future__ import annotations

from fractus.services import network as face
from fractus.testing.world import World
from tests.unit.services.network.conftest import Tenant, error

STANDARD = {
    "id",
    "name",
    "tenant_id",
    "project_id",
    "description",
    "tags",
    "created_at",
    "updated_at",
    "revision_number",
}


async def test_a_network_with_a_subnet_and_a_port(ann: Tenant) -> None:
    network = await ann.create("network", name="net", description="d", tags=["t"])
    assert set(network) == STANDARD | {
        "admin_state_up", "mtu", "status", "subnets", "shared", "availability_zone_hints", "availability_zones",
        "ipv4_address_scope", "ipv6_address_scope",
        "router:external", "port_security_enabled", "qos_policy_id", "dns_domain", "l2_adjacency",
    }  # fmt: skip
    assert (network["status"], network["mtu"], network["subnets"]) == ("ACTIVE", 1450, [])
    assert network["project_id"] == network["tenant_id"] == ann.project_id
    subnet = await ann.create("subnet", network_id=network["id"], cidr="10.77.0.9/24", ip_version=4)
    assert set(subnet) == STANDARD | {
        "network_id", "ip_version", "subnetpool_id", "enable_dhcp", "ipv6_ra_mode", "ipv6_address_mode", "gateway_ip",
        "cidr", "allocation_pools", "host_routes", "dns_nameservers", "router:external", "service_types",
    }  # fmt: skip
    assert (subnet["cidr"], subnet["gateway_ip"]) == ("10.77.0.0/24", "10.77.0.1")
    assert subnet["allocation_pools"] == [{"start": "10.77.0.2", "end": "10.77.0.254"}]
    after = await ann.show("network", network["id"])
    assert after["subnets"] == [subnet["id"]]
    assert after["revision_number"] == network["revision_number"] + 1
    port = await ann.create("port", network_id=network["id"])
    assert set(port) == STANDARD | {
        "network_id", "mac_address", "admin_state_up", "status", "device_id", "device_owner", "fixed_ips",
        "port_security_enabled", "security_groups", "binding:vnic_type", "allowed_address_pairs", "extra_dhcp_opts",
        "qos_policy_id",
        "dns_name", "dns_assignment", "numa_affinity_policy", "device_profile", "propagate_uplink_status",
        "ip_allocation",
    }  # fmt: skip
    assert port["fixed_ips"] == [{"subnet_id": subnet["id"], "ip_address": "10.77.0.2"}]
    assert port["mac_address"].startswith("fa:16:3e:")
    assert port["status"] == "DOWN"
    for kind, made in (("network", after), ("subnet", subnet), ("port", port)):
        assert await ann.show(kind, made["id"]) == made, "a list, a show and a create tell the same"
        assert await ann.listed(f"{kind}s") == [made]


async def test_admins_see_bindings_and_every_project(ann: Tenant, root: Tenant) -> None:
    net, _ = await ann.network("10.0.0.0/24")
    await ann.create("port", network_id=net)
    (port,) = await root.listed("ports")
    assert port["binding:vif_type"] == "unbound"
    assert {"binding:host_id", "binding:profile", "binding:vif_details"} <= set(port)
    assert await root.show("port", port["id"]) == port
    assert {one["id"] for one in await root.listed("networks")} == {net}


async def test_no_project_sees_another_s(ann: Tenant, bob: Tenant) -> None:
    net, (subnet,) = await ann.network("10.0.0.0/24")
    port = await ann.create("port", network_id=net)
    group = await ann.create("security_group", name="web")
    rule = group["security_group_rules"][0]
    for kind, id in (
        ("network", net),
        ("subnet", subnet),
        ("port", port["id"]),
        ("security_group", group["id"]),
    ):
        noun = {
            "security_group": f"Security group {id} does not exist",
            "network": f"Network {id} could not be found.",
            "subnet": f"Subnet {id} could not be found.",
            "port": f"Port {id} could not be found.",
        }[kind]
        for reply in (
            await bob.get(f"{kind.replace('_', '-')}s/{id}"),
            await bob.change(kind, id, name="x"),
            await bob.delete(kind, id),
            await bob.raw("GET", f"{kind.replace('_', '-')}s/{id}/tags"),
            await bob.raw("PUT", f"{kind.replace('_', '-')}s/{id}/tags", {"tags": []}),
        ):
            assert error(reply)[::2] == (404, noun)
    for reply in (
        await bob.get(f"security-group-rules/{rule['id']}"),
        await bob.delete("security_group_rule", rule["id"]),
    ):
        assert error(reply)[::2] == (404, f"Security group rule {rule['id']} does not exist")
    assert error(await bob.ask("port", network_id=net))[::2] == (404, f"Network {net} could not be found.")
    assert error(await bob.ask("subnet", network_id=net, cidr="10.9.0.0/24", ip_version=4))[0] == 404
    theirs = {"direction": "ingress", "remote_group_id": group["id"]}
    own = (await bob.create("security_group", name="own"))["id"]
    assert error(await bob.ask("security_group_rule", security_group_id=own, **theirs))[0] == 404
    for path in ("networks", "subnets", "ports"):
        assert await bob.listed(path) == []
        assert await bob.listed(path, project_id=ann.project_id) == []
    assert {one["project_id"] for one in await bob.listed("security-groups")} == {bob.project_id}
    assert await bob.listed("security-group-rules", project_id=ann.project_id) == []


async def test_a_shared_network_is_everybody_s_to_use_and_its_owner_s_to_change(
    ann: Tenant, bob: Tenant, root: Tenant
) -> None:
    net, (subnet,) = await ann.network("10.0.0.0/24")
    (await root.change("network", net, shared=True)).ok()
    assert [one["id"] for one in await bob.listed("networks", shared="true")] == [net]
    assert [one["id"] for one in await bob.listed("subnets")] == [subnet]
    port = await bob.create("port", network_id=net)
    assert port["project_id"] == bob.project_id
    assert [one["id"] for one in await ann.listed("ports")] == [port["id"]], (
        "on its own network a project sees all"
    )
    for reply, rule in (
        (await bob.change("network", net, name="x"), "rule:update_network"),
        (await bob.delete("network", net), "rule:delete_network"),
        (await bob.ask("subnet", network_id=net, cidr="10.9.0.0/24", ip_version=4), "rule:create_subnet"),
        (
            await bob.ask("port", network_id=net, mac_address="fa:16:3e:00:00:01"),
            "(rule:create_port and rule:create_port:mac_address)",
        ),
        (
            await bob.ask("port", network_id=net, fixed_ips=[{"ip_address": "10.0.0.9"}]),
            "(rule:create_port and (rule:create_port:fixed_ips and (rule:create_port:fixed_ips:ip_address)))",
        ),
    ):
        assert error(reply) == (403, "PolicyNotAuthorized", f"{rule} is disallowed by policy")
    assert error(await root.change("network", net, shared=False)) == (
        409, "InvalidSharedSetting",
        "Unable to reconfigure sharing settings for network net. Multiple projects are using it.",
    )  # fmt: skip
    (await bob.delete("port", port["id"])).ok()
    (await root.change("network", net, shared=False)).ok()
    assert await bob.listed("subnets") == []


async def test_several_at_once_are_all_or_none(ann: Tenant) -> None:
    net, _ = await ann.network("10.0.0.0/24")
    await ann.create("port", network_id=net, fixed_ips=[{"ip_address": "10.0.0.9"}])
    two = [{"network_id": net, "name": "x"}, {"network_id": net, "fixed_ips": [{"ip_address": "10.0.0.9"}]}]
    assert (await ann.raw("POST", "ports", {"ports": two})).status == 409
    assert await ann.listed("ports", name="x") == []
    made = (await ann.raw("POST", "ports", {"ports": two[:1] * 2})).ok()["ports"]
    assert [one["fixed_ips"][0]["ip_address"] for one in made] == ["10.0.0.2", "10.0.0.3"]
    nets = (await ann.raw("POST", "networks", {"networks": [{"name": "m"}, {"network": {"name": "n"}}]})).ok()
    assert [one["name"] for one in nets["networks"]] == ["m", "n"]


async def test_machines_that_address_themselves(ann: Tenant) -> None:
    net, (v4,) = await ann.network("10.0.0.0/24")
    early = await ann.create("port", network_id=net, mac_address="fa:16:3e:8e:cd:9e")
    slaac = {"ipv6_ra_mode": "slaac", "ipv6_address_mode": "slaac"}
    v6 = await ann.create("subnet", network_id=net, cidr="fd00:77::/64", ip_version=6, **slaac)
    assert v6["gateway_ip"] == "fd00:77::"
    own = {"subnet_id": v6["id"], "ip_address": "fd00:77::f816:3eff:fe8e:cd9e"}
    assert (await ann.show("port", early["id"]))["fixed_ips"] == [early["fixed_ips"][0], own]
    for asked in ([], [{"subnet_id": v6["id"]}]):
        port = await ann.create("port", network_id=net, fixed_ips=asked)
        assert [one["subnet_id"] for one in port["fixed_ips"]] == [v6["id"]], "they have theirs in any case"
    both = await ann.create("port", network_id=net, fixed_ips=[{"subnet_id": v4}, {"subnet_id": v4}])
    assert [one["subnet_id"] for one in both["fixed_ips"]] == [v4, v4, v6["id"]]
    assert (await ann.delete("subnet", v6["id"])).status == 204, "their addresses are no hindrance"
    assert (await ann.show("port", early["id"]))["fixed_ips"] == early["fixed_ips"]


async def test_a_port_takes_one_address_of_each_version(ann: Tenant) -> None:
    net, (first, second, v6) = await ann.network("10.0.0.0/30", "10.1.0.0/24", "fd00::/64")
    one, two = [await ann.create("port", network_id=net) for _ in range(2)]
    assert [ip["subnet_id"] for ip in one["fixed_ips"]] == [first, v6]
    assert [ip["subnet_id"] for ip in two["fixed_ips"]] == [second, v6], (
        "where the first subnet is full, the next"
    )


async def test_other_addresses_for_a_port(ann: Tenant) -> None:
    net, (subnet,) = await ann.network("10.0.0.0/24")
    port = await ann.create("port", network_id=net)
    steps = [
        ([{"ip_address": "10.0.0.50"}], ["10.0.0.50"], "a named one"),
        ([{"subnet_id": subnet}], ["10.0.0.50"], "a named subnet keeps what is there"),
        ([{"subnet_id": subnet}, {"subnet_id": subnet}], ["10.0.0.2", "10.0.0.50"], "and takes one more"),
        ([{"ip_address": "10.0.0.2"}], ["10.0.0.2"], "the other is given back"),
        ([], [], "none"),
    ]
    for asked, expected, reason in steps:
        after = (await ann.change("port", port["id"], fixed_ips=asked)).ok()["port"]
        assert [one["ip_address"] for one in after["fixed_ips"]] == expected, reason
    again = await ann.create("port", network_id=net, fixed_ips=[{"ip_address": "10.0.0.50"}])
    assert again["fixed_ips"][0]["ip_address"] == "10.0.0.50", "what was given up is free at once"
    (await ann.delete("port", again["id"])).ok()
    await ann.create("port", network_id=net, fixed_ips=[{"ip_address": "10.0.0.50"}])


async def test_pools_and_gateways_can_change(ann: Tenant) -> None:
    net, (subnet,) = await ann.network("10.0.0.0/24")
    await ann.create("port", network_id=net)
    pools = [{"start": "10.0.0.100", "end": "10.0.0.101"}]
    after = (await ann.change("subnet", subnet, allocation_pools=pools)).ok()["subnet"]
    assert after["allocation_pools"] == pools
    ips = [(await ann.create("port", network_id=net))["fixed_ips"][0]["ip_address"] for _ in range(2)]
    assert ips == ["10.0.0.100", "10.0.0.101"]
    assert error(await ann.ask("port", network_id=net))[0] == 409
    outside = await ann.create("port", network_id=net, fixed_ips=[{"ip_address": "10.0.0.7"}])
    assert outside["fixed_ips"][0]["ip_address"] == "10.0.0.7", "pools bind only those who do not ask"
    assert (await ann.change("subnet", subnet, gateway_ip=None)).ok()["subnet"]["gateway_ip"] is None


async def test_extra_dhcp_options_are_added_replaced_and_removed(ann: Tenant) -> None:
    net, _ = await ann.network("10.0.0.0/24")
    mtu = {"opt_name": "mtu", "opt_value": "1400"}
    port = await ann.create("port", network_id=net, extra_dhcp_opts=[mtu])
    assert port["extra_dhcp_opts"] == [{**mtu, "ip_version": 4}]
    more = [{"opt_name": "mtu", "opt_value": "1300"}, {"opt_name": "router", "opt_value": ""}]
    after = (await ann.change("port", port["id"], extra_dhcp_opts=more)).ok()["port"]
    assert after["extra_dhcp_opts"] == [{**one, "ip_version": 4} for one in more]
    none = [{"opt_name": "mtu", "opt_value": None}]
    after = (await ann.change("port", port["id"], extra_dhcp_opts=none)).ok()["port"]
    assert [one["opt_name"] for one in after["extra_dhcp_opts"]] == ["router"]


async def test_a_readers_hands_are_tied(world: World, ann: Tenant) -> None:
    net, _ = await ann.network()
    reader = Tenant(world.user("rea", "p1", roles=("reader",)))
    assert [one["id"] for one in await reader.listed("networks")] == [net]
    denied = error(await reader.delete("network", net))
    assert denied == (403, "PolicyNotAuthorized", "rule:delete_network is disallowed by policy")
    assert error(await reader.ask("network", name="x"))[0] == 403


async def test_what_is_around_the_resources(ann: Tenant, root: Tenant) -> None:
    top = (await ann.user.get("/network/")).ok()
    assert [one["id"] for one in top["versions"]] == ["v2.0"]
    found = (await ann.user.get("/network/v2.0")).ok()["resources"]
    assert [one["collection"] for one in found] == ["networks", "subnets", "subnetpools", "ports"]
    aliases = {one["alias"]: one["name"] for one in await ann.listed("extensions")}
    assert aliases["availability_zone"] == "Availability Zone", "the name by which the client looks for it"
    assert "l3-ndp-proxy" not in aliases
    assert (await ann.get("extensions/port-security")).ok()["extension"]["alias"] == "port-security"
    assert (await ann.get("extensions/l3-ndp-proxy")).status == 404
    zones = await ann.listed("availability_zones")
    assert [(one["name"], one["resource"], one["state"]) for one in zones] == [
        ("a", "network", "available"), ("b", "network", "available"),
    ]  # fmt: skip
    net, _ = await ann.network("10.0.0.0/24")
    await ann.create("port", network_id=net)
    used = (await ann.get(f"quotas/{ann.project_id}/details")).ok()["quota"]
    assert {kind: one["used"] for kind, one in used.items()} == {
        "network": 1, "subnet": 1, "subnetpool": 0, "port": 1, "security_group": 1, "security_group_rule": 4,
        "rbac_policy": 0, "router": 0, "floatingip": 0, "trunk": 0,
    }  # fmt: skip
    assert set((await ann.get(f"quotas/{ann.project_id}")).ok()["quota"].values()) == {-1}
    assert error(await ann.get("quotas/x"))[2] == "rule:get_quota is disallowed by policy"
    assert (await root.get("quotas/x")).status == 200
    assert await root.listed("agents") == []
    assert (await ann.get("local_ips")).status == 404


async def test_every_route_of_neutron_is_served_or_said_not_to_be(ann: Tenant) -> None:
    assert len(face.known()) == len(set(face.known()))
    for method, path in (
        ("GET", "/networks"),
        ("PUT", "/ports/{id}"),
        ("DELETE", "/security-group-rules/{id}"),
    ):
        assert (method, path) in face.known()
