"""How these stories take over a cloud, and what they look at."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from fractus.reconcile.adopt import adopt as taking
from fractus.reconcile.adopt.adopt import IdentityMapping, Key, Report
from fractus.testing.user import project_id_of, user_id_of
from fractus.testing.world import World

P1 = project_id_of("p1")
ANN = user_id_of("ann")


async def take(
    world: World,
    cloud: str = "a",
    *,
    projects: Mapping[str, str] | None = None,
    users: Mapping[str, str] | None = None,
    only: Collection[Key] | None = None,
    **more: Any,
) -> Report:
    """Take over what is in a cloud; projects p1 on both sides where nothing is said."""
    child = world.core.children.get(cloud)
    assert child is not None
    found = await taking.survey(child, world.core.adoptions)
    identities = IdentityMapping({P1: P1} if projects is None else projects, users or {"u-native": ANN})
    return await taking.adopt(world.core, found, identities, only=only, **more)


def changes(world: World, cloud: str = "a") -> list[Any]:
    """Every change that reached the cloud from outside."""
    return [call for call in world.cloud(cloud).faults.log if call.change]


def reported(report: Report) -> list[str]:
    """Its clashes, in words."""
    return [f"{one.kind} {one.name}: {one.reason}" for one in report.conflicts]
