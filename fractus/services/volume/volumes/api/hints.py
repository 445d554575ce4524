"""Scheduler hints of a volume: beside which volumes it is made, or away from which.

Volumes that are named are named in its cloud by the ids that they have there; `same_host` decides the cloud, too. Those
of `different_host` that are in another cloud are apart already. Other hints are the cloud's own and are carried as they
are, as Cinder passes them to its filters. Source: cinder.scheduler.filters.affinity_filter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fractus.model.errors import Conflict, Invalid
from fractus.model.resource import Resource, at_home
from fractus.model.volumes import NAMED_BY_HINTS
from fractus.store import presences
from fractus.store.resources import Resources
from fractus.store.transaction import Transaction
from fractus.web.routing import Call


async def hinted(
    call: Call, tx: Transaction, resources: Resources, hints: Mapping[str, Any] | None, zone: str
) -> dict[str, Any]:
    """What is desired because of hints. Raises `Invalid` where a volume is unknown, `Conflict` between clouds."""
    if not hints:
        return {}
    named: dict[str, list[str]] = {}
    for name in NAMED_BY_HINTS:
        asked = hints.get(name, [])
        named[name] = list(dict.fromkeys(asked if isinstance(asked, list) else [asked]))
    same = [await _volume(call, tx, resources, id) for id in named["same_host"]]
    for id in named["different_host"]:
        await _volume(call, tx, resources, id)
    desired: dict[str, Any] = {"hints": {**hints, **{name: ids for name, ids in named.items() if ids}}}
    if same:
        desired["hinted_cloud"] = await _cloud_of(tx, same, zone)
    return desired


async def _volume(call: Call, tx: Transaction, resources: Resources, id: Any) -> Resource:
    project = None if call.principal.is_admin else call.principal.project_id
    volume = await resources.visible(tx, "volume", id, project) if isinstance(id, str) else None
    if volume is None or volume.deleted_at is not None:
        raise Invalid(f"Volume {id} could not be found.")
    return volume


async def _cloud_of(tx: Transaction, volumes: Sequence[Resource], zone: str) -> str:
    """A cloud in which one of these volumes is; that of `zone` where one is named."""
    clouds = set()
    for one in volumes:
        here = at_home(one.home, await presences.of_resource(tx, "volume", one.id))
        if here is not None:
            clouds.add(here.cloud)
    if not clouds:
        raise Conflict(
            f"Volume {volumes[0].id} is in no cloud yet, so no other can be made on the same host."
        )
    if zone and zone not in clouds:
        raise Conflict(f"same_host asks for a host in {', '.join(sorted(clouds))}, not in {zone}.")
    return zone or min(clouds)
