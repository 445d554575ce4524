"""Which ranges and lengths of a subnet pool go together, and what it gives (neutron.ipam.subnet_alloc). Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fractus.addressing.prefixes import Net, cut, nets
from fractus.model.errors import Invalid
from fractus.services.network.dialect.schema import values
from fractus.services.network.dialect.schema.attributes import stated
from fractus.services.network.dialect.schema.errors import conflict, invalid, malformed

LENGTHS = ("default_prefixlen", "min_prefixlen", "max_prefixlen")
BOUND = stated("prefixes")
#: IP version -> the least and the most length of a prefix, and that of the prefixes that a pool's quota counts.
_FAMILIES = {4: (8, 32, 32), 6: (64, 128, 64)}


def complete(desired: Mapping[str, Any]) -> dict[str, Any]:
    """What follows from the ranges and the lengths of a pool; `Invalid` where they do not go together."""
    prefixes = desired["prefixes"]
    versions = {ipaddress.ip_interface(one).version for one in prefixes}
    if not versions:
        raise invalid("Empty subnet pool prefix list.", "EmptySubnetPoolPrefixList")
    version = versions.pop()
    # A pool that has no ranges left keeps its family.
    if versions or desired.get("ip_version", version) != version:
        raise invalid("Cannot mix IPv4 and IPv6 prefixes in a subnet pool.", "PrefixVersionMismatch")
    first, last, _ = _FAMILIES[version]
    least, most = desired.get("min_prefixlen", first), desired.get("max_prefixlen", last)
    usual = desired.get("default_prefixlen", least)
    for wrong, bounds in (
        (least > most, f"min_prefixlen={least}, max_prefixlen={most}"),
        (most > last, f"max_prefixlen={most}, ip_version_max={last}"),
        (usual < least, f"default_prefixlen={usual}, min_prefixlen={least}"),
        (usual > most, f"default_prefixlen={usual}, max_prefixlen={most}"),
    ):
        if wrong:
            raise invalid(f"Illegal prefix bounds: {bounds}.", "IllegalSubnetPoolPrefixBounds")
    lengths = dict(zip(LENGTHS, (usual, least, most), strict=True))
    return {"ip_version": version, "prefixes": [str(one) for one in nets(prefixes)], **lengths}


def pick(
    pool: Mapping[str, Any], taken: Sequence[Net], own: Iterable[Net], length: int, asked: Net | None
) -> Net:
    """The network that a pool gives. `taken`: what it has given; `own`: what of that its project has, whose quota is in
    addresses, or prefixes of /64.
    """
    for wrong, type, bound in (
        (length > pool["max_prefixlen"], "max", pool["max_prefixlen"]),
        (length < pool["min_prefixlen"], "min", pool["min_prefixlen"]),
    ):
        if wrong:
            raise invalid(
                f"Unable to allocate subnet with prefix length {length}, {type}imum allowed prefix is {bound}.",
                f"{type.capitalize()}PrefixSubnetAllocationError",
            )
    unit = _FAMILIES[pool["ip_version"]][2]
    used = sum(2.0 ** (unit - one) for one in (length, *(net.prefixlen for net in own)))
    if pool["default_quota"] and used > pool["default_quota"]:
        raise conflict("Per-project subnet pool prefix quota exceeded.", "SubnetPoolQuotaExceeded")
    found = cut(nets(pool["prefixes"]), taken, length, asked)
    if found is None:
        why = f"Insufficient prefix space to allocate subnet size /{length}"
        if asked is not None:
            why = "Cannot allocate requested subnet from the available set of prefixes"
        # Neutron calls it a fault of its own (500), which it is not.
        raise conflict(f"Failed to allocate subnet: {why}.", "SubnetAllocationError")
    return found


def prefixes_refused(reason: str) -> Invalid:
    """The ranges of a pool may not be changed so."""
    return invalid(f"Illegal update to prefixes: {reason}.", "IllegalSubnetPoolPrefixUpdate")


def prefixes_of(body: Any) -> list[str]:
    """The ranges in the body of add_prefixes and remove_prefixes."""
    given = body.get("prefixes") if isinstance(body, dict) else None
    if not given or not isinstance(given, list):
        raise malformed("Request body contains invalid data")
    BOUND.check(given, "subnet pool")
    wrong = next((why for one in given if (why := values.subnet(one))), None)
    if wrong:
        raise malformed(f"Invalid input for prefixes. Reason: {wrong}.")
    return given
