"""Networks, subnets, ports and security groups, as machine and drivers speak of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import UNSET, Struct, UnsetType

from fractus.model.cloud import Seen, Wanted

# In what was seen, None (for a gateway, which may be none: UNSET) means that the cloud does not say: absent is not
# empty, and what is not said is not compared with what is wanted.


class NetworkWanted(Wanted, frozen=True, kw_only=True):
    """A tenant network."""

    admin_state_up: bool = True
    mtu: int = 0
    port_security_enabled: bool = True
    shared: bool = False
    """Other projects put ports on it."""


class NetworkSeen(Seen, frozen=True, kw_only=True):
    """A network in a child."""

    status: str = ""
    admin_state_up: bool | None = None
    mtu: int = 0
    port_security_enabled: bool | None = None
    shared: bool | None = None
    external: bool | None = None
    network_type: str = ""
    physical_network: str = ""
    segmentation_id: int | None = None


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
    gateway_ip: str | UnsetType | None = UNSET
    enable_dhcp: bool | None = None
    dns_nameservers: list[str] | None = None
    host_routes: list[dict[str, str]] | None = None
    network_id: str = ""
    ip_version: int = 4
    pools: list[dict[str, str]] | None = None
    ipv6_address_mode: str | None = None
    ipv6_ra_mode: str | None = None


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
    extra_dhcp_opts: list[dict[str, Any]] = []


class PortSeen(Seen, frozen=True, kw_only=True):
    """A port in a child."""

    status: str = ""
    mac_address: str = ""
    fixed_ips: list[FixedIp] | None = None
    security_groups: list[str] | None = None
    allowed_address_pairs: list[dict[str, str]] | None = None
    admin_state_up: bool | None = None
    port_security_enabled: bool | None = None
    extra_dhcp_opts: list[dict[str, Any]] | None = None
    network_id: str = ""
    device_id: str = ""
    device_owner: str = ""
    host: str = ""
    vif_type: str = ""
    vnic_type: str = ""


class Rule(Struct, frozen=True, kw_only=True):
    """One rule of a security group, in Neutron's words. `remote_id` is its id in the child, empty if not there."""

    direction: str
    ethertype: str = "IPv4"
    protocol: str | None = None
    port_range_min: int | None = None
    port_range_max: int | None = None
    remote_ip_prefix: str | None = None
    remote_group_id: str | None = None
    description: str = ""
    remote_id: str = ""


class SecurityGroupWanted(Wanted, frozen=True, kw_only=True):
    """A security group and the whole set of its rules. A rule whose remote group is the group itself says `self`."""

    rules: list[Rule] = []
    stateful: bool = True


class SecurityGroupSeen(Seen, frozen=True, kw_only=True):
    """A security group in a child."""

    rules: list[Rule] | None = None
    stateful: bool | None = None


class NicRequest(Struct, frozen=True):
    """A network device that a user wants in a new server: a network (with an address, perhaps), or a port."""

    network_id: str = ""
    port_id: str = ""
    fixed_ip: str = ""
    tag: str = ""


class ServerPort(Struct, frozen=True, kw_only=True):
    """A port of a server. `addresses` are pairs of address and IP version; `security_groups` are names.

    `owned`: it was made for the server and goes with it; else it is the user's own.
    """

    port_id: str
    network_id: str
    network_name: str
    mac_address: str
    addresses: list[tuple[str, int]] = []
    security_groups: list[str] = []
    owned: bool = True


def unreachable(network_id: str, clouds: Sequence[str]) -> str:
    """The sentence for users whose port is in another cloud than others of its network."""
    where = "zone" if len(clouds) == 1 else "zones"
    return (
        f"Network {network_id} also has ports in {where} {', '.join(clouds)}: there is no path between zones, so"
        " they cannot be reached from here."
    )


# Verbs: network update {...Neutron body}; subnet update {..., "notes" (what a rebuild must know) with our "id"};
# port update {...}; security_group rename {"name"}, add_rule {fields of Rule, remote_group_id already the child's},
# add_rules {"rules": [as of add_rule]}, delete_rule {"remote_id"}.
