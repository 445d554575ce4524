"""The half of subnets that answers requests, and how they are written."""

from __future__ import annotations

from fractus.services.network.subnets.api.handlers import SubnetApi
from fractus.services.network.subnets.api.writes import SubnetWrites

__all__ = ["SubnetApi", "SubnetWrites"]
