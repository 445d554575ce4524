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

    async def judge(self, tx: Transaction, observed: FlavorObserved, context: AdoptionContext) -> Verdict:
        """The same by name and nature as one of ours: that one, in one more cloud."""
        if not observed.name:
            return Ignore("the cloud does not say what it is")
        ours = bool(observed.marker)
        name, id = (
            observed.notes.get("name", observed.name),
            observed.notes.get("flavorid", observed.marker or observed.remote_id),
        )
        memory = {"borrowed": not ours}
        if ours and (known := await context.resource(tx, "flavor", observed.marker)) is not None:
            return Merge(known.id, memory)
        held = await LIVE.id(tx, id) or await NAMES.id(tx, name)
        if held is not None:
            return self._same(await context.resource(tx, "flavor", held), observed, memory)
        access = [project for one in observed.access if (project := context.project(one)) is not None]
        desired = {
            "flavorid": id,
            "name": name,
            **{size: getattr(observed, size) for size in _SIZES},
            "rxtx_factor": observed.rxtx_factor,
            "is_public": observed.notes.get("is_public", observed.is_public),
            "disabled": observed.disabled,
            "description": observed.notes.get("description", observed.description or None),
            "extra_specs": dict(observed.extra_specs),
            "access": observed.notes.get("access", access),
        }
        made = stamp(observed.created_at)
        resource_id = observed.marker or id
        return Adopt(
            Resource(kind="flavor", id=resource_id, name=name, desired=desired, created_at=made), (), memory
        )

    @staticmethod
    def _same(known: Resource | None, observed: FlavorObserved, memory: dict[str, Any]) -> Verdict:
        if known is None:
            return Conflict("a flavor of its name was here a moment ago")
        alike = known.name == observed.notes.get("name", observed.name) and all(
            known.desired[one] == getattr(observed, one) for one in _SIZES
        )
        if alike and known.desired["extra_specs"] == observed.extra_specs:
            return Merge(known.id, memory)
        return Conflict(
            f"the flavor {known.name} ({flavorid(known)}) of fractus has its name or its id and is another:"
            f" {_said(known.desired)} here, {_said({one: getattr(observed, one) for one in _SIZES})} there"
        )


def _said(sizes: dict[str, Any]) -> str:
    return f"{sizes['vcpus']} vCPUs, {sizes['ram']} MiB, {sizes['disk']} GiB"
