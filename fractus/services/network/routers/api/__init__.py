"""The API of routers."""

from __future__ import annotations

from fractus.services.network.routers.api.handlers import RouterApi

__all__ = ["RouterApi"]
