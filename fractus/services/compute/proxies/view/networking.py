"""Security groups, floating IPs and networks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fractus.services.compute.proxies import ALL_PORTS, ALL_TYPES

Document = Mapping[str, Any]

_FIELDS = "cidr netmask gateway broadcast dns1 dns2 cidr_v6 gateway_v6 netmask_v6".split()
_ADMIN_FIELDS = (
    "created_at updated_at deleted_at deleted injected bridge vlan vpn_public_address vpn_public_port "
    "vpn_private_address dhcp_start project_id host bridge_interface multi_host priority rxtx_base mtu dhcp_server "
    "enable_dhcp share_address"
).split()


def rule(found: Document, names: Mapping[str, Document]) -> dict[str, Any] | None:
    """A rule of a security group; None where the group that it names is gone. `names`: groups by id."""
    low, high, protocol = found["port_range_min"], found["port_range_max"], found["protocol"]
    if protocol and low is None and high is None:
        low, high = ALL_PORTS if str(protocol).upper() in ("TCP", "UDP") else ALL_TYPES
    shown = {
        "id": found["id"],
        "parent_group_id": found["security_group_id"],
        "ip_protocol": protocol,
        "from_port": low,
        "to_port": high,
        "group": {},
        "ip_range": {},
    }
    if found["remote_group_id"]:
        source = names.get(found["remote_group_id"])
        if source is None:
            return None
        shown["group"] = {"name": source["name"], "tenant_id": source["tenant_id"]}
    else:
        shown["ip_range"] = {"cidr": found["remote_ip_prefix"] or "0.0.0.0/0"}
    return shown


def group(found: Document, names: Mapping[str, Document]) -> dict[str, Any]:
    """A security group with its rules for what comes in: Nova knows no others."""
    rules = [rule(one, names) for one in found["security_group_rules"] if one["direction"] == "ingress"]
    return {
        **{name: found[name] for name in ("id", "description", "name", "tenant_id")},
        "rules": [one for one in rules if one is not None],
    }


def floating_ip(found: Document, pools: Mapping[str, str]) -> dict[str, Any]:
    """A floating IP. `pools`: names of networks by id."""
    details = found.get("port_details") or {}
    pool = found["floating_network_id"]
    return {
        "fixed_ip": found["fixed_ip_address"],
        "id": found["id"],
        "instance_id": details.get("device_id"),
        "ip": found["floating_ip_address"],
        "pool": pools.get(pool) or pool,
    }


def network(found: Document, *, admin: bool) -> dict[str, Any]:
    """A network: of thirty fields that there were, two are left."""
    names = [*_FIELDS, *(_ADMIN_FIELDS if admin else ())]
    return {"id": found["id"], "label": found["name"], **dict.fromkeys(names)}


def tenant_network(found: Document) -> dict[str, Any]:
    """The same for tenants."""
    return {"id": found["id"], "cidr": "None", "label": found["name"]}
