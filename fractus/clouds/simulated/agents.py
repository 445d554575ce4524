"""Agents of a simulated Neutron: one that switches on each host; addresses, routes and metadata on the first."""

from __future__ import annotations

from typing import Any

from fractus.base.clock import iso
from fractus.base.ids import derived_id

#: Type, binary, topic, whether it belongs to a zone, and whether each host has one.
_SORTS = (
    ("Open vSwitch agent", "neutron-openvswitch-agent", "N/A", False, True),
    ("DHCP agent", "neutron-dhcp-agent", "dhcp_agent", True, False),
    ("L3 agent", "neutron-l3-agent", "l3_agent", True, False),
    ("Metadata agent", "neutron-metadata-agent", "N/A", False, False),
)


def agents_of(cloud: str, hosts: int) -> dict[str, dict[str, Any]]:
    """By id, as Neutron shows them, but for their times."""
    made = {}
    for type, binary, topic, zoned, everywhere in _SORTS:
        for number in range(1, (hosts if everywhere else min(hosts, 1)) + 1):
            host = f"host-{number}"
            id = derived_id("agent", cloud, type, host)
            made[id] = {
                "id": id,
                "agent_type": type,
                "binary": binary,
                "topic": topic,
                "host": host,
                "admin_state_up": True,
                "alive": True,
                "configurations": {"bridge_mappings": {}, "tunnel_types": ["vxlan"]} if everywhere else {},
                "description": None,
                "availability_zone": "nova" if zoned else None,
                "resources_synced": None,
            }
    return made


#: How often one that is alive says so. Seconds.
_REPORT = 30.0


def shown(agent: dict[str, Any], began: float, now: float) -> dict[str, Any]:
    """One, with its times, which the service prints in UTC and without saying so."""
    reported = began + (now - began) // _REPORT * _REPORT if agent["alive"] else began
    times = {"created_at": began, "started_at": began, "heartbeat_timestamp": reported}
    return {**agent, **{name: iso(at)[:19].replace("T", " ") for name, at in times.items()}}
