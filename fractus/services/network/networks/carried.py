"""What becomes of changes of a network that is in a cloud."""

from __future__ import annotations

from fractus.model.carried import carried, refused
from fractus.services.network.dialect.carried import OWN

_WIRES = "each cloud chooses the wires of its networks itself"

FIELDS = (
    carried("name"),
    carried("admin_state_up"),
    carried("mtu", "0 leaves it to the cloud"),
    carried("port_security_enabled"),
    carried("shared"),
    *OWN,
    refused("router:external", "only tenant networks are carried"),
    refused("provider:network_type", _WIRES),
    refused("provider:physical_network", _WIRES),
    refused("provider:segmentation_id", _WIRES),
    refused("segments", _WIRES),
    refused("RBAC policies", "they are not served"),
)
