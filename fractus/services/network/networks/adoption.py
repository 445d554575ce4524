"""A network of a cloud becomes one of ours, by the id that it has there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fractus.model.network import NetworkSeen
from fractus.model.resource import Presence, Resource
from fractus.reconcile.taking import Clash, Here, Join, Take, Verdict, stamp, unmapped
from fractus.store.transaction import Transaction


class NetworkAdoption:
    """Taking over networks."""

    after: tuple[str, ...] = ()

    def rank(self, seen: NetworkSeen) -> int:
        """No order among them."""
        return 0

    def needed(self, seen: NetworkSeen, listed: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, str]]:
        """Its subnets: half a network is none."""
        every = listed.get("subnet", {}).values()
        return [("subnet", one.remote_id) for one in every if one.network_id == seen.remote_id]

    def rests_here(self, resource: Resource, presence: Presence) -> bool:
        """No: what is on it, or behind it, is in the cloud."""
        return False

    async def judge(self, tx: Transaction, seen: NetworkSeen, here: Here) -> Verdict:
        """What everybody may use there belongs to nobody here where its project is nobody's: it is needed all the same.

        The MTU is left to the cloud: what it is there shows, and elsewhere it may have to be less.
        """
        project_id = here.project(seen.project_id)
        if project_id is None and not (seen.shared or seen.external):
            return unmapped()
        id = seen.marker or seen.remote_id
        known = await here.resource(tx, "network", id)
        if known is not None:
            if seen.marker and known.project_id == (project_id or ""):
                return Join(id)
            return Clash(f"there is another network {id} ({known.name}) here")
        desired = {
            "name": seen.name,
            "description": seen.description or "",
            "admin_state_up": seen.admin_state_up is not False,
            "shared": bool(seen.shared),
            "mtu": 0,
            "port_security_enabled": seen.port_security_enabled is not False,
            "availability_zone_hints": [],
            "tags": list(seen.tags),
            "router:external": bool(seen.external),
            "subnets": [],
        }
        resource = Resource(
            kind="network",
            id=id,
            project_id=project_id or "",
            name=seen.name,
            desired=desired,
            created_at=stamp(seen.created_at),
            # Of what it is made there (a provider's segment, the way out) no other cloud can be given a copy.
            choice={"only": [here.cloud]} if seen.external else {},
        )
        return Take(resource)
