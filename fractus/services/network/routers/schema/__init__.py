"""What requests about routers say, and what Neutron says of it (neutron.db.l3_db, extraroute_db). Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from fractus.base.ids import is_uuid
from fractus.model.errors import ApiError
from fractus.services.network.dialect.schema import values
from fractus.services.network.dialect.schema.attributes import MOST, stated
from fractus.services.network.dialect.schema.errors import bad_request, invalid, malformed

_GATEWAY_KEYS = ("network_id", "external_fixed_ips", "enable_snat")


class Net(Struct, frozen=True):
    """A subnet that a router is connected to, or shall be: `address` is the router's own there, where it has one."""

    id: str
    cidr: str
    address: str = ""


def gateway(value: Any) -> str | None:
    """Nothing, or an object with the network that leads outside."""
    if not value:
        return None
    if not isinstance(value, dict):
        return f"'{value}' is not a dictionary"
    if "network_id" not in value:
        got = "{" + ", ".join(f"'{key}'" for key in value) + "}"
        return f"Validation of dictionary's keys failed. Expected keys: {{'network_id'}} Provided keys: {got}"
    unknown = [key for key in value if key not in _GATEWAY_KEYS]
    if unknown:
        return f"Unexpected keys supplied: {', '.join(unknown)}"
    wrong = values.uuid(value["network_id"])
    ips = value.get("external_fixed_ips", [])
    if isinstance(ips, list) and len(ips) > MOST:
        return f"more than {MOST} items are not allowed"
    return wrong or values.fixed_ips(ips)


def to_gateway(value: Any) -> Any:
    """With `enable_snat` as a boolean; None for all that says nothing."""
    if isinstance(value, dict) and "enable_snat" in value:
        return {**value, "enable_snat": values.to_boolean(value["enable_snat"])}
    return value or None


def to_boolean_or_none(value: Any) -> bool | None:
    """As Neutron converts it; null stays."""
    return None if value is None else values.to_boolean(value)


# --- interfaces ----------------------------------------------------------------------------------


def interface_info(body: Any, *, removal: bool = False) -> tuple[str, str]:
    """The port and the subnet that a body names, either of them empty. Neutron answers 500 to what is no object."""
    given = body if isinstance(body, dict) else {}
    named = [key for key in ("port_id", "subnet_id") if key in given]
    if not named:
        raise refused("Either subnet_id or port_id must be specified")
    for key in named:
        wrong = values.uuid(given[key])
        if wrong or not is_uuid(given[key]):
            raise refused(wrong or "")
    if len(named) > 1 and not removal:
        raise refused("Cannot specify both subnet-id and port-id")
    return given.get("port_id", ""), given.get("subnet_id", "")


def refused(sentence: str) -> ApiError:
    """`Bad router request: ...`."""
    return bad_request("router", sentence)


def check_mode(subnet: Mapping[str, Any], id: str) -> None:
    """A subnet whose machines hear another router cannot have ours."""
    if (
        subnet["ip_version"] == 6
        and subnet["ipv6_ra_mode"] is None
        and subnet["ipv6_address_mode"] is not None
    ):
        raise refused(
            f"IPv6 subnet {id} configured to receive RAs from an external router cannot be added to Neutron Router."
        )


def check_apart(there: Sequence[Net], new: Iterable[Net]) -> None:
    """No subnet twice, and none that overlaps another of the router."""
    wanted = list(new)
    ids = {one.id for one in wanted}
    for one in there:
        if one.id in ids and one.address:
            raise refused(f"Router already has a port on subnet {one.id}")
    for one in there:
        for other in wanted:
            if _overlap(one.cidr, other.cidr):
                raise refused(
                    f"Cidr {other.cidr} of subnet {other.id} overlaps with cidr {one.cidr} of subnet {one.id}"
                )


def _overlap(one: str, other: str) -> bool:
    first, second = ipaddress.ip_network(one), ipaddress.ip_network(other)
    return first.version == second.version and first.overlaps(second)


# --- routes --------------------------------------------------------------------------------------


def routes_of(body: Any) -> list[dict[str, str]]:
    """The routes in the body of add_extraroutes or remove_extraroutes. Neutron answers 500 where they are no list of
    complete routes.
    """
    router = body.get("router") if isinstance(body, dict) else None
    given = router.get("routes") if isinstance(router, dict) else None
    wrong = values.host_routes(given)
    if wrong:
        raise malformed(f"Invalid input for routes. Reason: {wrong}.")
    return list(given or ())


_BOUND = stated("routes")


def with_routes(old: Sequence[dict[str, str]], more: Sequence[dict[str, str]]) -> list[dict[str, str]]:
    """Those and these, each once."""
    found = [*old, *(one for one in more if one not in old)]
    if len(found) > _BOUND.most:
        raise _BOUND.error("router")
    return found


def check_routes(routes: Sequence[Mapping[str, str]], nets: Sequence[Net]) -> None:
    """Every next hop is on something that the router is connected to, and is not the router."""
    own = {one.address for one in nets}
    for route in routes:
        hop = route["nexthop"]
        if not any(within(hop, one.cidr) for one in nets):
            raise _bad_routes(routes, "the nexthop is not connected with router")
        if hop in own:
            raise _bad_routes(routes, "the nexthop is used by router")


def _bad_routes(routes: Sequence[Mapping[str, str]], reason: str) -> ApiError:
    return invalid(f"Invalid format for routes: {list(routes)}, {reason}", "InvalidRoutes")


def within(address: str, cidr: str) -> bool:
    """Whether a subnet has an address."""
    ip, net = ipaddress.ip_address(address), ipaddress.ip_network(cidr)
    return ip.version == net.version and ip in net


def in_pools(address: str, pools: Iterable[Mapping[str, str]]) -> bool:
    """Whether an address is in one of these ranges."""
    ip = int(ipaddress.ip_address(address))
    return any(
        int(ipaddress.ip_address(pool["start"])) <= ip <= int(ipaddress.ip_address(pool["end"]))
        for pool in pools
    )


def outside(ip: str, *, named: bool) -> ApiError:
    """An address that is in no subnet of its network, or not in the one that is named."""
    if named:
        return invalid(f"IP address {ip} is not a valid IP for the specified subnet.", "InvalidIpForSubnet")
    return invalid(
        f"IP address {ip} is not a valid IP for any of the subnets on the specified network.",
        "InvalidIpForNetwork",
    )
