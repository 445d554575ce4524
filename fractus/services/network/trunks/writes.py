"""How trunks are written, and what they say of their ports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import structs

from fractus.model.resource import Resource
from fractus.model.trunks import PARENT_OF, SUBPORT_OF
from fractus.services.network.dialect.schema.errors import conflict
from fractus.services.network.dialect.writes.neighbours import Ports
from fractus.services.network.dialect.writes.writer import Writer
from fractus.services.network.trunks import schema
from fractus.services.network.trunks.kind import KIND, needs
from fractus.store.ledger import Ledger
from fractus.store.transaction import Reader, Transaction


class TrunkWrites(Writer):
    """Writes trunks, and says in their ports that they are theirs: so ports tell without being looked for."""

    def __init__(self, ledger: Ledger, ports: Ports) -> None:
        super().__init__(ledger, KIND.name, KIND.summarise, follows=True)
        self._ports = ports

    async def port(self, reader: Reader, id: str) -> Resource | None:
        """A port that is there; whoever will change it, or it for another trunk, waits."""
        found = await self.ledger.resources.fetch(reader, "port", id, to_write=True)
        return None if found is None or found.deleted_at is not None else found

    async def joined(self, tx: Transaction, trunk: Resource, ports: Sequence[Resource]) -> None:
        """These are sub-ports of a trunk from now on."""
        for port in ports:
            port.desired[SUBPORT_OF] = trunk.id
            await self._ports.refresh(tx, port)

    async def left(self, tx: Transaction, ids: Sequence[str]) -> None:
        """These are sub-ports no longer."""
        for id in ids:
            port = await self.port(tx, id)
            if port is not None:
                port.desired.pop(SUBPORT_OF, None)
                await self._ports.refresh(tx, port)

    async def describe_in_parent(self, tx: Transaction, trunk: Resource, *, there: bool = True) -> None:
        """The parent port shows the trunk as it is now; or no longer."""
        parent = await self.port(tx, trunk.desired["port_id"])
        if parent is None:
            return
        sub_ports = trunk.desired["sub_ports"]
        found = [await self.port(tx, one["port_id"]) for one in sub_ports]
        macs = {port.id: port.desired["mac_address"] for port in found if port is not None}
        parent.desired.pop(PARENT_OF, None)
        if there:
            parent.desired[PARENT_OF] = schema.details(trunk.id, sub_ports, macs)
        await self._ports.refresh(tx, parent)

    async def set_ports(self, tx: Transaction, trunk: Resource, sub_ports: list[dict[str, Any]]) -> None:
        """It has other sub-ports. Neutron counts that as two changes."""
        trunk.desired["touched"] = int(trunk.desired.get("touched", 0)) + 1
        after = structs.replace(trunk, desired={**trunk.desired, "sub_ports": sub_ports})
        await self.update(tx, trunk, {"sub_ports": sub_ports}, needs(after))
        await self.describe_in_parent(tx, trunk)

    # --- as a user of ports ----------------------------------------------------------------------

    async def check_update(self, tx: Transaction, port: Resource, values: Mapping[str, Any]) -> None:
        """All of it may be changed."""

    async def check_delete(self, tx: Transaction, port: Resource) -> None:
        """A port of a trunk leaves it first."""
        if trunk_id := port.desired.get(SUBPORT_OF):
            raise conflict(
                f"Port {port.id} is currently a subport for trunk {trunk_id}.", "PortInUseAsSubPort"
            )
        if found := port.desired.get(PARENT_OF):
            raise conflict(
                f"Port {port.id} is currently a parent port for trunk {found['trunk_id']}.",
                "PortInUseAsTrunkParent",
            )

    async def port_updated(self, tx: Transaction, port: Resource, before: Mapping[str, Any]) -> None:
        """The parent port shows the MAC addresses of the sub-ports."""
        trunk_id = port.desired.get(SUBPORT_OF)
        if not trunk_id or port.desired["mac_address"] == before["mac_address"]:
            return
        trunk = await self.ledger.resources.fetch(tx, KIND.name, trunk_id)
        if trunk is not None and trunk.wanted:
            await self.describe_in_parent(tx, trunk)

    async def port_removed(self, tx: Transaction, port: Resource) -> None:
        """Nothing follows: no port of a trunk is removed (`check_delete`), and none is one that leaves by itself."""
