"""Networks, subnets, ports and security groups, as machine and drivers speak of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from msgspec import UNSET, Struct, UnsetType

from fractus.model.cloud import Observed, Wanted
from fractus.model.metering import METERING_LABEL
from fractus.model.routers import ROUTER, ROUTER_INTERFACE
from fractus.model.trunks import TRUNK
from fractus.model.wire import Vocabulary, Wire

SHARED_WITH = "shared_with"
"""Key in what is desired of networks and security groups: the projects with which one is shared by name."""

EXTERNAL_TO = "external_to"
"""Key in what is desired of external networks and their subnets, and a column: the projects that may use one. Without
it all may.
"""

MADE_HERE = "made_here"
"""Key in what is desired of external networks: it was made through us and comes to clouds as others do. Without it, one
is the clouds' own.
"""

# In what was seen, None (for a gateway, which may be none: UNSET) means that the cloud does not say: absent is not
# empty, and what is not said is not compared with what is wanted.


class NetworkWanted(Wanted, frozen=True, kw_only=True):
    """A tenant network."""

    admin_state_up: Annotated[bool, Wire(mutable=True)] = True
    mtu: Annotated[
        int,
        Wire(
            extension="net-mtu-writable",
            purpose="an MTU of one's own",
            unsaid=True,
            mutable=True,
            cloud_chooses=True,
        ),
    ] = 0
    port_security_enabled: Annotated[
        bool,
        Wire(extension="port-security", purpose="a network without port security", unsaid=True, mutable=True),
    ] = True
    shared: Annotated[bool, Wire(unsaid=True, admin=True, mutable=True)] = False
    """Other projects put ports on it."""
    external: Annotated[
        bool,
        Wire(
            name="router:external",
            key="router:external",
            extension="external-net",
            purpose="an external network",
            unsaid=True,
            admin=True,
            mutable=True,
        ),
    ] = False
    """Routers lead outside by it."""
    qos_policy_id: Annotated[
        str | None,
        Wire(refers="qos_policy", extension="qos", purpose="a QoS policy", unsaid=True, mutable=True),
    ] = None
    dns_domain: Annotated[
        str,
        Wire(extension="dns-integration", purpose="a network with a DNS domain", unsaid=True, mutable=True),
    ] = ""

    network_type: Annotated[
        str,
        Wire(
            name="provider:network_type",
            extension="provider",
            purpose="a network of a given type",
            unsaid=True,
            admin=True,
            per_cloud=True,
        ),
    ] = ""
    """Of this and what follows nothing is kept of a network that was taken over: it is its cloud's."""
    physical_network: Annotated[
        str,
        Wire(
            name="provider:physical_network",
            extension="provider",
            purpose="a network on a given physical network",
            unsaid=True,
            admin=True,
            per_cloud=True,
        ),
    ] = ""
    segmentation_id: Annotated[
        int | None,
        Wire(
            name="provider:segmentation_id",
            extension="provider",
            purpose="a network with a given segmentation id",
            unsaid=True,
            admin=True,
            per_cloud=True,
        ),
    ] = None
    segments: Annotated[
        list[dict[str, Any]],
        Wire(
            extension="multi-provider",
            purpose="a network of several segments",
            unsaid=True,
            admin=True,
            per_cloud=True,
        ),
    ] = []


class NetworkObserved(Observed, frozen=True, kw_only=True):
    """A network in a child."""

    status: str = ""
    admin_state_up: bool | None = None
    mtu: int = 0
    port_security_enabled: bool | None = None
    shared: bool | None = None
    qos_policy_id: str | UnsetType | None = UNSET
    dns_domain: str | None = None
    external: bool | None = None
    l2_adjacency: bool | None = None
    network_type: str = ""
    physical_network: str = ""
    segmentation_id: int | None = None
    segments: list[dict[str, Any]] | None = None


NETWORK = Vocabulary("network", NetworkWanted, NetworkObserved)


class SubnetWanted(Wanted, frozen=True, kw_only=True):
    """A subnet. `pools` are the few addresses left to the child (its DHCP ports); all others are given by us."""

    network_id: Annotated[str, Wire(refers="network")]
    cidr: str
    ip_version: int = 4
    gateway_ip: Annotated[str | None, Wire(mutable=True, given_out=True)] = None
    """Always said: left out, Neutron would choose one; null means none."""
    enable_dhcp: Annotated[bool, Wire(mutable=True)] = True
    dns_nameservers: Annotated[list[str], Wire(unsaid=True, mutable=True)] = []
    host_routes: Annotated[list[dict[str, str]], Wire(unsaid=True, mutable=True, unordered=True)] = []
    pools: Annotated[
        list[dict[str, str]], Wire(name="allocation_pools", unsaid=True, mutable=True, per_cloud=True)
    ] = []
    ipv6_address_mode: Annotated[str | None, Wire(unsaid=True)] = None
    ipv6_ra_mode: Annotated[str | None, Wire(unsaid=True)] = None


class SubnetObserved(Observed, frozen=True, kw_only=True):
    """A subnet in a child."""

    cidr: str = ""
    gateway_ip: str | UnsetType | None = UNSET
    enable_dhcp: bool | None = None
    dns_nameservers: list[str] | None = None
    host_routes: list[dict[str, str]] | None = None
    network_id: str = ""
    ip_version: int = 4
    pools: list[dict[str, str]] | None = None
    ipv6_address_mode: str | None = None
    ipv6_ra_mode: str | None = None
    segment_id: str | None = None


#: A network has one subnet of a CIDR; behind the marker the description of a subnet has notes.
SUBNET = Vocabulary("subnet", SubnetWanted, SubnetObserved, found_by=("cidr", "network_id"))


class FixedIp(Struct, frozen=True):
    """One address of a port."""

    subnet_id: str
    ip_address: str


class PortWanted(Wanted, frozen=True, kw_only=True):
    """A port with the address and MAC that we chose."""

    network_id: Annotated[str, Wire(refers="network")]
    mac_address: Annotated[str, Wire(mutable=True, given_out=True)]
    fixed_ips: Annotated[list[FixedIp], Wire(mutable=True, given_out=True)] = []
    security_groups: Annotated[list[str], Wire(refers="security_group", mutable=True)] = []
    """Always said, even none: left out, Neutron would take the default one."""
    allowed_address_pairs: Annotated[
        list[dict[str, str]],
        Wire(
            extension="allowed-address-pairs",
            purpose="allowed address pairs",
            unsaid=True,
            mutable=True,
            unordered=True,
            absent=[],
        ),
    ] = []
    admin_state_up: Annotated[bool, Wire(mutable=True)] = True
    port_security_enabled: Annotated[
        bool,
        Wire(extension="port-security", purpose="a port without port security", mutable=True, absent=True),
    ] = True
    """Said wherever it is known: left out, Neutron would take the network's."""
    device_owner: Annotated[str, Wire(unsaid=True)] = ""
    """Said of what becomes a router's: only a router may have any address in a subnet where machines choose their own.
    Of all else the cloud says it itself.
    """
    extra_dhcp_opts: Annotated[
        list[dict[str, Any]],
        Wire(
            extension="extra_dhcp_opt",
            purpose="extra DHCP options",
            unsaid=True,
            mutable=True,
            unordered=True,
        ),
    ] = []
    qos_policy_id: Annotated[
        str | None,
        Wire(refers="qos_policy", extension="qos", purpose="a QoS policy", unsaid=True, mutable=True),
    ] = None
    dns_name: Annotated[
        str | None, Wire(extension="dns-integration", optional=True, unsaid=True, mutable=True)
    ] = None
    """None: nothing was ever said of it here, and what its cloud says (its Nova names ports) is the cloud's own."""
    vnic_type: Annotated[
        str,
        Wire(
            name="binding:vnic_type",
            extension="binding",
            purpose="a port of another type than `normal`",
            unsaid=True,
            mutable=True,
        ),
    ] = "normal"
    host: Annotated[
        str,
        Wire(
            name="binding:host_id",
            extension="binding",
            purpose="a port that is bound to a host",
            unsaid=True,
            admin=True,
            mutable=True,
            per_cloud=True,
        ),
    ] = ""
    """The host that an administrator named. The cloud's Nova names another one whenever it plugs the port, so what it
    was last sent decides whether it is sent again; the same of `profile`.
    """
    profile: Annotated[
        dict[str, Any],
        Wire(
            name="binding:profile",
            extension="binding",
            purpose="a profile of a port's binding",
            unsaid=True,
            admin=True,
            mutable=True,
            per_cloud=True,
        ),
    ] = {}
    numa_affinity_policy: Annotated[
        str | None,
        Wire(
            extension="port-numa-affinity-policy",
            purpose="a NUMA affinity policy of a port",
            unsaid=True,
            mutable=True,
        ),
    ] = None
    device_profile: Annotated[
        str | None, Wire(extension="port-device-profile", purpose="a device profile of a port", unsaid=True)
    ] = None
    propagate_uplink_status: Annotated[
        bool,
        Wire(extension="uplink-status-propagation", purpose="a port without uplink status propagation"),
    ] = True
    """Said wherever it is known: releases have different defaults."""


class PortObserved(Observed, frozen=True, kw_only=True):
    """A port in a child."""

    status: str = ""
    mac_address: str = ""
    fixed_ips: list[FixedIp] | None = None
    security_groups: list[str] | None = None
    allowed_address_pairs: list[dict[str, str]] | None = None
    admin_state_up: bool | None = None
    port_security_enabled: bool | None = None
    extra_dhcp_opts: list[dict[str, Any]] | None = None
    qos_policy_id: str | UnsetType | None = UNSET
    dns_name: str | None = None
    network_id: str = ""
    device_id: str = ""
    device_owner: str = ""
    host: str = ""
    vif_type: Annotated[str, Wire(name="binding:vif_type")] = ""
    vif_details: Annotated[dict[str, Any], Wire(name="binding:vif_details")] = {}
    profile: dict[str, Any] = {}
    resource_request: dict[str, Any] | None = None
    vnic_type: str | None = None
    numa_affinity_policy: str | UnsetType | None = UNSET
    """A network service that has it not enabled takes any, and shows none."""
    device_profile: str | None = None
    propagate_uplink_status: bool | None = None


PORT = Vocabulary("port", PortWanted, PortObserved)


class Rule(Struct, frozen=True, kw_only=True):
    """One rule of a security group, in Neutron's words. `remote_id` is its id in the child, empty if not there."""

    direction: str
    ethertype: str = "IPv4"
    protocol: str | None = None
    port_range_min: int | None = None
    port_range_max: int | None = None
    remote_ip_prefix: str | None = None
    remote_group_id: str | None = None
    remote_address_group_id: str | UnsetType = UNSET
    """By its id in the child. Ours name those of members in other clouds; of an address group of a user's, a child is
    sent a rule for each address.
    """
    description: str = ""
    remote_id: str = ""


class SecurityGroupWanted(Wanted, frozen=True, kw_only=True):
    """A security group and the whole set of its rules. A rule whose remote group is the group itself says `self`."""

    rules: Annotated[list[Rule], Wire(name="security_group_rules", separate=True, absent=[])] = []
    stateful: Annotated[
        bool,
        Wire(
            extension="stateful-security-group",
            purpose="a stateless security group",
            unsaid=True,
            absent=True,
        ),
    ] = True


class SecurityGroupObserved(Observed, frozen=True, kw_only=True):
    """A security group in a child."""

    rules: list[Rule] | None = None
    stateful: bool | None = None


SECURITY_GROUP = Vocabulary(
    "security_group", SecurityGroupWanted, SecurityGroupObserved, path="/security-groups"
)


class GroupMembersWanted(Wanted, frozen=True, kw_only=True):
    """The address group of those members of a security group that are in other clouds, as prefixes."""

    addresses: list[str] = []


class GroupMembersObserved(Observed, frozen=True, kw_only=True):
    """Such an address group in a child; `addresses` is None where the child does not say."""

    addresses: list[str] | None = None


GROUP_MEMBERS = Vocabulary(
    "group_members",
    GroupMembersWanted,
    GroupMembersObserved,
    resource="address_group",
    path="/address-groups",
    extension="security-groups-remote-address-group",
)


class QosRule(Struct, frozen=True, kw_only=True):
    """One rule of a QoS policy. `remote_id` is its id in the child, empty if not there."""

    type: str
    """`bandwidth_limit`, `dscp_marking` ..."""
    said: dict[str, Any] = {}
    """Its values by Neutron's names (`max_kbps`, `direction` ...)."""
    remote_id: str = ""

    @property
    def place(self) -> tuple[str, str]:
        """What a policy has one rule for: a type and a direction, where that has one."""
        directed = self.type != "dscp_marking"
        return self.type, str(self.said.get("direction") or "egress") if directed else ""


class QosPolicyWanted(Wanted, frozen=True, kw_only=True):
    """A QoS policy and all of its rules."""

    rules: Annotated[list[QosRule], Wire(separate=True, absent=[])] = []
    shared: Annotated[bool, Wire(unsaid=True, mutable=True)] = False


class QosPolicyObserved(Observed, frozen=True, kw_only=True):
    """A QoS policy in a child."""

    rules: list[QosRule] | None = None
    shared: bool | None = None
    is_default: bool | None = None


QOS_POLICY = Vocabulary(
    "qos_policy",
    QosPolicyWanted,
    QosPolicyObserved,
    resource="policy",
    collection="policies",
    path="/qos/policies",
    extension="qos",
)


class PortForwarding(Struct, frozen=True, kw_only=True):
    """One port forwarding of a floating IP. Ranges as `80:85`; of what was seen, empty where only a listing has shown
    it and it is a range. `remote_id` is its id in the child, empty if not there.
    """

    protocol: str
    internal_port_id: str
    internal_ip_address: str
    internal: str = ""
    external: str = ""
    description: str = ""
    remote_id: str = ""


class FloatingIpWanted(Wanted, frozen=True, kw_only=True):
    """A floating IP with the address that we chose, of a subnet that the cloud has."""

    floating_network_id: Annotated[str, Wire(refers="network")]
    subnet_id: Annotated[str, Wire(refers="subnet")]
    floating_ip_address: Annotated[str, Wire(admin=True, given_out=True)]
    port_id: Annotated[str | None, Wire(refers="port", unsaid=True, mutable=True)] = None
    """The port that it leads to."""
    fixed_ip_address: Annotated[str | None, Wire(unsaid=True, mutable=True)] = None
    """Which address of that port."""
    dns_name: Annotated[str, Wire(extension="dns-integration", optional=True, unsaid=True)] = ""
    dns_domain: Annotated[str, Wire(extension="dns-integration", optional=True, unsaid=True)] = ""
    qos_policy_id: Annotated[
        str | None,
        Wire(
            refers="qos_policy",
            extension="qos-fip",
            purpose="a QoS policy of a floating IP",
            unsaid=True,
            mutable=True,
        ),
    ] = None
    port_forwardings: Annotated[list[PortForwarding], Wire(separate=True)] = []


class FloatingIpObserved(Observed, frozen=True, kw_only=True):
    """A floating IP in a child. The port and its address are null where it leads nowhere."""

    status: str = ""
    floating_network_id: str = ""
    floating_ip_address: str = ""
    router_id: str | UnsetType | None = UNSET
    port_id: str | UnsetType | None = UNSET
    fixed_ip_address: str | UnsetType | None = UNSET
    qos_policy_id: str | UnsetType | None = UNSET
    port_forwardings: list[PortForwarding] | None = None


#: Keys in the choice of a port: the floating IPs that lead to it, those that forward ports to it, and their addresses.
#: They hold it in their cloud.
FLOATING, FORWARDED = "floating", "forwarded"

HOSTED = "hosted"
"""Key in the choice of a port: the cloud of the host that an administrator bound it to, where it is as long."""

FLOATING_IP = Vocabulary("floatingip", FloatingIpWanted, FloatingIpObserved, has_name=False)


#: All kinds of a cloud's Neutron. A driver needs no more of one, unless something is particular to it.
VOCABULARIES: tuple[Vocabulary[Any, Any], ...] = (
    NETWORK,
    SUBNET,
    PORT,
    SECURITY_GROUP,
    GROUP_MEMBERS,
    ROUTER,
    ROUTER_INTERFACE,
    QOS_POLICY,
    FLOATING_IP,
    TRUNK,
    METERING_LABEL,
)


class NicRequest(Struct, frozen=True):
    """A network device that a user wants in a new server: a network (with an address, perhaps), or a port."""

    network_id: str = ""
    port_id: str = ""
    fixed_ip: str = ""
    tag: str = ""


class ServerPort(Struct, frozen=True, kw_only=True):
    """A port of a server. `addresses` are pairs of address and IP version, `security_groups` are names; `floating` are
    the addresses of floating IPs that lead to it.

    `owned`: it was made for the server and goes with it; else it is the user's own. `trunk_id`: of the trunk whose
    parent it is.
    """

    port_id: str
    network_id: str
    network_name: str
    mac_address: str
    addresses: list[tuple[str, int]] = []
    floating: list[str] = []
    security_groups: list[str] = []
    owned: bool = True
    trunk_id: str = ""


def unreachable(network_id: str, clouds: Sequence[str]) -> str:
    """The sentence for users whose port is in another cloud than others of its network."""
    where = "zone" if len(clouds) == 1 else "zones"
    return (
        f"Network {network_id} also has ports in {where} {', '.join(clouds)}: there is no path between zones, so"
        " they cannot be reached from here."
    )


# Verbs: of network and security_group admit and expel {"project_id"} (ours: a project that may use it there); network
# update {...Neutron body}; subnet update {..., "notes" (what a rebuild must know) with our "id"};
# port update {...}; security_group rename {"name"}, add_rule {fields of Rule, remote_group_id already the child's},
# add_rules {"rules": [as of add_rule]}, delete_rule {"remote_id"}; qos_policy update {...}, add_rule {"type", "said"},
# update_rule {"type", "remote_id", "said"}, delete_rule {"type", "remote_id"}.
