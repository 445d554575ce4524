"""A flavor of a cloud becomes one of ours. It stays the cloud's own: servers use it there, and we never change it.

A child's flavors belong to its operator, and our driver changes and removes only those that it made. So the presence is
`borrowed` where the flavor has no marker: a change here reaches the clouds where we made a copy, and a delete releases
it.
"""

from __future__ import annotations

from typing import Any

from fractus.model.compute import FlavorObserved
from fractus.model.resource import Resource
from fractus.reconcile.adopt.adoption import Adopt, AdoptionContext, Conflict, Ignore, Merge, Verdict, stamp
from fractus.services.compute.dialect.adoption import ComputeAdoption
from fractus.services.compute.flavors.kind import flavorid
from fractus.services.compute.flavors.queries import LIVE, NAMES
from fractus.store.transaction import Transaction

_SIZES = ("vcpus", "ram", "disk", "ephemeral", "swap")


class FlavorAdoption(ComputeAdoption):
    """Taking over flavors."""

    async def judge(self, tx: Transaction, seen: FlavorObserved, context: AdoptionContext) -> Verdict:
        """The same by name and nature as one of ours: that one, in one more cloud."""
        if not seen.name:
            return Ignore("the cloud does not say what it is")
        ours = bool(seen.marker)
        name, id = (
            seen.notes.get("name", seen.name),
            seen.notes.get("flavorid", seen.marker or seen.remote_id),
        )
        memory = {"borrowed": not ours}
        if ours and (known := await context.resource(tx, "flavor", seen.marker)) is not None:
            return Merge(known.id, memory)
        held = await LIVE.id(tx, id) or await NAMES.id(tx, name)
        if held is not None:
            return self._same(await context.resource(tx, "flavor", held), seen, memory)
        access = [project for one in seen.access if (project := context.project(one)) is not None]
        desired = {
            "flavorid": id,
            "name": name,
            **{size: getattr(seen, size) for size in _SIZES},
            "rxtx_factor": seen.rxtx_factor,
            "is_public": seen.notes.get("is_public", seen.is_public),
            "disabled": seen.disabled,
            "description": seen.notes.get("description", seen.description or None),
            "extra_specs": dict(seen.extra_specs),
            "access": seen.notes.get("access", access),
        }
        made = stamp(seen.created_at)
        resource_id = seen.marker or id
        return Adopt(
            Resource(kind="flavor", id=resource_id, name=name, desired=desired, created_at=made), (), memory
        )

    @staticmethod
    def _same(known: Resource | None, seen: FlavorObserved, memory: dict[str, Any]) -> Verdict:
        if known is None:
            return Conflict("a flavor of its name was here a moment ago")
        alike = known.name == seen.notes.get("name", seen.name) and all(
            known.desired[one] == getattr(seen, one) for one in _SIZES
        )
        if alike and known.desired["extra_specs"] == seen.extra_specs:
            return Merge(known.id, memory)
        return Conflict(
            f"the flavor {known.name} ({flavorid(known)}) of fractus has its name or its id and is another:"
            f" {_said(known.desired)} here, {_said({one: getattr(seen, one) for one in _SIZES})} there"
        )


def _said(sizes: dict[str, Any]) -> str:
    return f"{sizes['vcpus']} vCPUs, {sizes['ram']} MiB, {sizes['disk']} GiB"
