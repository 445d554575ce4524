"""Policy rules of agents and of what they serve (neutron.conf.policies.agent)."""

from __future__ import annotations

from fractus.auth.base_rules import NEUTRON_ADMIN
from fractus.auth.policy import RuleDefault

_SUMMARIES = {
    "get_agent": "List agents.",
    "update_agent": "Change an agent.",
    "delete_agent": "Delete an agent.",
    "get_dhcp-networks": "List the networks of a DHCP agent.",
    "create_dhcp-network": "Add a network to a DHCP agent.",
    "delete_dhcp-network": "Remove a network from a DHCP agent.",
    "get_l3-routers": "List the routers of an L3 agent.",
    "create_l3-router": "Add a router to an L3 agent.",
    "update_l3-router": "Change the priority of a router on an L3 agent.",
    "delete_l3-router": "Remove a router from an L3 agent.",
    "get_dhcp-agents": "List the DHCP agents of a network.",
    "get_l3-agents": "List the L3 agents of a router.",
}

RULES: list[RuleDefault] = [RuleDefault(name, NEUTRON_ADMIN, text) for name, text in _SUMMARIES.items()]
