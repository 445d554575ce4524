"""A server group in the clouds: carried to where a server of it is built, for that cloud spreads those over its hosts.

Between clouds its servers are spread, or kept together, by the choice of their cloud.
"""

from __future__ import annotations

from fractus.services.compute.dialect.lifecycle import ComputeLifecycle
from fractus.services.compute.server_groups.kind import KIND


class ServerGroupLifecycle(ComputeLifecycle):
    """What the machine must know of server groups."""

    kind = KIND
