"""Which ranges and lengths of a subnet pool go together (neutron.ipam.subnet_alloc). Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any

from fractus.addressing.prefixes import nets
from fractus.model.errors import Invalid
from fractus.services.network.dialect.schema.attributes import stated
from fractus.services.network.dialect.schema.errors import invalid

LENGTHS = ("default_prefixlen", "min_prefixlen", "max_prefixlen")
BOUND = stated("prefixes")
#: IP version -> the least and the most length of a prefix.
_FAMILIES = {4: (8, 32), 6: (64, 128)}


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
    first, last = _FAMILIES[version]
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
    prefixes = [str(one) for one in nets(prefixes)]
    BOUND.check(prefixes, "subnet pool")
    return {"ip_version": version, "prefixes": prefixes, **lengths}


def prefixes_refused(reason: str) -> Invalid:
    """The ranges of a pool may not be changed so."""
    return invalid(f"Illegal update to prefixes: {reason}.", "IllegalSubnetPoolPrefixUpdate")
