"""The API of trunks, as far as it is particular: which ports may be part of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from fractus.model.errors import NotFound
from fractus.model.resource import Resource
from fractus.model.trunks import PARENT_OF, SUBPORT_OF
from fractus.services.network.dialect.api import lists
from fractus.services.network.dialect.api.access import shown_to
from fractus.services.network.dialect.api.collection import CollectionApi
from fractus.services.network.dialect.api.neighbours import NetworkNeighbours
from fractus.services.network.dialect.kind import target
from fractus.services.network.dialect.schema.attributes import Item
from fractus.services.network.dialect.schema.errors import conflict, not_found
from fractus.services.network.trunks import schema
from fractus.services.network.trunks.kind import KIND
from fractus.services.network.trunks.writes import TrunkWrites
from fractus.store.transaction import Reader, Transaction
from fractus.web.routing import Call, Reply, Route


class TrunkApi(CollectionApi):
    """Handlers of trunks."""

    kind = KIND
    core = False
    bulk = False
    actions = {
        "add_subports": "Add sub-ports to a trunk.",
        "remove_subports": "Remove sub-ports from a trunk.",
    }

    def __init__(self, at: NetworkNeighbours) -> None:
        super().__init__(at)
        self._trunks = at.own(TrunkWrites)

    def routes(self) -> list[Route]:
        """With the list of sub-ports, which is not changed by its route."""
        path = f"{KIND.root}/{{id}}/get_subports"
        more = Route(
            method="GET", path=path, handler=self.get_subports, rule="get_trunk",
            summary="List the sub-ports of a trunk.",
        )  # fmt: skip
        return [*super().routes(), more]

    async def before_create(self, tx: Transaction, call: Call, resource: Resource, item: Item) -> None:
        """Its parent port is free, and so are its sub-ports."""
        id, given = resource.desired["port_id"], resource.desired["sub_ports"]
        parent = await self._port(tx, call, id)
        if parent.desired.get(SUBPORT_OF):
            raise _in_other_trunk(id)
        if parent.desired.get(PARENT_OF) or _bound(parent):
            raise _parent_in_use(id)
        ports, sub_ports = await self._free(tx, call, parent, given)
        schema.check_apart((), sub_ports, resource.id)
        resource.desired["sub_ports"] = sub_ports
        await self._trunks.joined(tx, resource, ports)

    async def after_create(self, tx: Transaction, resource: Resource) -> None:
        """The parent port shows it."""
        await self._trunks.describe_in_parent(tx, resource)

    async def before_delete(self, tx: Transaction, call: Call, resource: Resource) -> None:
        """Not out of service, nor while a server has its port; its ports are free afterwards."""
        _check_up(resource)
        parent = await self._trunks.port(tx, resource.desired["port_id"])
        if parent is not None and _bound(parent):
            raise conflict(f"Trunk {resource.id} is currently in use.", "TrunkInUse")
        await self._trunks.left(tx, [one["port_id"] for one in resource.desired["sub_ports"]])
        await self._trunks.describe_in_parent(tx, resource, there=False)

    # --- sub-ports -------------------------------------------------------------------------------

    async def get_subports(self, call: Call) -> Reply:
        """GET get_subports."""
        trunk = await self.permitted(self._store, call, call.params["id"], "get_subports")
        found = {"sub_ports": trunk.desired["sub_ports"]}
        only = lists.fields(call.query)
        return Reply(200, {name: value for name, value in found.items() if not only or name in only})

    async def add_subports(self, call: Call) -> Reply:
        """PUT add_subports: all of them or none."""
        async with self.acting(call, "add_subports") as (tx, trunk):
            given = schema.sub_ports_of(call.body)
            parent = await self._port(tx, call, trunk.desired["port_id"])
            ports, more = await self._free(tx, call, parent, given)
            _check_up(trunk)
            there = trunk.desired["sub_ports"]
            schema.check_apart(there, more, trunk.id)
            schema.check_number([*there, *more])
            await self._trunks.joined(tx, trunk, ports)
            await self._set(tx, trunk, [*there, *more])
        return Reply(200, shown_to(call, trunk))

    async def remove_subports(self, call: Call) -> Reply:
        """PUT remove_subports: all of them are there."""
        async with self.acting(call, "remove_subports") as (tx, trunk):
            _check_up(trunk)
            there = trunk.desired["sub_ports"]
            ids = [one["port_id"] for one in schema.sub_ports_of(call.body)]
            for id in ids:
                if all(one["port_id"] != id for one in there):
                    raise NotFound(
                        f"SubPort {id} on trunk {trunk.id} could not be found.",
                        kind="port", type="SubPortNotFound",
                    )  # fmt: skip
            await self._trunks.left(tx, ids)
            await self._set(tx, trunk, [one for one in there if one["port_id"] not in ids])
        return Reply(200, shown_to(call, trunk))

    async def _set(self, tx: Transaction, trunk: Resource, sub_ports: list[dict[str, Any]]) -> None:
        """Other sub-ports; where there are none, Neutron counts a change nevertheless."""
        if sub_ports == trunk.desired["sub_ports"]:
            await self._trunks.touch(tx, trunk)
        else:
            await self._trunks.set_ports(tx, trunk, sub_ports)

    # --- ports -----------------------------------------------------------------------------------

    async def _port(self, tx: Transaction, call: Call, id: str) -> Resource:
        """A port that the caller may see."""
        found = await self._trunks.port(tx, id)
        if found is None:
            raise not_found("port", id)
        owner = found.desired["network_project_id"]
        if not call.allows("get_port", {**found.desired, **target(found), "network:project_id": owner}):
            raise not_found("port", id)
        return found

    async def _free(
        self, tx: Transaction, call: Call, parent: Resource, given: Sequence[Mapping[str, Any]]
    ) -> tuple[list[Resource], list[dict[str, Any]]]:
        """Ports that nothing has and whose packets fit through the parent port, and how they are marked."""
        ports, found = [], []
        most = await self._mtu(tx, parent)
        for one in given:
            id = one["port_id"]
            if id == parent.id:
                raise _parent_in_use(id)
            port = await self._trunks.port(tx, id)
            mtu = await self._mtu(tx, port) if port is not None else 0
            if most and mtu > most:
                raise conflict(
                    f"MTU {mtu} of subport {id} cannot be greater than MTU {most} of trunk {parent.id}.",
                    "SubPortMtuGreaterThanTrunkPortMtu",
                )
            found.append(schema.segment(one))
            port = await self._port(tx, call, id)
            if port.desired.get(SUBPORT_OF):
                raise _in_other_trunk(id)
            if port.desired.get(PARENT_OF):
                raise _parent_in_use(id)
            if device := port.desired["device_id"]:
                raise conflict(
                    f"Unable to complete operation on port {id} for network {port.desired['network_id']}. Port already"
                    f" has an attached device {device}.",
                    "PortInUse",
                )
            ports.append(port)
        return ports, found

    async def _mtu(self, reader: Reader, port: Resource) -> int:
        """Of its network, as that shows it."""
        network = await self._resources.fetch(reader, "network", port.desired["network_id"])
        return 0 if network is None else int(msgspec.json.decode(network.summary)["mtu"] or 0)


def _bound(port: Resource) -> bool:
    """Whether a server has it: then it is bound, or is about to be. Only some drivers of Neutron let such a port
    become, or cease to be, a trunk's.
    """
    return bool(port.desired["device_id"]) and port.desired["device_owner"].startswith("compute:")


def _check_up(trunk: Resource) -> None:
    if not trunk.desired["admin_state_up"]:
        raise conflict(f"Trunk {trunk.id} is currently disabled.", "TrunkDisabled")


def _in_other_trunk(id: str) -> Exception:
    return conflict(f"Port {id} is in use by another trunk.", "TrunkPortInUse")


def _parent_in_use(id: str) -> Exception:
    return conflict(
        f"Port {id} is currently in use and is not eligible for use as a parent port.", "ParentPortInUse"
    )
