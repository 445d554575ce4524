"""How intent is written: the resource, what it needs, and the work that follows, in the caller's one transaction.

Handlers use nothing else to write. Law 1: this happens before any cloud is called.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from fractus.model.resource import NEEDS_CHANGED, Need, Resource, Summary
from fractus.store import presences, work
from fractus.store.resources import Resources
from fractus.store.transaction import Transaction


class Notifier(Protocol):
    """Tells workers that a queue has work that is due. A lost notification costs time, never work."""

    def notify(self, cloud: str) -> None:
        """Wake those who work on `cloud`'s queue (empty: the queue of whole resources)."""
        ...


class Ledger:
    """Writes intent."""

    def __init__(self, resources: Resources, notifier: Notifier) -> None:
        self.resources = resources
        self._notifier = notifier

    async def create(
        self,
        tx: Transaction,
        resource: Resource,
        summary: Summary,
        needs: Sequence[Need] = (),
        *,
        assign: bool,
        limited: bool = True,
        paid_by: str = "",
    ) -> Resource:
        """A new resource. `assign`: a cloud is to be chosen for it now; else it is carried on first use.

        `QuotaExceeded` where its project has no quota left for it, or that of `paid_by`, where it has no project.
        `limited` False: it is counted and never refused, for it is not asked for (it is there already, or Neutron
        makes it by itself).
        """
        within = (paid_by or resource.project_id) if limited else None
        made = await self.resources.add(tx, resource, summary, needs, within=within)
        if assign:
            await self._wake(tx, resource)
        return made

    async def adopt(
        self, tx: Transaction, resource: Resource, summary: Summary, needs: Sequence[Need] = ()
    ) -> Resource:
        """A resource that exists already: found in a cloud, and taken under our management as it is.

        It is counted against its project's quota like any other, and never refused for it: it is there.
        """
        return await self.resources.add(tx, resource, summary, needs)

    async def change(
        self,
        tx: Transaction,
        resource: Resource,
        summary: Summary,
        needs: Sequence[Need] | None = None,
        *,
        limited: bool = True,
        nowhere: bool = False,
    ) -> None:
        """A change of what is desired: a new generation, which every presence has to reach. `needs`: all, or None: as
        before.

        `nowhere`: it is carried on first use, and this transaction has seen that no cloud has it yet: so nobody need
        look. Who places it meanwhile has read it as it was before, and one of the two transactions runs again.

        `QuotaExceeded` where it costs more than before and its project has no quota left; `limited` as of `create`.
        """
        resource.generation += 1
        resource.updated_at = tx.now()
        within = resource.project_id if limited else None
        if needs is not None:
            await self._need(tx, resource, needs)
        await self.resources.save(tx, resource, summary, within=within)
        if not nowhere:
            await self._wake(tx, resource)

    async def remove(
        self, tx: Transaction, resource: Resource, summary: Summary | None = None, *, hide: bool
    ) -> None:
        """It is no longer wanted. `hide`: users see it gone at once (network things); else when it is (a server).

        The row stays as a tombstone until every cloud has confirmed (law 5).
        """
        resource.wanted = False
        resource.generation += 1
        resource.updated_at = tx.now()
        if hide:
            resource.deleted_at = tx.now()
        await self.resources.save(tx, resource, summary)
        await self._wake(tx, resource)

    async def wake_all(self, tx: Transaction, keys: Iterable[tuple[str, str, str]]) -> None:
        """Have each (kind, id, cloud) looked at now; no cloud: the resource as a whole."""
        for kind, id, cloud in keys:
            await work.wake(tx, kind, id, cloud)
            tx.after_commit(lambda name=cloud: self._notifier.notify(name))  # type: ignore[misc]

    async def look_again(self, tx: Transaction, kind: str, id: str) -> None:
        """Have each cloud asked how it is there now, whatever was observed last."""
        every = await presences.of_resource(tx, kind, id)
        for there in every:
            there.observed_at = None
            await presences.save(tx, there)
        await self.wake_all(tx, [(kind, id, there.cloud) for there in every])

    async def _need(self, tx: Transaction, resource: Resource, needs: Sequence[Need]) -> None:
        """It needs these from now on, and nothing else."""
        generation = resource.generation
        changed = await self.resources.set_needs(tx, resource.kind, resource.id, needs, generation=generation)
        if changed is None:
            return
        resource.choice = {**resource.choice, NEEDS_CHANGED: generation}
        for need in changed:
            await self._release(tx, need)

    async def _release(self, tx: Transaction, need: Need) -> None:
        """Something needs it no longer: where it was in a cloud only for others, see whether it may leave there."""
        only_for_others = False
        for there in await presences.of_resource(tx, need.kind, need.id):
            if need.exclusive and there.wanted and not there.memory.get("passing"):
                there.memory["passing"] = True
                await presences.save(tx, there)
            only_for_others = only_for_others or bool(there.memory.get("passing"))
        if only_for_others:
            await work.wake(tx, need.kind, need.id)
            tx.after_commit(lambda: self._notifier.notify(""))

    async def _wake(self, tx: Transaction, resource: Resource) -> None:
        await work.wake(tx, resource.kind, resource.id)
        tx.after_commit(lambda: self._notifier.notify(""))
