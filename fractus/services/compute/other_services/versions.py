"""How these routes changed from version to version (nova.api.openstack.compute)."""

from __future__ import annotations

from fractus.web.microversion import Behaviour, Version, VersionTable

V = Version

#: Events by the version that brought them.
EVENTS: tuple[tuple[Version, str], ...] = (
    (V(2, 1), "network-changed"),
    (V(2, 1), "network-vif-plugged"),
    (V(2, 1), "network-vif-unplugged"),
    (V(2, 1), "network-vif-deleted"),
    (V(2, 51), "volume-extended"),
    (V(2, 76), "power-update"),
    (V(2, 82), "accelerator-request-bound"),
    (V(2, 93), "volume-reimaged"),
)

REQUESTS = VersionTable(
    [
        Behaviour(V(2, 31), "tokens"),
        Behaviour(V(2, 75), "strict_snapshots"),
        Behaviour(V(2, 99), "strict_tokens"),
        Behaviour(V(2, 99), "tls_port"),
    ]
)
