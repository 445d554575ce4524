"""How floating IPs are written: by requests, by the kinds that they are made of, and by compute."""

from __future__ import annotations

from fractus.services.network.floating_ips.writes.servers import ServerFloatingIps
from fractus.services.network.floating_ips.writes.writer import FloatingIpWrites

__all__ = ["FloatingIpWrites", "ServerFloatingIps"]
