"""What a request about ports may say, and which addresses follow from it (neutron.db.ipam_pluggable_backend)."""

from __future__ import annotations

import functools
import ipaddress
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from fractus.addressing.ranges import eui64, number, usable
from fractus.model.errors import ApiError
from fractus.model.resource import Need
from fractus.model.routers import GATEWAY
from fractus.services.network.dialect.schema import values
from fractus.services.network.dialect.schema.errors import (
    conflict,
    invalid,
    invalid_input,
    malformed,
    not_found,
)
from fractus.services.network.dialect.schema.qos import QOS_POLICY, qos_needs

VNIC_TYPES = (
    "normal", "direct", "macvtap", "baremetal", "direct-physical", "virtio-forwarder", "smart-nic", "vdpa",
    "accelerator-direct", "accelerator-direct-physical", "remote-managed",
)  # fmt: skip

NUMA_POLICIES = ("required", "preferred", "socket", "legacy", None)

MOST_PAIRS = 10
"""Neutron's default of `max_allowed_address_pair`."""


def too_many_pairs(_of: str) -> ApiError:
    """More than Neutron takes."""
    return invalid(
        f"The number of allowed address pair exceeds the maximum {MOST_PAIRS}.", "AllowedAddressPairExhausted"
    )


def address_pairs(value: Any) -> str | None:
    """Allowed address pairs: each with an address or a CIDR, and perhaps a MAC."""
    if not isinstance(value, list):
        raise malformed("Allowed address pairs must be a list.")
    seen: list[tuple[Any, Any]] = []
    for pair in value:
        if not isinstance(pair, dict):
            return f"'{pair}' is not a dictionary"
        wrong = values.mac_address(pair["mac_address"]) if "mac_address" in pair else None
        if wrong:
            raise malformed(wrong)
        if "ip_address" not in pair:
            raise invalid("AllowedAddressPair must contain ip_address", "AllowedAddressPairsMissingIP")
        mac, ip = pair.get("mac_address"), pair["ip_address"]
        if (mac, ip) in seen:
            raise invalid(
                f"Request contains duplicate address pair: mac_address {mac} ip_address {ip}.",
                "DuplicateAddressPairInRequest",
            )
        seen.append((mac, ip))
        unknown = sorted(set(pair) - {"mac_address", "ip_address"})
        if unknown:
            raise malformed(f"Unrecognized attribute(s) '{', '.join(unknown)}'")
        wrong = values.subnet(ip) if isinstance(ip, str) and "/" in ip else values.ip_address(ip)
        wrong = wrong or _multicast(ip, mac)
        if wrong:
            raise malformed(wrong)
    return None


_MULTICAST: dict[int, ipaddress.IPv4Network | ipaddress.IPv6Network] = {
    4: ipaddress.ip_network("224.0.0.0/4"),
    6: ipaddress.ip_network("ff00::/8"),
}
#: Taken though there are multicast addresses in it.
_EVERYBODY = ipaddress.ip_network("0.0.0.0/0")


def _multicast(ip: str, mac: str | None) -> str | None:
    """What is wrong where an address or a MAC is that of many."""
    net = ipaddress.ip_interface(ip).network
    many = _MULTICAST[net.version]
    if "/" not in ip and net.is_multicast:
        return f"IP {ip} is a multicast address, which is not supported."
    if "/" in ip and net != _EVERYBODY and net.overlaps(many):
        return f"Subnet {ip} overlaps with multicast range {many}, which is not supported."
    if mac is not None and int(values.canonical_mac(mac)[1], 16) & 1:
        return f"MAC address {mac} is a multicast address, which is not supported."
    return None


_PROFILE_SIZE = 4095
#: Options whose value may be empty.
_BLANK = ("router", "classless-static-route")
_OPTION = {
    "opt_name": (values.one_line(64), True),
    "opt_value": (lambda value: None if value is None else values.one_line(255)(value), True),
    "ip_version": (lambda value: None if str(value) in ("4", "6") else "is no version", False),
}  # fmt: skip
_BLANK_OPTION = {
    **_OPTION,
    "opt_name": (values.one_of(_BLANK), True),
    "opt_value": (values.string_or_none(255), True),
}


def dhcp_options(value: Any) -> str | None:
    """Extra DHCP options. A value of null removes one."""
    if value is None:
        return None
    wrong = values.unique(lambda _one: None)(value)
    if wrong:
        raise invalid_input(wrong)
    for one in value:
        if not values.object_of(_BLANK_OPTION, one) and not values.object_of(_OPTION, one):
            raise invalid_input(f"No valid key specs matched for: {one}")
    return None


def profile(value: Any) -> str | None:
    """An object, or null."""
    return None if value is None or isinstance(value, dict) else f"'{value}' is not a dictionary"


def to_host(value: Any) -> Any:
    """The name of a host; null is none."""
    return "" if value is None else value


def check_profile(value: Mapping[str, Any]) -> None:
    """Refuse what Neutron's column does not hold."""
    if len(json.dumps(value)) > _PROFILE_SIZE:
        raise invalid_input("binding:profile value too large")


def holder(port_id: str) -> str:
    """Who holds a port's addresses and its MAC."""
    return f"port/{port_id}"


def port_of(holder: str) -> str:
    """The id of the port that is such a holder, or nothing: others hold addresses, too."""
    kind, _, id = holder.partition("/")
    return id if kind == "port" else ""


def trusted(device_owner: str) -> bool:
    """Neutron's own ports have neither security groups nor port security."""
    return device_owner.startswith("network:")


def options(
    old: Sequence[Mapping[str, Any]], asked: Iterable[Mapping[str, Any]] | None
) -> list[dict[str, Any]]:
    """Extra DHCP options after a request: named ones are replaced, or removed by a value of null."""
    found = {(one["opt_name"], one["ip_version"]): dict(one) for one in old}
    for one in asked or []:
        key = (one["opt_name"], int(one.get("ip_version", 4)))
        value = one["opt_value"]
        if value is None or (not value and one["opt_name"] not in _BLANK):
            found.pop(key, None)
        else:
            found[key] = {"opt_name": key[0], "opt_value": value, "ip_version": key[1]}
    return list(found.values())


def pairs(asked: Iterable[Mapping[str, str]], mac: str) -> list[dict[str, str]]:
    """Allowed address pairs with the port's own MAC where none is named."""
    return [
        {"mac_address": values.canonical_mac(one.get("mac_address", mac)), "ip_address": one["ip_address"]}
        for one in asked
    ]


# --- addresses -----------------------------------------------------------------------------------


class SubnetFacts(Struct, frozen=True):
    """What a port must know of a subnet. `auto`: machines there give themselves addresses."""

    id: str
    version: int
    cidr: str
    auto: bool
    serves_dhcp: bool = False
    types: str = ""
    """The device owners whose ports alone may have an address of it, each between bars; empty: all may."""


class Pick(Struct, frozen=True):
    """One address to be: this `ip`, or the next one of the first of `subnets` that has one."""

    subnets: list[SubnetFacts]
    ip: str = ""


#: Parsed once: a port with many addresses on a network with many subnets asks for each of them again and again.
_network = functools.lru_cache(1024)(ipaddress.ip_network)


def fits(subnet: SubnetFacts, ip: str, device_owner: str) -> bool:
    """Whether a port of `device_owner` may have the address there."""
    net = _network(subnet.cidr)
    address = ipaddress.ip_address(ip)
    if address.version != net.version or address not in net:
        return False
    if net.version == 6:
        return device_owner in ("", *_ROUTERS, GATEWAY) or address != net.network_address
    whole = usable(net)
    return whole.first <= number(ip) <= whole.last


def serves(subnet: SubnetFacts, device_owner: str) -> bool:
    """Whether a port with this owner may have an address of it (neutron.objects.subnet.SubnetServiceType)."""
    types = subnet.types
    is_dhcp = device_owner == "network:dhcp" and subnet.serves_dhcp
    return not types or f"|{device_owner}|" in types or is_dhcp


def serving(
    subnets: list[SubnetFacts], device_owner: str, network_id: str, asked: Iterable[Mapping[str, str]]
) -> list[SubnetFacts]:
    """The subnets of which a port with this owner may have an address, those for such ports alone first; an error where
    there is none on its network, or another one is `asked` for (neutron.db.ipam_backend_mixin).
    """
    if not any(one.types for one in subnets):
        return subnets
    fit = [one for one in subnets if serves(one, device_owner)]
    if not fit:
        raise conflict(
            f"No valid service subnet for the given device owner, network {network_id}, service type {device_owner}.",
            "IpAddressGenerationFailureNoMatchingSubnet",
        )
    apart = {one.id for one in subnets if one not in fit}
    for one in asked:
        if one.get("subnet_id") in apart:
            raise invalid_input(
                f"Failed to create port on network {network_id}, because fixed_ips included invalid subnet"
                f" {one['subnet_id']}"
            )
    return sorted(fit, key=lambda one: not one.types)


def picks(
    asked: Sequence[Mapping[str, str]] | None,
    subnets: Sequence[SubnetFacts],
    *,
    mac: str,
    device_owner: str,
    skip: Iterable[str] = (),
) -> list[Pick]:
    """The addresses of a port: those asked for (None: one of each IP version), and its own in every `auto` subnet.

    `skip`: ids of `auto` subnets where it has, or must not have, its own already. Named ones come first, so that none
    of the others is given one of them.
    """
    if asked is None:
        chosen = [
            Pick(some)
            for version in (4, 6)
            if (some := [one for one in subnets if one.version == version and not one.auto])
        ]
    else:
        chosen = [pick for one in asked if (pick := _pick(one, subnets, mac, device_owner)) is not None]
    chosen.sort(key=lambda pick: not pick.ip)
    passed = set(skip)
    if device_owner not in _ROUTERS:
        own = [one for one in subnets if one.auto and one.id not in passed]
        named = {pick.ip for pick in chosen}
        chosen += [Pick([one], ip) for one in own if (ip := eui64(one.cidr, mac)) not in named]
    return chosen


#: Ports of routers choose their addresses everywhere.
_ROUTERS = (
    "network:router_interface", "network:ha_router_replicated_interface",
    "network:router_interface_distributed", "network:router_centralized_snat",
)  # fmt: skip


def self_addressed(subnets: Iterable[SubnetFacts], device_owner: str) -> list[str]:
    """The subnets in which a port with this owner gives itself its address."""
    return [] if device_owner in _ROUTERS else [one.id for one in subnets if one.auto]


def _pick(
    asked: Mapping[str, str],
    subnets: Sequence[SubnetFacts],
    mac: str,
    device_owner: str,
) -> Pick | None:
    subnet = _subnet_for(asked, subnets, device_owner)
    ip = asked.get("ip_address", "")
    if not ip:
        own = subnet.auto and device_owner not in _ROUTERS
        return None if own else Pick([subnet])
    ip = str(ipaddress.ip_address(ip))
    if subnet.auto and device_owner not in _ROUTERS and ip != eui64(subnet.cidr, mac):
        raise invalid(
            f"IPv6 address {ip} cannot be directly assigned to a port on subnet {subnet.id} as the subnet is "
            "configured for automatic addresses",
            "AllocationOnAutoAddressSubnet",
        )
    return Pick([subnet], ip)


def _subnet_for(asked: Mapping[str, str], subnets: Sequence[SubnetFacts], device_owner: str) -> SubnetFacts:
    if not subnets:
        raise invalid_input("IP allocation requires subnets for network")
    ip = asked.get("ip_address", "")
    if "subnet_id" in asked:
        found = next((one for one in subnets if one.id == asked["subnet_id"]), None)
        if found is None:
            raise not_found("subnet", asked["subnet_id"])
        if ip and not fits(found, ip, device_owner):
            raise invalid(
                f"IP address {ip} is not a valid IP for the specified subnet.", "InvalidIpForSubnet"
            )
        return found
    if not ip:
        raise invalid_input("IP allocation requires subnet_id or ip_address")
    for one in subnets:
        if fits(one, ip, device_owner):
            return one
    raise invalid(
        f"IP address {ip} is not a valid IP for any of the subnets on the specified network.",
        "InvalidIpForNetwork",
    )


def taken(ip: str, subnet_id: str) -> ApiError:
    """Somebody has the address."""
    return conflict(f"IP address {ip} already allocated in subnet {subnet_id}", "IpAddressAlreadyAllocated")


def exhausted(network_id: str) -> ApiError:
    """Nobody can have an address there."""
    return conflict(f"No more IP addresses available on network {network_id}.", "IpAddressGenerationFailure")


# --- changes of addresses ------------------------------------------------------------------------


class Change(Struct, frozen=True):
    """What becomes of a port's addresses: kept ones, new ones that are asked for, and those to be given back."""

    keep: list[dict[str, str]]
    add: list[Mapping[str, str]]
    drop: list[dict[str, str]]


def change(old: Sequence[dict[str, str]], asked: Sequence[Mapping[str, str]], auto: Iterable[str]) -> Change:
    """Compare what a port has with what it shall have (`_get_changed_ips_for_port` of Neutron).

    An address that is named is kept where it is there; a subnet that is named keeps an address that is there; what
    a machine gave itself in an `auto` subnet stays in any case.
    """
    keep, add = [], []
    by_ip, by_subnet = _places(old, "ip_address"), _places(old, "subnet_id")
    gone: set[int] = set()

    def taken(places: list[int]) -> bool:
        while places:
            place = places.pop()
            if place not in gone:
                gone.add(place)
                keep.append(old[place])
                return True
        return False

    for one in asked:
        if "ip_address" in one and not taken(by_ip.get(one["ip_address"], [])):
            add.append(one)
    for one in asked:
        if "ip_address" not in one and not taken(by_subnet.get(one.get("subnet_id"), [])):
            add.append(one)
    left = [has for place, has in enumerate(old) if place not in gone]
    own = set(auto)
    return Change(
        keep=[*keep, *(has for has in left if has["subnet_id"] in own)],
        add=add,
        drop=[has for has in left if has["subnet_id"] not in own],
    )


def _places(old: Sequence[dict[str, str]], name: str) -> dict[str | None, list[int]]:
    """Where each value of `name` stands, the first place last."""
    found: dict[str | None, list[int]] = {}
    for place in range(len(old) - 1, -1, -1):
        found.setdefault(old[place][name], []).append(place)
    return found


NEEDS_FROM = frozenset({"fixed_ips", "security_groups", QOS_POLICY.key})
"""What a change of a port may say of what its needs follow from: its network stays."""


def needs_of(desired: Mapping[str, Any]) -> list[Need]:
    """What must be in a cloud before the port can be there."""
    subnets = {one["subnet_id"] for one in desired["fixed_ips"]}
    return [
        Need("network", desired["network_id"]),
        *(Need("subnet", id) for id in sorted(subnets)),
        *(Need("security_group", id) for id in desired["security_groups"]),
        *qos_needs(desired),
    ]
