"""How services, hosts, pools and clusters changed from version to version."""

from __future__ import annotations

from fractus.web.microversion import Behaviour, Version, VersionTable

#: From here on there are clusters, orders to clean up, and levels of logging.
CLUSTERED, CLEANED, LOGGED = Version(3, 7), Version(3, 24), Version(3, 32)

REQUESTS = VersionTable(
    [
        Behaviour(CLUSTERED, "clusters"),
        Behaviour(Version(3, 26), "replication"),
        Behaviour(Version(3, 28), "pool_filters"),
        Behaviour(Version(3, 31), "strict_filters"),
        Behaviour(Version(3, 35), "pools_of_types"),
        Behaviour(Version(3, 49), "backend_state"),
    ]
)
