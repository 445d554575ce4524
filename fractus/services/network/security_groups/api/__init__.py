"""The half of security groups that answers requests, and how they are written."""

from __future__ import annotations

from fractus.services.network.security_groups.api.handlers import SecurityGroupApi
from fractus.services.network.security_groups.api.writes import GroupWrites

__all__ = ["GroupWrites", "SecurityGroupApi"]
