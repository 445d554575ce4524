"""The smallest packet that a network must carry whole, by the version of its subnets: RFC 791, RFC 8200. Pure."""

from __future__ import annotations

from fractus.services.network.dialect.schema.errors import conflict

_LEAST = {4: 68, 6: 1280}


def check_mtu(network_id: str, mtu: int, ip_version: int) -> None:
    """Refuse an MTU that is too small for a subnet of that version; 0 leaves it to the cloud."""
    least = _LEAST[ip_version]
    if mtu and mtu < least:
        raise conflict(
            f"MTU of {network_id} is not valid, subnet requires a minimum of {least}",
            "NetworkMTUSubnetConflict",
        )
