"""Networks, subnets, ports and security groups, as machine and drivers speak of them."""

from __future__ import annotations

from msgspec import Struct

from fractus.model.cloud import Seen, Wanted


class NetworkWanted(Wanted, frozen=True, kw_only=True):
    """A tenant network."""

    admin_state_up: bool = True
    mtu: int = 0
    port_security_enabled: bool = True


class NetworkSeen(Seen, frozen=True, kw_only=True):
    """A network in a child."""

    status: str = ""
    admin_state_up: bool = True
    mtu: int = 0


class SubnetWanted(Wanted, frozen=True, kw_only=True):
    """A subnet. `pools` are the few addresses left to the child (its DHCP ports); all others are given by us."""

    network_id: str
    cidr: str
    ip_version: int = 4
    gateway_ip: str | None = None
    enable_dhcp: bool = True
    dns_nameservers: list[str] = []
    host_routes: list[dict[str, str]] = []
    pools: list[dict[str, str]] = []
    ipv6_address_mode: str | None = None
    ipv6_ra_mode: str | None = None


class SubnetSeen(Seen, frozen=True, kw_only=True):
    """A subnet in a child."""

    cidr: str = ""
    gateway_ip: str | None = None
    enable_dhcp: bool = True
    dns_nameservers: list[str] = []
    host_routes: list[dict[str, str]] = []


class FixedIp(Struct, frozen=True):
    """One address of a port."""

    subnet_id: str
    ip_address: str


class PortWanted(Wanted, frozen=True, kw_only=True):
    """A port with the address and MAC that we chose."""

    network_id: str
    mac_address: str
    fixed_ips: list[FixedIp] = []
    security_groups: list[str] = []
    allowed_address_pairs: list[dict[str, str]] = []
    admin_state_up: bool = True
    port_security_enabled: bool = True
    extra_dhcp_opts: list[dict[str, str]] = []


class PortSeen(Seen, frozen=True, kw_only=True):
    """A port in a child."""

    status: str = ""
    mac_address: str = ""
    fixed_ips: list[FixedIp] = []
    security_groups: list[str] = []
    allowed_address_pairs: list[dict[str, str]] = []
    admin_state_up: bool = True
    port_security_enabled: bool = True
    device_id: str = ""
    host: str = ""
    vif_type: str = ""


class Rule(Struct, frozen=True, kw_only=True):
    """One rule of a security group, in Neutron's words. `remote_id` is its id in the child, empty if not there."""

    direction: str
    ethertype: str = "IPv4"
    protocol: str | None = None
    port_range_min: int | None = None
    port_range_max: int | None = None
    remote_ip_prefix: str | None = None
    remote_group_id: str | None = None
    remote_id: str = ""


class SecurityGroupWanted(Wanted, frozen=True, kw_only=True):
    """A security group and the whole set of its rules. A rule whose remote group is the group itself says `self`."""

    rules: list[Rule] = []
    stateful: bool = True


class SecurityGroupSeen(Seen, frozen=True, kw_only=True):
    """A security group in a child."""

    rules: list[Rule] = []
    stateful: bool = True


# Verbs: network update {...Neutron body}; subnet update {...}; port update {...}; security_group rename {"name"},
# add_rule {fields of Rule, remote_group_id already the child's}, delete_rule {"remote_id"}.
