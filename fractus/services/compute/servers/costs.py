"""What a server takes of its project's quota: Nova's three."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fractus.model.errors import QuotaExceeded
from fractus.model.resource import Resource
from fractus.quota.costs import Costs, Over


def _of(server: Resource) -> Mapping[str, int]:
    """From when it is asked for until no cloud has it any more: what is being deleted still takes its place there."""
    flavor = server.desired.get("flavor", {})
    cores, ram = int(flavor.get("vcpus", 0)), int(flavor.get("ram", 0))
    if "resize" in server.desired:
        # Both are held until it is settled which one it keeps.
        other = server.desired["resize"]["flavor"]
        cores, ram = max(cores, int(other.get("vcpus", 0))), max(ram, int(other.get("ram", 0)))
    return {"instances": 1, "cores": cores, "ram": ram}


def refuse(_project_id: str, overs: Sequence[Over]) -> QuotaExceeded:
    """Nova's `TooManyInstances`."""
    names = ", ".join(over.name for over in overs)
    requested = ", ".join(str(over.requested) for over in overs)
    used = ", ".join(str(over.used) for over in overs)
    limits = ", ".join(str(over.limit) for over in overs)
    return QuotaExceeded(
        f"Quota exceeded for {names}: Requested {requested}, but already used {used} of {limits} {names}"
    )


COSTS = Costs(service="compute", names=("instances", "cores", "ram"), of=_of, refuse=refuse)
