"""Trunks as the machine sees them: where their parent port is, with those sub-ports that have come there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import to_builtins

from fractus.model.cloud import Step
from fractus.model.placement import follows
from fractus.model.resource import SETTLED, Presence
from fractus.model.trunks import TRUNK, SubPort, TrunkObserved, TrunkWanted
from fractus.reconcile.kind import Apply, Difference, Item, Plan, Wait
from fractus.services.network.dialect.lifecycle import CrudLifecycle
from fractus.services.network.trunks.kind import KIND


class TrunkLifecycle(CrudLifecycle[TrunkWanted, TrunkObserved]):
    """The kind `trunk`."""

    traits = follows("port")

    def __init__(self) -> None:
        super().__init__(TRUNK, KIND.summarise)

    def fields(self, item: Item) -> dict[str, Any]:
        """With the sub-ports that are there, in the cloud's ids."""
        found = [
            (item.remote.get(("port", one["port_id"])), one) for one in item.resource.desired["sub_ports"]
        ]
        there = [
            SubPort(remote, one["segmentation_type"], one["segmentation_id"])
            for remote, one in found
            if remote
        ]
        return {**super().fields(item), "sub_ports": there}

    def differences(self, item: Item, observed: TrunkObserved) -> list[Difference]:
        """Sub-ports are reported in our own ids where they are known."""
        found = super().differences(item, observed)
        missing, extra = self._apart_ports(item, observed)
        if missing or extra:
            ours = {there: id for (_, id), there in item.remote.items() if there}
            there = [_in_our_ids(one, ours) for one in sorted(observed.sub_ports or ())]
            found.append(Difference("sub_ports", item.resource.desired["sub_ports"], there, adopts=False))
        return found

    def plan(self, item: Item, observed: TrunkObserved) -> Plan:
        """Those that are too many go first. A trunk that is out of service is put into service for that, and out of it
        again last.
        """
        missing, extra = self._apart_ports(item, observed)
        if missing or extra:
            if observed.admin_state_up is False:
                return Apply(Step("update", {"admin_state_up": True}))
            if extra:
                return Apply(
                    Step("remove_subports", {"sub_ports": [{"port_id": one.port_id} for one in extra]})
                )
            return Apply(Step("add_subports", {"sub_ports": to_builtins(missing)}))
        plan = super().plan(item, observed)
        absent = self._absent(item)
        if absent and not isinstance(plan, Apply):
            return Wait(2.0, f"waits for port {absent}", on=f"port/{absent}")
        return plan

    def _apart_ports(
        self, item: Item, observed: TrunkObserved
    ) -> tuple[Sequence[SubPort], Sequence[SubPort]]:
        """The sub-ports that are not there, and those that should not be there as they are."""
        if observed.sub_ports is None:
            return (), ()
        wanted, there = set(self.wanted(item).sub_ports), set(observed.sub_ports)
        return sorted(wanted - there), sorted(there - wanted)

    @staticmethod
    def _absent(item: Item) -> str:
        """A sub-port that has yet to come to the cloud."""
        every = (one["port_id"] for one in item.resource.desired["sub_ports"])
        return next((id for id in every if not item.remote.get(("port", id))), "")

    def settled(self, presence: Presence, observed: TrunkObserved) -> bool:
        """Once its sub-ports are on it: a server is made with all of them."""
        return presence.state == SETTLED


def _in_our_ids(one: SubPort, ours: dict[str, str]) -> dict[str, Any]:
    return {
        "port_id": ours.get(one.port_id, one.port_id),
        "segmentation_type": one.segmentation_type,
        "segmentation_id": one.segmentation_id,
    }
