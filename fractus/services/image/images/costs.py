"""What an image takes of its project's quota: Glance's four of its unified limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fractus.model.errors import QuotaExceeded
from fractus.model.resource import Resource
from fractus.quota.costs import Costs, Over

COUNT, SIZE, STAGED, UPLOADING = (
    "image_count_total",
    "image_size_total",
    "image_stage_total",
    "image_count_uploading",
)
_MIB = 1 << 20


def _of(image: Resource) -> Mapping[str, int]:
    """Bytes count from when they are announced: an upload that says how large it is has its room before it begins."""
    desired, status = image.desired, image.status
    size = int(desired.get("size") or desired.get("announced") or 0)
    costs = {COUNT: 1}
    if status in ("saving", "active", "deactivated"):
        costs[SIZE] = size
    if status == "uploading":
        costs[STAGED] = size
    if status in ("saving", "uploading", "importing"):
        costs[UPLOADING] = 1
    return costs


def _refuse(project_id: str, overs: Sequence[Over]) -> QuotaExceeded:
    """oslo.limit's sentence within Glance's."""
    every = ", ".join(
        f"Resource {over.name} is over limit of {over.limit} due to current usage {over.used} and delta"
        f" {over.requested}"
        for over in overs
    )
    return QuotaExceeded(
        "The request returned a 413 Request Entity Too Large. This generally means that rate limiting or a quota "
        f"threshold was breached.\n\nThe response body:\nProject {project_id} is over a limit for [{every}]"
    )


COSTS = Costs(
    service="image",
    names=(SIZE, STAGED, COUNT, UPLOADING),
    of=_of,
    refuse=_refuse,
    units={SIZE: _MIB, STAGED: _MIB},
)
