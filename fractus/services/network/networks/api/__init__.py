"""The half of networks that answers requests, and how they are written."""

from __future__ import annotations

from fractus.services.network.networks.api.handlers import NetworkApi
from fractus.services.network.networks.api.writes import NetworkWrites

__all__ = ["NetworkApi", "NetworkWrites"]
