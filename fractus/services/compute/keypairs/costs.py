"""What a key takes of its user's quota."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fractus.model.errors import QuotaExceeded
from fractus.model.resource import Resource
from fractus.quota.costs import Costs, Over


def _of(_keypair: Resource) -> Mapping[str, int]:
    return {"key_pairs": 1}


def _refuse(_project_id: str, _overs: Sequence[Over]) -> QuotaExceeded:
    return QuotaExceeded("Quota exceeded, too many key pairs.")


COSTS = Costs(service="compute", names=("key_pairs",), of=_of, refuse=_refuse, per_user=True)
