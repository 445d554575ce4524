"""Trunks of a simulated cloud. As with most drivers of Neutron, none is made of a port that a server has."""

from __future__ import annotations

import msgspec

from fractus.clouds.simulated.neutron import NeutronSimulated
from fractus.clouds.simulated.records import PortRecord, TrunkRecord
from fractus.model.cloud import Scope, Step
from fractus.model.errors import Missing, Refused
from fractus.model.trunks import SubPort, TrunkObserved, TrunkWanted


class Trunks(NeutronSimulated[TrunkRecord, TrunkWanted, TrunkObserved]):
    """The actuator of trunks."""

    def missing(self, id: str) -> str:
        """Neutron's sentence."""
        return f"Trunk {id} could not be found."

    def complete(self, thing: TrunkRecord) -> None:
        """Nothing has its port."""
        port = self._port(thing.port_id, thing.project_id)
        if self._trunks_of(port.id) or port.device_id:
            raise Refused(
                f"Port {port.id} is currently in use and is not eligible for use as a parent port.",
                status=409,
            )

    def change(self, thing: TrunkRecord, step: Step) -> None:
        """Verbs: update, add_subports, remove_subports."""
        if step.verb not in ("add_subports", "remove_subports"):
            return super().change(thing, step)
        self._check_up(thing)
        if step.verb == "add_subports":
            more = msgspec.convert(step.body["sub_ports"], list[SubPort])
            for one in more:
                self._check_free(thing, one)
            thing.sub_ports = [*thing.sub_ports, *more]
        else:
            gone = {one["port_id"] for one in step.body["sub_ports"]}
            for id in gone - {one.port_id for one in thing.sub_ports}:
                raise Missing(f"SubPort {id} on trunk {thing.id} could not be found.")
            thing.sub_ports = [one for one in thing.sub_ports if one.port_id not in gone]
        return self.touch(thing)

    async def delete(self, scope: Scope, remote_id: str) -> None:
        """As the driver of real clouds: one that is out of service is put into it, so that the next time it may go."""
        try:
            await super().delete(scope, remote_id)
        except Refused:
            thing = self.records.get(TrunkRecord, remote_id)
            if thing is not None and not thing.admin_state_up:
                step = Step("update", {"admin_state_up": True})
                await self.apply(scope, remote_id, step)
            raise

    def end(self, thing: TrunkRecord) -> None:
        """Delete it, unless it is out of service, or a server has its port."""
        self._check_up(thing)
        port = self.records.get(PortRecord, thing.port_id)
        if port is not None and port.device_id:
            raise Refused(f"Trunk {thing.id} is currently in use.", status=409)
        self.records.drop(thing)

    def _check_up(self, thing: TrunkRecord) -> None:
        if not thing.admin_state_up:
            raise Refused(f"Trunk {thing.id} is currently disabled.", status=409)

    def _check_free(self, thing: TrunkRecord, one: SubPort) -> None:
        port = self._port(one.port_id, thing.project_id)
        if self._trunks_of(port.id):
            raise Refused(f"Port {port.id} is in use by another trunk.", status=409)
        if port.device_id:
            raise Refused(
                f"Unable to complete operation on port {port.id} for network {port.network_id}. Port already has"
                f" an attached device {port.device_id}.",
                status=409,
            )
        mark = one.segmentation_type, one.segmentation_id
        if any((other.segmentation_type, other.segmentation_id) == mark for other in thing.sub_ports):
            raise Refused(
                f"segmentation_type {mark[0]} and segmentation_id {mark[1]} already in use on trunk {thing.id}.",
                status=409,
            )

    def _port(self, id: str, project_id: str) -> PortRecord:
        port = self.records.get(PortRecord, id)
        if port is None or port.project_id != project_id:
            raise Missing(f"Port {id} could not be found.")
        return port

    def _trunks_of(self, port_id: str) -> list[str]:
        return [id for kind, id in self.records.tied(f"port/{port_id}") if kind == "trunk"]
