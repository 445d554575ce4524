"""Agents of a simulated Neutron: one that switches on each host; addresses, routes and metadata on the first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fractus.base.clock import iso
from fractus.base.ids import derived_id
from fractus.model.errors import Missing, Refused
from fractus.model.live import LiveCall

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


class Agents:
    """What administrators do with agents, and which networks and routers each serves: those that it was asked to."""

    def __init__(self, agents: dict[str, dict[str, Any]], serves: dict[str, set[str]]) -> None:
        """`agents`: by id; `serves`: the ids of what each serves."""
        self._agents, self._serves = agents, serves

    def answers(self, id: str, call: LiveCall) -> Mapping[str, Callable[[], Any]]:
        """What is answered to a live call about one, or about what they serve, by the name of the call."""
        return {
            "agent_update": lambda: self.update(id, call.body["agent"]),
            "agent_delete": lambda: self.delete(id),
            "agent_served": lambda: self.served(id),
            "agent_bind": lambda: self.bind(id, call.body),
            "agent_unbind": lambda: self.unbind(id, call.path),
            "agents_of": lambda: self.serving(id),
        }

    def of(self, id: str) -> dict[str, Any]:
        """One; `Missing` where there is none."""
        if id not in self._agents:
            raise Missing(f"Agent {id} could not be found.")
        return self._agents[id]

    def update(self, id: str, change: Mapping[str, Any]) -> dict[str, Any]:
        """Change one."""
        self.of(id).update(change)
        return self.of(id)

    def delete(self, id: str) -> None:
        """Forget one."""
        del self._agents[self.of(id)["id"]]

    def served(self, id: str) -> list[dict[str, Any]]:
        """What one serves, by ids alone."""
        self.of(id)
        return [{"id": one} for one in sorted(self._serves.get(id, ()))]

    def bind(self, id: str, body: Mapping[str, Any]) -> None:
        """One serves a network or a router more."""
        ((what, served),) = body.items()
        if served in self._serves.setdefault(id, set()):
            kind, sort = (what.removesuffix("_id"), "DHCP" if what == "network_id" else "L3")
            raise Refused(
                f"The {kind} {served} has been already hosted by the {sort} Agent {id}.", status=409
            )
        self._serves[id].add(served)

    def unbind(self, id: str, path: str) -> None:
        """One serves what stands at the end of the path no longer."""
        served, dhcp = path.rpartition("/")[2], "dhcp-networks" in path
        if served not in self._serves.get(id, ()):
            kind, sort = ("network", "DHCP") if dhcp else ("router", "L3")
            raise Refused(f"The {kind} {served} is not hosted by the {sort} Agent {id}.", status=409)
        self._serves[id].remove(served)

    def serving(self, served: str) -> list[dict[str, Any]]:
        """Those that serve a network or a router."""
        return [self._agents[id] for id, ids in self._serves.items() if served in ids and id in self._agents]
