"""A server of a cloud becomes one of ours, by the id that it has there, and goes on running as if nothing had happened.

It needs nothing any more of what it was built from; what of that is ours too is named, so that it shows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fractus.model.network import FLOATING, ServerPort
from fractus.model.resource import Need, Presence, Resource
from fractus.model.servers import ServerObserved
from fractus.reconcile.adopt.adoption import (
    Adopt,
    AdoptionContext,
    Conflict,
    Ignore,
    Verdict,
    stamp,
    unmapped,
)
from fractus.services.compute.servers.view import addresses_of, hostname_of, shown_properties
from fractus.store.transaction import Transaction

_SIZES = ("vcpus", "ram", "disk", "ephemeral", "swap")


class ServerAdoption:
    """Taking over servers."""

    after: tuple[str, ...] = ("flavor", "keypair", "image", "port", "floatingip")

    def rank(self, observed: ServerObserved) -> int:
        """No order among them."""
        return 0

    def needed(
        self, observed: ServerObserved, listed: Mapping[str, Mapping[str, Any]]
    ) -> list[tuple[str, str]]:
        """Its ports, and what it was built from."""
        flavor = _flavor_id(observed, listed.get("flavor", {}))
        key = observed.key_name
        keys = [("keypair", id) for id in (key, f"{observed.user_id}/{key}") if key]
        return [
            *(("port", port.remote_id) for port in _ports(observed, listed.get("port", {}))),
            *([("image", observed.image_id)] if observed.image_id else []),
            *([("flavor", flavor)] if flavor else []),
            *(("volume", one["id"]) for one in observed.volumes),
            *(("volume_attachment", f"{observed.remote_id}/{one['id']}") for one in observed.volumes),
            *keys,
        ]

    def rests_here(self, resource: Resource, presence: Presence) -> bool:
        """A server is where it runs."""
        return False

    async def judge(self, tx: Transaction, observed: ServerObserved, context: AdoptionContext) -> Verdict:
        """All its ports must be ours: a server that shows half its addresses is worse than one that is not there."""
        if observed.gone:
            return Ignore("it is deleted there")
        project_id = context.project(observed.project_id)
        if project_id is None:
            return unmapped()
        if observed.status == "BUILD":
            return Ignore("it is being built: try again when it runs")
        id = observed.marker or observed.remote_id
        known = await context.resource(tx, "server", id)
        if known is not None:
            return Conflict(f"there is another server {id} ({known.name}) here")
        ports = []
        for port in _ports(observed, context.listed("port")):
            ours = await context.taken(tx, "port", port.remote_id)
            if ours is None:
                return Conflict(f"its port {port.remote_id} is not taken over")
            ports.append(ours)
        flavor_id = _flavor_id(observed, context.listed("flavor"))
        flavor = await context.taken(tx, "flavor", flavor_id) if flavor_id else None
        image = await context.taken(tx, "image", observed.image_id) if observed.image_id else None
        key_name, keypair = await self._key(tx, observed, context)
        desired = {
            **self._as_built(observed, flavor, image),
            "key_name": key_name,
            "keypair_id": keypair.id if keypair is not None else "",
            "name": observed.name,
            "metadata": dict(observed.metadata),
            "description": observed.description or None,
            "tags": list(observed.tags),
            "ports": [port.id for port in ports],
            "port_tags": [],
            "addresses": await self._addresses(tx, ports, context),
            "security_groups": await self._groups(tx, ports, context),
            "actions": [],
            # It is taken as it is: stopped is not drift.
            "power_adopted": {"state": observed.vm_state, "after": 0},
        }
        made = stamp(observed.created_at)
        resource = Resource(
            kind="server",
            id=id,
            project_id=project_id,
            user_id=str(observed.notes.get("user_id", ""))
            or (context.user(observed.user_id) if not observed.marker else ""),
            name=observed.name,
            desired=desired,
            created_at=made,
            choice={"cloud": context.cloud, "why": "it was there already", "chosen_at": made},
        )
        needs = [Need(one.kind, one.id) for one in (flavor, image, keypair) if one is not None]
        needs += [Need("port", port.id, exclusive=not port.desired["nova_knows"]) for port in ports]
        # What it has there counts as sent: a first request for another name must not pass for what is there.
        sent = {
            "name": observed.name,
            "description": observed.description or "",
            "metadata": dict(observed.metadata),
        }
        return Adopt(resource, needs, {"ran": True, "done": 0, "sent": 0, **sent})

    @staticmethod
    def _as_built(
        observed: ServerObserved, flavor: Resource | None, image: Resource | None
    ) -> dict[str, Any]:
        """What it was built with, as far as the cloud still tells it."""
        flavored = observed.flavor or (flavor.desired if flavor is not None else {})
        name = observed.flavor.get("original_name") or (
            flavor.name if flavor is not None else observed.flavor_id
        )
        return {
            "flavor": {
                "id": flavor.desired.get("flavorid", flavor.id) if flavor is not None else observed.flavor_id,
                **{size: int(flavored.get(size) or 0) for size in _SIZES},
                "original_name": flavor.name if flavor is not None else name,
                "extra_specs": dict(flavored.get("extra_specs") or {}),
            },
            "flavor_need": flavor.id if flavor is not None else "",
            "image_id": image.id if image is not None else observed.image_id,
            "volume_rooted": not observed.image_id,
            "image_properties": shown_properties(image.desired["properties"]) if image is not None else {},
            "user_data": observed.user_data,
            "config_drive": bool(observed.config_drive),
            "zone": "",
            "disk_config": observed.disk_config or "MANUAL",
            "personality": [],
            "access_ip_v4": observed.access_ip_v4,
            "access_ip_v6": observed.access_ip_v6,
            "reservation_id": observed.reservation_id,
            "launch_index": observed.launch_index,
            "hostname": observed.hostname or hostname_of(observed.name),
            "hostname_given": False,
            "locked": False,
            "locked_by": "",
            "locked_reason": observed.locked_reason,
        }

    @staticmethod
    async def _key(
        tx: Transaction, observed: ServerObserved, context: AdoptionContext
    ) -> tuple[str, Resource | None]:
        """The name that its user knows its key by, and the key where it is ours."""
        if not observed.key_name:
            return "", None
        for remote_id in (observed.key_name, f"{observed.user_id}/{observed.key_name}"):
            keypair = await context.taken(tx, "keypair", remote_id)
            if keypair is not None:
                return keypair.name, keypair
        return observed.key_name, None

    @staticmethod
    async def _groups(tx: Transaction, ports: list[Resource], context: AdoptionContext) -> list[str]:
        """Names of the groups of all its ports, each once, in the order in which ports show them."""
        ids = dict.fromkeys(id for port in ports for id in sorted(port.desired["security_groups"]))
        groups = [await context.resource(tx, "security_group", id) for id in ids]
        return list(dict.fromkeys(group.name for group in groups if group is not None))

    @staticmethod
    async def _addresses(
        tx: Transaction, ports: list[Resource], context: AdoptionContext
    ) -> dict[str, list[dict[str, Any]]]:
        """Its ports' addresses by the name of their network, and those of floating IPs that lead there."""
        shown = []
        for port in ports:
            network = await context.resource(tx, "network", port.desired["network_id"])
            fixed = [one["ip_address"] for one in port.desired["fixed_ips"]]
            shown.append(
                ServerPort(
                    port_id=port.id,
                    network_id=port.desired["network_id"],
                    network_name=network.name if network is not None else "",
                    mac_address=port.desired["mac_address"],
                    addresses=[(ip, 6 if ":" in ip else 4) for ip in fixed],
                    floating=list(port.choice.get(FLOATING, {}).values()),
                )
            )
        return addresses_of(shown)


def _ports(observed: ServerObserved, listed: Mapping[str, Any]) -> list[Any]:
    """What the cloud says are its ports, in the order of their making: it keeps no other."""
    own = [port for port in listed.values() if port.device_id == observed.remote_id]
    return sorted(own, key=lambda port: (port.created_at, port.remote_id))


def _flavor_id(observed: ServerObserved, listed: Mapping[str, Any]) -> str:
    """Its flavor's id there: from 2.47 on Nova tells what it was like instead, so it is the one of its name that still
    is like that.
    """
    if observed.flavor_id:
        return observed.flavor_id
    name = observed.flavor.get("original_name")
    for one in listed.values():
        if one.name == name and all(getattr(one, size) == observed.flavor.get(size) for size in _SIZES):
            return str(one.remote_id)
    return ""
