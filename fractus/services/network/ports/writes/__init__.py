"""How ports are written, and what servers have of them."""

from __future__ import annotations

from fractus.services.network.ports.writes.servers import ServerPorts
from fractus.services.network.ports.writes.writer import PortWrites

__all__ = ["PortWrites", "ServerPorts"]
