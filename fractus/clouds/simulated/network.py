"""Networks of a simulated cloud."""

from __future__ import annotations

from fractus.clouds.simulated.records import NetworkRecord, PortRecord, SubnetRecord
from fractus.clouds.simulated.sharing import SharedSimulated
from fractus.model.errors import Refused
from fractus.model.network import NetworkObserved, NetworkWanted


class Networks(SharedSimulated[NetworkRecord, NetworkWanted, NetworkObserved]):
    """The actuator of networks."""

    def complete(self, thing: NetworkRecord) -> None:
        """The MTU, where nobody asked for one."""
        if not thing.segments:
            thing.network_type = thing.network_type or "geneve"
        thing.mtu = thing.mtu or self.injector.backend.shape.mtu

    def check(self, thing: NetworkRecord) -> None:
        """`Refused`, in Neutron's sentence, also above what the cloud carries."""
        super().check(thing)
        most = self.injector.backend.shape.mtu
        if thing.mtu > most:
            raise Refused(
                f"Invalid input for operation: Requested MTU is too big, maximum is {most}.", status=400
            )

    def end(self, thing: NetworkRecord) -> None:
        """Delete it with its subnets and the cloud's own ports, unless somebody else's ports are on it."""
        ports = self.records.holding(PortRecord, f"network/{thing.id}")
        used = [port.id for port in ports if not port.serves_dhcp]
        if used:
            raise Refused(
                f"Unable to complete operation on network {thing.id}. There are one or more ports still in use on"
                f" the network, id for these ports is: {','.join(used)}",
                status=409,
            )
        for inside in [*ports, *self.records.holding(SubnetRecord, f"network/{thing.id}"), thing]:
            self.records.drop(inside)
