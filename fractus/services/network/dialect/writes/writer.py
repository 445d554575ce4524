"""How intent about one kind is written: document and columns are always those of after the change."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import msgspec

from fractus.model.network import SHARED_WITH
from fractus.model.resource import INSISTS, Need, Presence, Resource, Summary
from fractus.store import presences
from fractus.store.ledger import Ledger
from fractus.store.listing import Filter, page
from fractus.store.transaction import Transaction

Summarise: TypeAlias = "Callable[[Resource, list[Presence]], Summary]"

#: Attributes of our documents alone: no cloud hears of a change of them.
_OURS = frozenset({"description", "tags"})
_NONE: Mapping[str, object] = {}


class Writer:
    """Writes one kind."""

    def __init__(
        self,
        ledger: Ledger,
        kind: str,
        summarise: Summarise,
        *,
        local: bool = False,
        follows: bool = False,
    ) -> None:
        """`local`: no cloud ever has one. `follows`: it is wherever others are, so where that is is seen at once."""
        self.ledger = ledger
        self._local = local
        self._follows = follows
        self.kind = kind
        self._summarise = summarise

    async def create(
        self, tx: Transaction, resource: Resource, needs: Sequence[Need] = (), *, limited: bool = True
    ) -> Resource:
        """A new resource. No cloud is chosen: it is carried on first use. `limited` False: whatever its quota."""
        resource.created_at = resource.updated_at = tx.now()
        summary = self._summarise(resource, [])
        return await self.ledger.create(tx, resource, summary, needs, assign=self._follows, limited=limited)

    async def change(
        self,
        tx: Transaction,
        resource: Resource,
        needs: Sequence[Need] | None = None,
        *,
        limited: bool = True,
    ) -> None:
        """What is desired has changed, for every cloud where it is. `limited` False: whatever its quota."""
        there = await presences.of_resource(tx, resource.kind, resource.id)
        after = msgspec.structs.replace(
            resource, generation=resource.generation + 1, updated_at=tx.now()
        )  # as the ledger will have it
        await self.ledger.change(
            tx, resource, self._summarise(after, there), needs,
            limited=limited, nowhere=not (there or self._follows),
        )  # fmt: skip

    async def touch(self, tx: Transaction, resource: Resource) -> None:
        """A changed document, of which no cloud needs to hear."""
        resource.desired["touched"] = int(resource.desired.get("touched", 0)) + 1
        resource.updated_at = tx.now()
        there = await presences.of_resource(tx, resource.kind, resource.id)
        await self.ledger.resources.save(tx, resource, self._summarise(resource, there))

    async def refresh(self, tx: Transaction, resource: Resource) -> None:
        """Its document says something else of others: to users that is no change of it."""
        there = await presences.of_resource(tx, resource.kind, resource.id)
        await self.ledger.resources.save(tx, resource, self._summarise(resource, there))

    async def update(
        self,
        tx: Transaction,
        resource: Resource,
        values: dict[str, object],
        needs: Sequence[Need] | None = None,
    ) -> None:
        """Put `values` into what is desired and write it; nothing is written where nothing changes."""
        changed = {name for name, value in values.items() if resource.desired.get(name) != value}
        if values.get("name", resource.name) != resource.name and "name" not in changed:
            # It is shown with a name that somebody gave it in its cloud.
            changed.add("name")
            resource.desired[INSISTS] = {"name": resource.generation + 1}
        if not changed and needs is None:
            return
        resource.desired.update(values)
        resource.name = str(resource.desired.get("name", ""))
        if changed <= _OURS and needs is None:
            await self.touch(tx, resource)
        else:
            await self.change(tx, resource, needs)

    async def list_part(
        self,
        tx: Transaction,
        id: str,
        key: str,
        part: str,
        *,
        there: bool,
        also: Mapping[str, object] = _NONE,
    ) -> None:
        """The document names a part (a subnet of a network) in its list `key` from now on, or no longer.

        `also`: what else of it changes by that.
        """
        whole = await self.ledger.resources.fetch(tx, self.kind, id)
        if whole is not None and whole.deleted_at is None:
            others = [one for one in whole.desired[key] if one != part]
            whole.desired[key] = [*others, part] if there else others
            whole.desired.update(also)
            await self.touch(tx, whole)

    async def remove(self, tx: Transaction, resource: Resource) -> None:
        """Not wanted any more: gone for users at once, in every cloud as soon as may be."""
        desired = resource.desired
        if desired.get("shared") or SHARED_WITH in desired or desired.get("router:external"):
            await self.forget_policies(tx, resource.id)
        if self._local:
            # No cloud has to confirm it, so nothing is left to be remembered.
            await self.ledger.resources.drop(tx, self.kind, resource.id)
            return
        await self.ledger.remove(tx, resource, hide=True)

    async def forget_policies(
        self, tx: Transaction, object_id: str, target: str = "", *, action: str = ""
    ) -> None:
        """The policies that share it are no more; `target`: only those that share it with that project, or with all;
        `action`: only those that share it so.
        """
        resources = self.ledger.resources
        of = [Filter("object_id", "eq", object_id)]
        of += [Filter("target_tenant", "eq", target)] if target else []
        of += [Filter("action", "eq", action)] if action else []
        for (id,) in await page(tx, resources.tables["rbac_policy"], of, columns=("id",), limit=1 << 31):
            await resources.drop(tx, "rbac_policy", id)
