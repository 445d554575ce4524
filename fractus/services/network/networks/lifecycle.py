"""Networks as the machine sees them: carried to a cloud when the first port on them goes there."""

from __future__ import annotations

from fractus.model.network import NETWORK, NetworkObserved, NetworkWanted
from fractus.model.resource import Resource
from fractus.services.network.dialect.lifecycle import SharedLifecycle
from fractus.services.network.dialect.queries.mtu import LearnsMtu
from fractus.services.network.networks.kind import KIND
from fractus.services.network.networks.schema import is_provided


class NetworkLifecycle(LearnsMtu, SharedLifecycle[NetworkWanted, NetworkObserved]):
    """The kind `network`."""

    def __init__(self) -> None:
        super().__init__(NETWORK, KIND.summarise, KIND.is_clouds_own)

    def pinned_to(self, resource: Resource) -> str:
        """The cloud in which an administrator gave it provider attributes."""
        there: list[str] = resource.choice.get("only", []) if is_provided(resource.desired) else []
        return there[0] if there else ""
