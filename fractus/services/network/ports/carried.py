"""What becomes of changes of a port that is in a cloud."""

from __future__ import annotations

from fractus.model.carried import carried, ours, refused
from fractus.services.network.dialect.carried import OWN

_BOUND = "a cloud binds its ports itself"
_PLUGGED = "the Nova of its cloud writes its own there when the port is plugged"

FIELDS = (
    carried("name"),
    carried("admin_state_up"),
    carried("mac_address"),
    carried("fixed_ips"),
    carried("security_groups"),
    carried("port_security_enabled"),
    carried("allowed_address_pairs"),
    carried("extra_dhcp_opts"),
    ours("device_id", _PLUGGED),
    ours("device_owner", _PLUGGED),
    *OWN,
    refused("binding:vnic_type", "only ports of the type `normal` are carried"),
    refused("binding:host_id", _BOUND),
    refused("binding:profile", _BOUND),
)
