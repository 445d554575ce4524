"""What becomes of changes of a subnet that is in a cloud."""

from __future__ import annotations

from fractus.model.carried import carried, ours
from fractus.services.network.dialect.carried import OWN

FIELDS = (
    carried("name"),
    carried("gateway_ip"),
    carried("dns_nameservers"),
    carried("host_routes"),
    carried("enable_dhcp"),
    ours(
        "allocation_pools",
        "addresses are given out here, and a cloud has only the few that its DHCP needs; kept there for a rebuild",
    ),
    *OWN,
)
