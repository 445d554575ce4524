"""Networks as the machine sees them: carried to a cloud when the first port on them goes there."""

from __future__ import annotations

from fractus.model.network import NETWORK, NetworkObserved, NetworkWanted
from fractus.services.network.dialect.lifecycle import SharedLifecycle
from fractus.services.network.dialect.queries.mtu import LearnsMtu
from fractus.services.network.networks.kind import KIND


class NetworkLifecycle(LearnsMtu, SharedLifecycle[NetworkWanted, NetworkObserved]):
    """The kind `network`."""

    def __init__(self) -> None:
        super().__init__(NETWORK, KIND.summarise, KIND.is_clouds_own)
