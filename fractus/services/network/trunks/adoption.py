"""A trunk of a cloud becomes one of ours, with its ports."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fractus.model.resource import Resource
from fractus.model.trunks import PARENT_OF, SUBPORT_OF, TRUNK, TrunkObserved
from fractus.reconcile.adopt.adoption import Adopt, AdoptionContext, Conflict, Ignore
from fractus.services.network.dialect.adoption import CrudAdoption
from fractus.services.network.trunks.kind import needs
from fractus.services.network.trunks.schema import details
from fractus.store.transaction import Transaction


class TrunkAdoption(CrudAdoption[TrunkObserved]):
    """Taking over trunks."""

    after: tuple[str, ...] = ("port",)

    def __init__(self) -> None:
        super().__init__(TRUNK)

    def needed(
        self, observed: TrunkObserved, listed: Mapping[str, Mapping[str, Any]]
    ) -> list[tuple[str, str]]:
        """Its parent port and its sub-ports."""
        return [("port", observed.port_id), *(("port", one.port_id) for one in observed.sub_ports or ())]

    async def complete(
        self, tx: Transaction, resource: Resource, observed: TrunkObserved, context: AdoptionContext
    ) -> Adopt | Conflict | Ignore:
        """All of its ports have been taken over before."""
        parent = await context.taken(tx, "port", observed.port_id)
        if parent is None:
            return Ignore("its parent port is not taken over")
        subs = []
        for one in observed.sub_ports or ():
            port = await context.taken(tx, "port", one.port_id)
            if port is None:
                return Conflict(f"its sub-port {one.port_id} is not taken over")
            subs.append((port, one))
        resource.desired |= {
            "port_id": parent.id,
            "sub_ports": [
                {
                    "port_id": port.id,
                    "segmentation_type": one.segmentation_type,
                    "segmentation_id": one.segmentation_id,
                }
                for port, one in subs
            ],
        }
        for port, _ in subs:
            port.desired[SUBPORT_OF] = resource.id
            await context.save(tx, port)
        macs = {port.id: port.desired["mac_address"] for port, _ in subs}
        parent.desired[PARENT_OF] = details(resource.id, resource.desired["sub_ports"], macs)
        await context.save(tx, parent)
        return Adopt(resource, needs(resource))
