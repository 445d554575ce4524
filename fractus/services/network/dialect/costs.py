"""How Neutron says that there is no quota left."""

from __future__ import annotations

from collections.abc import Sequence

from fractus.model.errors import QuotaExceeded
from fractus.quota.costs import Over


def refuse(_project_id: str, overs: Sequence[Over]) -> QuotaExceeded:
    """`OverQuota`, with the names as a list."""
    return QuotaExceeded(f"Quota exceeded for resources: {[over.name for over in overs]}.", type="OverQuota")
