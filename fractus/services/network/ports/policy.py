"""Policy rules of ports (neutron.conf.policies.port), for the attributes that fractus knows."""

from __future__ import annotations

from fractus.auth.base_rules import (
    NEUTRON_ADMIN_OR_MEMBER,
    NEUTRON_ADMIN_OR_NET_OWNER_MEMBER,
    NEUTRON_ADMIN_OR_NET_OWNER_READER,
    NEUTRON_ADMIN_OR_SERVICE,
)
from fractus.auth.policy import RuleDefault

_MEMBER = "role:member and project_id:%(project_id)s"
_READER = "role:reader and project_id:%(project_id)s"
_OWNER = "role:member and rule:network_owner"
_NET = f"{NEUTRON_ADMIN_OR_SERVICE} or {_OWNER}"
_NET_OR_SHARED = f"{_NET} or rule:shared"
_ANY_DEVICE = f"not rule:network_device or {_NET}"
_PAIRS = f"{NEUTRON_ADMIN_OR_NET_OWNER_MEMBER} or rule:service_api"
_OWN = f"{NEUTRON_ADMIN_OR_MEMBER} or rule:service_api"
_DELETE = (
    f"{NEUTRON_ADMIN_OR_SERVICE} or (service_roles:service and ({_OWNER} or {_MEMBER}))"
    " or (not rule:compute_device and not rule:baremetal_device and not rule:manila_device"
    f" and ({_OWNER} or {_MEMBER}))"
)

#: Attribute -> check at a create, check at an update.
_ATTRIBUTES = {
    "device_id": (_OWN, _OWN),
    "device_owner": (_ANY_DEVICE, _ANY_DEVICE),
    "mac_address": (_NET, f"{NEUTRON_ADMIN_OR_SERVICE} or role:manager and rule:network_owner"),
    "fixed_ips": (_NET_OR_SHARED, _NET),
    "fixed_ips:ip_address": (_NET, _NET),
    "fixed_ips:subnet_id": (_NET_OR_SHARED, _NET_OR_SHARED),
    "port_security_enabled": (_NET, _NET),
    "binding:host_id": (NEUTRON_ADMIN_OR_SERVICE, NEUTRON_ADMIN_OR_SERVICE),
    "binding:profile": ("rule:service_api", "rule:service_api"),
    "binding:vnic_type": (_OWN, f"{NEUTRON_ADMIN_OR_SERVICE} or {_MEMBER}"),
    "allowed_address_pairs": (_PAIRS, _PAIRS),
    "allowed_address_pairs:mac_address": (_PAIRS, _PAIRS),
    "allowed_address_pairs:ip_address": (_PAIRS, _PAIRS),
}

RULES: list[RuleDefault] = [
    RuleDefault("network_device", "field:port:device_owner=~^network:", "A port of Neutron's own."),
    RuleDefault("compute_device", "field:port:device_owner=~^compute:", "A port of a server."),
    RuleDefault("baremetal_device", "field:port:device_owner=~^baremetal:", "A port of a machine."),
    RuleDefault("manila_device", "field:port:device_owner=~^manila:", "A port of a file share."),
    RuleDefault("create_port", _NET_OR_SHARED, "Create a port."),
    RuleDefault(
        "get_port",
        f"{NEUTRON_ADMIN_OR_SERVICE} or role:reader and rule:network_owner or {_READER}",
        "See a port.",
    ),
    *(
        RuleDefault(f"get_port:{name}", NEUTRON_ADMIN_OR_SERVICE, f"See `{name}` of a port.")
        for name in ("binding:vif_type", "binding:vif_details", "binding:host_id", "binding:profile")
    ),
    RuleDefault("update_port", f"{NEUTRON_ADMIN_OR_SERVICE} or {_MEMBER}", "Change a port."),
    RuleDefault("delete_port", _DELETE, "Delete a port."),
    *(
        RuleDefault(f"{verb}_port:{name}", checks[index], f"Give `{name}` of a port.")
        for index, verb in enumerate(("create", "update"))
        for name, checks in _ATTRIBUTES.items()
    ),
    RuleDefault("get_port_binding", NEUTRON_ADMIN_OR_SERVICE, "See how a port is bound."),
    RuleDefault("create_port_binding", "rule:service_api", "Bind a port to a host."),
    RuleDefault("update_port_binding", NEUTRON_ADMIN_OR_SERVICE, "Change how a port is bound."),
    RuleDefault("delete_port_binding", "rule:service_api", "Delete a binding of a port."),
    RuleDefault("activate", "rule:service_api", "Activate a binding of a port."),
    *(
        RuleDefault(
            f"{verb}_port:tags",
            f"{NEUTRON_ADMIN_OR_MEMBER} or rule:context_is_advsvc",
            "Change the tags of a port.",
        )
        for verb in ("create", "update")
    ),
    RuleDefault(
        "get_port:tags",
        f"rule:context_is_advsvc or {NEUTRON_ADMIN_OR_NET_OWNER_READER} or {_READER}",
        "See the tags of a port.",
    ),
    RuleDefault(
        "delete_port:tags",
        f"rule:context_is_advsvc or {_MEMBER} or {NEUTRON_ADMIN_OR_NET_OWNER_MEMBER}",
        "Remove tags from a port.",
    ),
]
