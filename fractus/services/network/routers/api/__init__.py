"""The API of routers: its routes, and how routers are written."""

from __future__ import annotations

from fractus.services.network.routers.api.handlers import RouterApi
from fractus.services.network.routers.api.writes import RouterWrites

__all__ = ["RouterApi", "RouterWrites"]
