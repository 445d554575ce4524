"""Policy rules of networks (neutron.conf.policies.network)."""

from __future__ import annotations

from fractus.auth.base_rules import NEUTRON_ADMIN, NEUTRON_ADMIN_OR_MEMBER, NEUTRON_ADMIN_OR_READER
from fractus.auth.policy import RuleDefault

_VISIBLE = "rule:shared or rule:external or rule:context_is_advsvc"
_ADMIN_ONLY = (
    "shared", "router:external", "segments",
    "provider:network_type", "provider:physical_network", "provider:segmentation_id",
)  # fmt: skip

RULES: list[RuleDefault] = [
    RuleDefault("external", "field:networks:router:external=True", "The network leads outside."),
    RuleDefault("create_network", NEUTRON_ADMIN_OR_MEMBER, "Create a network."),
    RuleDefault(
        "get_network", f"{NEUTRON_ADMIN_OR_READER} or rule:service_api or {_VISIBLE}", "See a network."
    ),
    RuleDefault("update_network", NEUTRON_ADMIN_OR_MEMBER, "Change a network."),
    RuleDefault("delete_network", NEUTRON_ADMIN_OR_MEMBER, "Delete a network."),
    *(
        RuleDefault(f"{verb}_network:{name}", NEUTRON_ADMIN, f"Give `{name}` of a network.")
        for verb in ("create", "update")
        for name in _ADMIN_ONLY
    ),
    *(
        RuleDefault(
            f"{verb}_network:port_security_enabled",
            NEUTRON_ADMIN_OR_MEMBER,
            "Give `port_security_enabled` of a network.",
        )
        for verb in ("create", "update")
    ),
    RuleDefault("create_network:tags", NEUTRON_ADMIN_OR_MEMBER, "Add tags to a network."),
    RuleDefault("get_network:tags", f"{NEUTRON_ADMIN_OR_READER} or {_VISIBLE}", "See the tags of a network."),
    RuleDefault("update_network:tags", NEUTRON_ADMIN_OR_MEMBER, "Change the tags of a network."),
    RuleDefault("delete_network:tags", NEUTRON_ADMIN_OR_MEMBER, "Remove tags from a network."),
]
