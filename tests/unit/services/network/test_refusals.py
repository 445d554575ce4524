"""What Neutron refuses and how: types and sentences read off a real Neutron 29."""

from __future__ import annotations

from typing import Any

from tests.unit.services.network.conftest import Tenant, error

UNKNOWN = "b7d2410a-a376-4588-85b5-836383c9fb3c"
LONG = "x" * 256

# (body of a subnet on a network that has 10.77.0.0/24, status, type, sentence; {net} stands for the network's id)
SUBNETS: list[tuple[dict[str, Any], int, str, str]] = [
    (
        {"cidr": "10.77.0.128/25", "ip_version": 4}, 400, "InvalidInput",
        "Invalid input for operation: Requested subnet with cidr: 10.77.0.128/25 for network: {net} overlaps with "
        "another subnet.",
    ),
    (
        {"cidr": "10.88.0.0/24"}, 400, "HTTPBadRequest",
        "Failed to parse request. Required attribute 'ip_version' not specified",
    ),
    (
        {"cidr": "10.88.0.0", "ip_version": 4}, 400, "InvalidInput",
        "Invalid input for operation: Subnet has a prefix length that is incompatible with DHCP service enabled.",
    ),
    (
        {"cidr": "fd00::/64", "ip_version": 4}, 400, "InvalidInput",
        "Invalid input for operation: cidr 'fd00::/64' does not match the ip_version '4'.",
    ),
    (
        {"cidr": "bad", "ip_version": 4}, 400, "InvalidInput",
        "Invalid input for operation: bad is not in a CIDR format.",
    ),
    (
        {"ip_version": 4}, 400, "BadRequest",
        "Bad subnets request: a subnetpool must be specified in the absence of a cidr.",
    ),
    (
        {"cidr": None, "ip_version": 4}, 400, "BadRequest",  # a 500 of Neutron's
        "Bad subnets request: a subnetpool must be specified in the absence of a cidr.",
    ),
    (
        {"cidr": "10.88.0.0/24", "ip_version": 5}, 400, "HTTPBadRequest",
        "Invalid input for ip_version. Reason: 5 is not in valid_values.",
    ),
    (
        {"cidr": "10.88.1.0/24", "ip_version": "4", "gateway_ip": "10.88.1.0"}, 400, "InvalidInput",
        "Invalid input for operation: Gateway is not valid on subnet.",
    ),
    (
        {"cidr": "10.88.2.0/24", "ip_version": 4, "gateway_ip": "x"}, 400, "HTTPBadRequest",
        "Invalid input for gateway_ip. Reason: 'x' is not a valid IP address.",
    ),
    (
        {"cidr": "10.88.2.0/24", "ip_version": 4, "allocation_pools": [{"start": "10.88.2.0", "end": "10.88.2.9"}]},
        400, "OutOfBoundsAllocationPool",
        "The allocation pool 10.88.2.0-10.88.2.9 spans beyond the subnet cidr 10.88.2.0/24.",
    ),
    (
        {"cidr": "10.88.2.0/24", "ip_version": 4, "allocation_pools": [{"start": "10.88.2.1", "end": "10.88.2.9"}]},
        409, "GatewayConflictWithAllocationPools",
        "Gateway ip 10.88.2.1 conflicts with allocation pool 10.88.2.1-10.88.2.9.",
    ),
    (
        {
            "cidr": "10.88.2.0/24", "ip_version": 4,
            "allocation_pools": [
                {"start": "10.88.2.2", "end": "10.88.2.100"}, {"start": "10.88.2.90", "end": "10.88.2.120"},
            ],
        },
        409, "OverlappingAllocationPools",
        "Found overlapping allocation pools: 10.88.2.2-10.88.2.100 10.88.2.90-10.88.2.120 for subnet 10.88.2.0/24.",
    ),
    (
        {"cidr": "10.88.2.0/24", "ip_version": 4, "allocation_pools": [{"start": "10.88.2.20", "end": "10.88.2.10"}]},
        400, "InvalidAllocationPool",
        "The allocation pool {'start': '10.88.2.20', 'end': '10.88.2.10'} is not valid.",
    ),
    (
        {"cidr": "10.88.2.0/24", "ip_version": 4, "allocation_pools": [{"start": "10.88.2.20"}]},
        400, "HTTPBadRequest",
        "Invalid input for allocation_pools. Reason: Validation of dictionary's keys failed. "
        "Expected keys: {'start', 'end'} Provided keys: {'start'}.",
    ),
    (
        {"cidr": "10.88.2.0/24", "ip_version": 4, "allocation_pools": "x"}, 400, "InvalidInput",
        "Invalid input for operation: Invalid data format for allocation pools.",
    ),
    (
        {"cidr": "10.88.2.0/24", "ip_version": 4, "allocation_pools": [{"start": "fd00::1", "end": "fd00::2"}]},
        400, "InvalidAllocationPool", "The allocation pool fd00::1-fd00::2 is not valid.",
    ),
    (
        {"cidr": "10.88.2.0/24", "ip_version": 4, "dns_nameservers": ["8.8.8.8", "x"]}, 400, "HTTPBadRequest",
        "Invalid input for dns_nameservers. Reason: 'x' is not a valid nameserver. 'x' is not a valid IP address.",
    ),
    (
        {"cidr": "10.88.2.0/24", "ip_version": 4, "dns_nameservers": ["8.8.8.8", "8.8.8.8"]}, 400, "HTTPBadRequest",
        "Invalid input for dns_nameservers. Reason: Duplicate nameserver '8.8.8.8'.",
    ),
    (
        {"cidr": "10.88.2.0/24", "ip_version": 4, "dns_nameservers": ["fd00::1"]}, 400, "InvalidInput",
        "Invalid input for operation: dns_nameserver 'fd00::1' does not match the ip_version '4'.",
    ),
    (
        {"cidr": "10.88.2.0/24", "ip_version": 4, "dns_nameservers": [f"1.1.1.{n}" for n in range(6)]},
        400, "DNSNameServersExhausted",
        "Unable to complete operation for new subnet. The number of DNS nameservers exceeds the limit 5.",
    ),
    (
        {
            "cidr": "10.88.2.0/24", "ip_version": 4,
            "host_routes": [{"destination": "10.1.0.0/16", "nexthop": "fd00::1"}],
        },
        400, "InvalidInput",
        "Invalid input for operation: nexthop 'fd00::1' does not match the ip_version '4'.",
    ),
    (
        {"cidr": "10.88.2.0/24", "ip_version": 4, "host_routes": [{"destination": "bad", "nexthop": "10.0.0.1"}]},
        400, "HTTPBadRequest", "Invalid input for host_routes. Reason: 'bad' is not a valid CIDR.",
    ),
    (
        {"cidr": "10.88.2.0/24", "ip_version": 4, "ipv6_ra_mode": "slaac"}, 400, "InvalidInput",
        "Invalid input for operation: ipv6_ra_mode is not valid when ip_version is 4.",
    ),
    (
        {"cidr": "fd00:88::/64", "ip_version": 6, "ipv6_ra_mode": "slaac", "ipv6_address_mode": "dhcpv6-stateful"},
        400, "InvalidInput",
        "Invalid input for operation: ipv6_ra_mode set to 'slaac' with ipv6_address_mode set to 'dhcpv6-stateful' is "
        "not valid. If both attributes are set, they must be the same value.",
    ),
    (
        {"cidr": "fd00:88::/64", "ip_version": 6, "ipv6_ra_mode": "slaac", "enable_dhcp": False}, 400, "InvalidInput",
        "Invalid input for operation: ipv6_ra_mode or ipv6_address_mode cannot be set when enable_dhcp is set to "
        "False.",
    ),
    (
        {"cidr": "fd00:88::/80", "ip_version": 6, "ipv6_ra_mode": "slaac", "ipv6_address_mode": "slaac"},
        400, "InvalidInput",
        "Invalid input for operation: Invalid CIDR fd00:88::/80 for IPv6 address mode. OpenStack uses the EUI-64 "
        "address format, which requires the prefix to be /64.",
    ),
    (
        {"cidr": "::/64", "ip_version": 6}, 400, "InvalidInput",
        "Invalid input for operation: IPv6 subnet '::' is not supported.",
    ),
    (
        {"cidr": "0.0.0.0/0", "ip_version": 4, "enable_dhcp": False}, 400, "InvalidInput",
        "Invalid input for operation: 0 is not allowed as CIDR prefix length.",
    ),
    (
        {"cidr": "224.0.0.0/24", "ip_version": 4}, 400, "InvalidInput",
        "Invalid input for operation: Multicast IP subnet is not supported if enable_dhcp is True.",
    ),
    (
        {"cidr": "127.0.0.0/24", "ip_version": 4}, 400, "InvalidInput",
        "Invalid input for operation: Loopback IP subnet is not supported if enable_dhcp is True.",
    ),
    (
        {"cidr": "10.88.2.0/24", "ip_version": 4, "prefixlen": 24}, 400, "BadRequest",
        "Bad subnets request: cidr and prefixlen must not be supplied together.",
    ),
    (
        {"cidr": "10.88.2.0/24", "ip_version": 4, "subnetpool_id": UNKNOWN}, 404, "SubnetPoolNotFound",
        f"Subnet pool {UNKNOWN} could not be found.",
    ),
    (
        {"cidr": "10.88.2.0/24", "ip_version": 4, "id": UNKNOWN}, 400, "HTTPBadRequest",
        "Attribute 'id' not allowed in POST",
    ),
    (
        {"cidr": "10.88.2.0/24", "ip_version": 4, "enable_dhcp": "maybe"}, 400, "InvalidInput",
        "Invalid input for operation: 'maybe' cannot be converted to boolean.",
    ),
    (
        {"cidr": "10.88.2.0/24", "ip_version": 4, "project_id": "abc"}, 400, "HTTPBadRequest",
        "Specifying 'project_id' other than the authenticated project in request is not allowed for the current user.",
    ),
    (
        {"cidr": "10.88.2.0/24", "ip_version": 4, "network_id": UNKNOWN}, 404, "NetworkNotFound",
        f"Network {UNKNOWN} could not be found.",
    ),
    (
        {"cidr": "10.88.2.0/24", "ip_version": 4, "network_id": "xx"}, 400, "HTTPBadRequest",
        "Invalid input for network_id. Reason: 'xx' is not a valid UUID.",
    ),
    (
        {"cidr": "10.88.2.0/24", "ip_version": 4, "service_types": ["x"]}, 400, "InvalidSubnetServiceType",
        "Subnet service type x does not correspond to a valid device owner.",
    ),
]  # fmt: skip


async def test_subnets(ann: Tenant) -> None:
    net, _ = await ann.network("10.77.0.0/24")
    for body, status, kind, sentence in SUBNETS:
        reply = await ann.ask("subnet", **{"network_id": net, **body})
        assert error(reply) == (status, kind, sentence.replace("{net}", net)), body
    assert len(await ann.listed("subnets")) == 1, "nothing was left behind"


PORTS: list[tuple[dict[str, Any], int, str, str]] = [
    (
        {"fixed_ips": [{"ip_address": "10.77.0.90"}]}, 409, "IpAddressAlreadyAllocated",
        "IP address 10.77.0.90 already allocated in subnet {v4}",
    ),
    (
        {"fixed_ips": [{"subnet_id": "{v4}", "ip_address": "10.99.0.90"}]}, 400, "InvalidIpForSubnet",
        "IP address 10.99.0.90 is not a valid IP for the specified subnet.",
    ),
    *(
        (
            {"fixed_ips": [{"ip_address": ip}]}, 400, "InvalidIpForNetwork",
            f"IP address {ip} is not a valid IP for any of the subnets on the specified network.",
        )
        for ip in ("10.99.0.90", "10.77.0.0", "10.77.0.255", "fd00:99::1")
    ),
    (
        {"fixed_ips": [{"ip_address": "x"}]}, 400, "HTTPBadRequest",
        "Invalid input for fixed_ips. Reason: 'x' is not a valid IP address.",
    ),
    (
        {"fixed_ips": [{"ip_address": "010.77.0.9"}]}, 400, "HTTPBadRequest",
        "Invalid input for fixed_ips. Reason: '010.77.0.9' is not an accepted IP address, '10.77.0.9' is recommended.",
    ),
    (
        {"fixed_ips": [{"subnet_id": "x"}]}, 400, "HTTPBadRequest",
        "Invalid input for fixed_ips. Reason: 'x' is not a valid UUID.",
    ),
    ({"fixed_ips": [{"subnet_id": UNKNOWN}]}, 404, "SubnetNotFound", f"Subnet {UNKNOWN} could not be found."),
    (
        {"fixed_ips": [{"subnet_id": "{other}"}]}, 400, "InvalidInput",
        "Invalid input for operation: Failed to create port on network {net}, because fixed_ips included invalid "
        "subnet {other}.",
    ),
    (
        {"fixed_ips": [{}]}, 400, "InvalidInput",
        "Invalid input for operation: IP allocation requires subnet_id or ip_address.",
    ),
    (
        {"fixed_ips": "x"}, 400, "HTTPBadRequest",
        "Invalid input for fixed_ips. Reason: Invalid data format for fixed IP: 'x'.",
    ),
    (
        {"fixed_ips": None}, 400, "HTTPBadRequest",
        "Invalid input for fixed_ips. Reason: Invalid data format for fixed IP: 'None'.",
    ),
    (
        {"fixed_ips": [{"ip_address": "10.77.0.9"}, {"ip_address": "10.77.0.9"}]}, 400, "HTTPBadRequest",
        "Invalid input for fixed_ips. Reason: Duplicate IP address '10.77.0.9'.",
    ),
    (
        {"fixed_ips": [{"ip_address": "10.77.0.9", "foo": 1}]}, 400, "HTTPBadRequest",  # Neutron drops it silently
        "Unrecognized attribute(s) 'foo'",
    ),
    (
        {"fixed_ips": [{"subnet_id": "{v6}", "ip_address": "fd00:77::5"}]}, 400, "AllocationOnAutoAddressSubnet",
        "IPv6 address fd00:77::5 cannot be directly assigned to a port on subnet {v6} as the subnet is configured for "
        "automatic addresses",
    ),
    (
        {"mac_address": "FA-16-3E-00-00-01"}, 409, "MacAddressInUse",
        "Unable to complete operation for network {net}. The mac address fa:16:3e:00:00:01 is in use.",
    ),
    *(
        (
            {"mac_address": mac}, 400, "HTTPBadRequest",
            f"Invalid input for mac_address. Reason: '{mac}' is not a valid MAC address.",
        )
        for mac in ("x", "00:00:00:00:00:00")
    ),
    (
        {"security_groups": ["x"]}, 400, "HTTPBadRequest",
        "Invalid input for security_groups. Reason: 'x' is not a valid UUID.",
    ),
    (
        {"security_groups": "x"}, 400, "HTTPBadRequest",
        "Invalid input for security_groups. Reason: 'x' is not a list.",
    ),
    (
        {"security_groups": [UNKNOWN]}, 404, "SecurityGroupNotFound", f"Security group {UNKNOWN} does not exist",
    ),
    (
        {"port_security_enabled": False, "security_groups": ["{group}"]}, 400,
        "PortSecurityAndIPRequiredForSecurityGroups",
        "Port security must be enabled and port must have an IP address in order to use security groups.",
    ),
    (
        {"port_security_enabled": False, "allowed_address_pairs": [{"ip_address": "10.0.0.1"}]}, 409,
        "AddressPairAndPortSecurityRequired",
        "Port Security must be enabled in order to have allowed address pairs on a port.",
    ),
    ({"allowed_address_pairs": [{"ip_address": "x"}]}, 400, "HTTPBadRequest", "'x' is not a valid IP address"),
    (
        {"allowed_address_pairs": [{"mac_address": "fa:16:3e:00:00:01"}]}, 400, "AllowedAddressPairsMissingIP",
        "AllowedAddressPair must contain ip_address",
    ),
    (
        {"allowed_address_pairs": [{"ip_address": "10.0.0.1"}, {"ip_address": "10.0.0.1"}]}, 400,
        "DuplicateAddressPairInRequest",
        "Request contains duplicate address pair: mac_address None ip_address 10.0.0.1.",
    ),
    (
        {"allowed_address_pairs": [{"ip_address": "10.0.0.1", "x": 1}]}, 400, "HTTPBadRequest",
        "Unrecognized attribute(s) 'x'",
    ),
    (
        {"extra_dhcp_opts": [{"opt_name": "mtu"}]}, 400, "InvalidInput",
        "Invalid input for operation: No valid key specs matched for: {'opt_name': 'mtu'}.",
    ),
    (
        {"binding:host_id": "h"}, 403, "PolicyNotAuthorized",
        "(rule:create_port and rule:create_port:binding:host_id) is disallowed by policy",
    ),
    (
        {"binding:profile": {"a": "b"}}, 403, "PolicyNotAuthorized",
        "(rule:create_port and rule:create_port:binding:profile) is disallowed by policy",
    ),
    (
        {"binding:vnic_type": "foo"}, 400, "HTTPBadRequest",
        "Invalid input for binding:vnic_type. Reason: foo is not in valid_values.",
    ),
    (
        {"resource_request": {}}, 400, "HTTPBadRequest", "Attribute 'resource_request' not allowed in POST",
    ),
    ({"binding:vif_type": "ovs"}, 400, "HTTPBadRequest", "Attribute 'binding:vif_type' not allowed in POST"),
    ({"status": "ACTIVE"}, 400, "HTTPBadRequest", "Attribute 'status' not allowed in POST"),
    (
        {"name": LONG}, 400, "HTTPBadRequest",
        f"Invalid input for name. Reason: '{LONG}' exceeds maximum length of 255.",
    ),
    (
        {"description": LONG}, 400, "HTTPBadRequest",
        f"Invalid input for description. Reason: '{LONG}' exceeds maximum length of 255.",
    ),
    ({"name": None}, 400, "HTTPBadRequest", "Invalid input for name. Reason: 'None' is not a valid string."),
    ({"network_id": UNKNOWN}, 404, "NetworkNotFound", f"Network {UNKNOWN} could not be found."),
    ({"qos_policy_id": UNKNOWN}, 404, "QosPolicyNotFound", f"QoS policy {UNKNOWN} could not be found."),
    ({"dns_assignment": []}, 400, "HTTPBadRequest", "Attribute 'dns_assignment' not allowed in POST"),
]  # fmt: skip


async def test_ports(ann: Tenant) -> None:
    net, (v4,) = await ann.network("10.77.0.0/24")
    slaac = {"ipv6_ra_mode": "slaac", "ipv6_address_mode": "slaac"}
    v6 = (await ann.create("subnet", network_id=net, cidr="fd00:77::/64", ip_version=6, **slaac))["id"]
    _, (other,) = await ann.network("10.66.0.0/24")
    await ann.create(
        "port", network_id=net, fixed_ips=[{"ip_address": "10.77.0.90"}], mac_address="fa:16:3e:00:00:01"
    )
    (group,) = [one["id"] for one in await ann.listed("security-groups")]
    names = {"{net}": net, "{v4}": v4, "{v6}": v6, "{other}": other, "{group}": group}
    for body, status, kind, sentence in PORTS:
        reply = await ann.ask("port", **{"network_id": net, **named(body, names)})
        assert error(reply) == (status, kind, named(sentence, names)), body
    assert len(await ann.listed("ports")) == 1, "nothing was left behind"


def named(value: Any, names: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: named(one, names) for key, one in value.items()}
    if isinstance(value, list):
        return [named(one, names) for one in value]
    if isinstance(value, str):
        for name, id in names.items():
            value = value.replace(name, id)
    return value


NETWORKS: list[tuple[dict[str, Any], int, str, str]] = [
    ({"name": 1}, 400, "HTTPBadRequest", "Invalid input for name. Reason: '1' is not a valid string."),
    ({"name": "  x"}, 400, "HTTPBadRequest", "Invalid input for name. Reason: '  x' is not a valid string."),
    ({"foo": 1}, 400, "HTTPBadRequest", "Unrecognized attribute(s) 'foo'"),
    (
        {"shared": True}, 403, "PolicyNotAuthorized",
        "(rule:create_network and rule:create_network:shared) is disallowed by policy",
    ),
    (
        {"router:external": True}, 403, "PolicyNotAuthorized",
        "(rule:create_network and rule:create_network:router:external) is disallowed by policy",
    ),
    (
        {"provider:network_type": "vxlan"}, 403, "PolicyNotAuthorized",
        "(rule:create_network and rule:create_network:provider:network_type) is disallowed by policy",
    ),
    ({"mtu": -1}, 400, "HTTPBadRequest", "Invalid input for mtu. Reason: '-1' should be non-negative."),
    ({"mtu": "x"}, 400, "InvalidInput", "Invalid input for operation: 'x' is not an integer."),
    (
        {"availability_zone_hints": ["zz"]}, 404, "AvailabilityZoneNotFound",
        "AvailabilityZone zz could not be found.",
    ),
    (
        {"availability_zone_hints": "zz"}, 400, "HTTPBadRequest",
        "Invalid input for availability_zone_hints. Reason: 'zz' is not a list.",
    ),
]  # fmt: skip


async def test_networks(ann: Tenant) -> None:
    for body, status, kind, sentence in NETWORKS:
        assert error(await ann.ask("network", **body)) == (status, kind, sentence), body


async def test_what_no_cloud_can_be_sent_is_refused_to_admins_by_name(root: Tenant) -> None:
    vlan = {"provider:network_type": "vlan", "provider:physical_network": "physnet1"}
    for name, more in (
        ("provider:segmentation_id", vlan),
        ("provider:segmentation_id", {"provider:network_type": "vxlan"}),
    ):
        status, _, sentence = error(await root.ask("network", **{**more, name: 7}))
        assert status == 400
        assert "cannot be carried" in sentence
        assert "'provider:" in sentence


SHAPES: list[tuple[str, Any, str]] = [
    ("networks", {}, "Unable to find 'network' in request body"),
    ("networks", [], "Body contains invalid data"),
    ("networks", {"networks": []}, "Resources required"),
    ("subnets", {"subnet": "x"}, "Object 'subnet' contains invalid data"),
    ("subnets", {"subnets": ["x"]}, "Object 'subnet' contains invalid data"),
    ("ports", {"port": {}}, "Failed to parse request. Required attribute 'network_id' not specified"),
    ("ports", {"ports": 5}, "Body contains invalid data"),
    (
        "security-groups", {"security_group": {"name": None}},
        "Invalid input for name. Reason: 'None' is not a valid string.",
    ),
    ("security-groups", {"security_group": {"tags": ["x"]}}, "Attribute 'tags' not allowed in POST"),
    (
        "security-groups", {"security_group": {"security_group_rules": []}},
        "Attribute 'security_group_rules' not allowed in POST",
    ),
]  # fmt: skip


async def test_bodies_of_the_wrong_shape(ann: Tenant) -> None:
    for path, body, sentence in SHAPES:
        assert error(await ann.raw("POST", path, body)) == (400, "HTTPBadRequest", sentence), body


async def test_a_body_that_is_no_json(ann: Tenant) -> None:
    reply = await ann.user.call("POST", "/network/v2.0/networks", body=b'{"network"')
    assert error(reply) == (400, "HTTPBadRequest", "Body contains invalid data")


async def test_updates(ann: Tenant) -> None:
    net, (subnet,) = await ann.network("10.77.0.0/24")
    port = await ann.create("port", network_id=net)
    for kind, id, body, expected in (
        (
            "port", port["id"], {"network_id": net},
            (400, "HTTPBadRequest", "Cannot update read-only attribute network_id"),
        ),
        ("port", port["id"], {"status": "ACTIVE"}, (400, "HTTPBadRequest", "Cannot update read-only attribute status")),
        (
            "port", port["id"], {"mac_address": "fa:16:3e:00:00:77"},
            (
                403, "PolicyNotAuthorized",
                "(rule:update_port and rule:update_port:mac_address) is disallowed by policy",
            ),
        ),
        (
            "port", port["id"], {"port_security_enabled": False},
            (
                409, "PortSecurityPortHasSecurityGroup",
                "Port has security group associated. Cannot disable port security or IP address until security group "
                "is removed.",
            ),
        ),
        ("subnet", subnet, {"cidr": "10.77.0.0/24"}, (400, "HTTPBadRequest", "Cannot update read-only attribute cidr")),
        (
            "subnet", subnet, {"gateway_ip": "10.77.0.100"},
            (
                409, "GatewayConflictWithAllocationPools",
                "Gateway ip 10.77.0.100 conflicts with allocation pool 10.77.0.2-10.77.0.254.",
            ),
        ),
        (
            "network", net, {"mtu": 50},
            (
                409, "NetworkMTUSubnetConflict",
                f"MTU of {net} is not valid, subnet requires a minimum of 68",
            ),
        ),
        (
            "network", net, {"shared": True},
            (
                403, "PolicyNotAuthorized",
                "(rule:update_network and rule:update_network:shared) is disallowed by policy",
            ),
        ),
    ):  # fmt: skip
        assert error(await ann.change(kind, id, **body)) == expected, body
    reply = await ann.raw("PUT", f"ports/{port['id']}", {"ports": []})
    assert error(reply) == (400, "HTTPBadRequest", "Bulk operation not supported")
    reply = await ann.raw("PUT", f"ports/{port['id']}")
    assert error(reply) == (400, "HTTPBadRequest", "Unable to find 'port' in request body")
    body = {"port": {"name": "new"}}
    reply = await ann.raw("PUT", f"ports/{port['id']}", body, **{"If-Match": "revision_number=99"})
    assert error(reply)[:2] == (412, "RevisionNumberConstraintFailed"), "a condition is not passed over"


async def test_deletes(ann: Tenant) -> None:
    net, (subnet,) = await ann.network("10.77.0.0/24")
    port = await ann.create("port", network_id=net)
    group = port["security_groups"][0]
    assert error(await ann.delete("network", net)) == (
        409, "NetworkInUse",
        f"Unable to complete operation on network {net}. There are one or more ports still in use on the network, "
        f"id for these ports is: {port['id']}.",
    )  # fmt: skip
    assert error(await ann.delete("subnet", subnet)) == (
        409, "SubnetInUse",
        f"Unable to complete operation on subnet {subnet}: One or more ports have an IP allocation from this subnet.",
    )  # fmt: skip
    assert error(await ann.delete("security_group", group)) == (
        409, "SecurityGroupInUse", f"Security Group {group} in use.",
    )  # fmt: skip
    reply = await ann.raw("DELETE", f"networks/{net}", {})
    assert error(reply) == (400, "HTTPBadRequest", "Request body is not supported in DELETE.")
    (await ann.delete("port", port["id"])).ok()
    assert error(await ann.delete("security_group", group)) == (
        409, "SecurityGroupCannotRemoveDefault", "Insufficient rights for removing default security group.",
    )  # fmt: skip


async def test_a_server_s_port_is_not_its_tenant_s_to_delete(ann: Tenant, root: Tenant) -> None:
    net, _ = await ann.network("10.77.0.0/24")
    port = await ann.create("port", network_id=net, device_owner="compute:nova", device_id="x")
    assert error(await ann.delete("port", port["id"])) == (
        403, "PolicyNotAuthorized", "rule:delete_port is disallowed by policy",
    )  # fmt: skip
    assert (await root.delete("port", port["id"])).status == 204


async def test_full_subnets(ann: Tenant) -> None:
    net, _ = await ann.network("10.66.0.0/30")
    await ann.create("port", network_id=net)
    assert error(await ann.ask("port", network_id=net)) == (
        409, "IpAddressGenerationFailure", f"No more IP addresses available on network {net}.",
    )  # fmt: skip
