"""Quotas that Nova counts things by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fractus.model.errors import QuotaExceeded
from fractus.model.resource import Resource
from fractus.quota.costs import Costs, Over


def one_of(quota: str, *, per_user: bool = False) -> Costs:
    """What one of a kind costs that has a quota of its own (`key_pairs`), and Nova's sentence where it is used up.

    `per_user`: it is the quota of its user, in whatever project.
    """
    amounts = {quota: 1}

    def of(_resource: Resource) -> Mapping[str, int]:
        return amounts

    def refuse(_project_id: str, _overs: Sequence[Over]) -> QuotaExceeded:
        return QuotaExceeded(f"Quota exceeded, too many {quota.replace('_', ' ')}.")

    return Costs(service="compute", names=(quota,), of=of, refuse=refuse, per_user=per_user)
