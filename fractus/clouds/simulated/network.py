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
        thing.mtu = thing.mtu or self.injector.backend.shape.mtu

    def check(self, thing: NetworkRecord) -> None:
        """`Refused`, in Neutron's sentence, above what the cloud carries."""
        most = self.injector.backend.shape.mtu
        if thing.mtu > most:
            raise Refused(
                f"Invalid input for operation: Requested MTU is too big, maximum is {most}.", status=400
            )

    def may_see(self, thing: NetworkRecord, project_id: str) -> bool:
        """The project's own, and those that are shared."""
        return thing.shared or super().may_see(thing, project_id)

    def end(self, thing: NetworkRecord) -> None:
        """Delete it with its subnets and the cloud's own ports, unless somebody else's ports are on it."""
        tied = self.records.tied(f"network/{thing.id}")
        ports = [port for kind, id in tied if kind == "port" and (port := self.records.get(PortRecord, id))]
        used = [port.id for port in ports if port.device_owner != "network:dhcp"]
        if used:
            raise Refused(
                f"Unable to complete operation on network {thing.id}. There are one or more ports still in use on"
                f" the network, id for these ports is: {','.join(used)}",
                status=409,
            )
        subnets = [
            one for kind, id in tied if kind == "subnet" and (one := self.records.get(SubnetRecord, id))
        ]
        for inside in [*ports, *subnets, thing]:
            self.records.drop(inside)
