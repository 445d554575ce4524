"""The half of ports that answers requests, and how servers get theirs."""

from __future__ import annotations

from fractus.services.network.ports.api.allocate import PortAllocator
from fractus.services.network.ports.api.handlers import PortApi
from fractus.services.network.ports.api.plugging import Plugging

__all__ = ["Plugging", "PortAllocator", "PortApi"]
