"""The life of a kind whose vocabulary says all of it: made, and kept equal with one update of what differs.

What a cloud does not say is not compared (absent is not empty). Pure. What is particular to a kind, its lifecycle
overrides.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any, Generic, TypeVar

from msgspec import UNSET, to_builtins

from fractus.model.cloud import Observed, Step, Wanted
from fractus.model.network import SHARED_WITH
from fractus.model.placement import carried
from fractus.model.resource import Presence, Resource, Summary
from fractus.model.wire import Vocabulary, WireField
from fractus.reconcile.kind import (
    ADMITTED,
    NOTED,
    OWNER,
    Apply,
    Difference,
    Done,
    Item,
    Plan,
    Sweeping,
    admission,
    to_note,
    users,
    with_desired,
)
from fractus.services.lifecycle import LifecycleDefaults
from fractus.store.transaction import Transaction

W = TypeVar("W", bound=Wanted)
S = TypeVar("S", bound=Observed)


class CrudLifecycle(LifecycleDefaults, Generic[W, S]):
    """A kind that comes to a cloud when something there needs it. Its fields have the same names in what is desired
    (`Wire.key` says another), in what is asked for and in what is observed.
    """

    traits = carried()
    sweeping = Sweeping()

    def __init__(
        self,
        vocabulary: Vocabulary[W, S],
        summarise: Callable[[Resource, list[Presence]], Summary],
        is_clouds_own: Callable[[Resource], bool] | None = None,
    ) -> None:
        """`summarise`: how users see one. `is_clouds_own`: of which nothing is expected in a cloud but that it is
        there; None: of none.
        """
        self.vocabulary = vocabulary
        self.name = vocabulary.kind
        self.observed_type = vocabulary.observed
        self._summarise = summarise
        self._is_clouds_own = is_clouds_own
        self._said = [one for one in vocabulary.said if not one.rules.separate]
        self._compared = vocabulary.compared

    # ------------------------------------------------------------------ what should be there

    def wanted(self, item: Item) -> W:
        """What should be in the cloud, in the cloud's own ids."""
        resource = item.resource
        return self.vocabulary.wanted(
            id=resource.id,
            name=resource.desired["name"] if self.vocabulary.has_name else "",
            notes=self.notes(item),
            **self.fields(item),
        )

    def fields(self, item: Item) -> dict[str, Any]:
        """Its fields, references in the cloud's own ids; empty where what they refer to is not there."""
        desired = item.resource.desired
        return {
            one.name: _remote(item, one.rules.refers, desired[one.key])
            if one.rules.refers
            else desired[one.key]
            for one in self._said
            if one.key in desired
        }

    def notes(self, item: Item) -> dict[str, Any]:
        """What a rebuild must know of it and the cloud has no field for."""
        return {}

    # ------------------------------------------------------------------ what is there instead

    def differences(self, item: Item, observed: S) -> list[Difference]:
        """What `plan` would change."""
        if self._is_clouds_own is not None and self._is_clouds_own(item.resource):
            return []
        wanted = self.wanted(item)
        found = [] if wanted.name == observed.name else [Difference("name", wanted.name, observed.name)]
        return found + [self.difference(item, *apart) for apart in self._apart(item, wanted, observed)]

    def difference(self, item: Item, field: WireField, asked: Any, there: Any) -> Difference:
        """How one is reported, in our own ids. What is given out here cannot be taken over from a cloud, nor what
        refers to a thing that is nobody's here.
        """
        if field.rules.refers:
            ours = {
                there: id for (kind, id), there in item.remote.items() if kind == field.rules.refers and there
            }
            known = there is None or there in ours
            return Difference(field.name, ours.get(asked, asked), ours.get(there, there), adopts=known)
        return Difference(field.name, asked, there, adopts=not field.rules.given_out)

    def is_equal(self, item: Item, field: WireField, asked: Any, there: Any) -> bool:
        """Whether a cloud that says it has a field as it is wanted."""
        if field.rules.cloud_chooses and not (asked and there):
            return True
        if field.rules.unordered:
            return unordered(asked) == unordered(there)
        return bool(asked == there)

    def as_desired(self, item: Item, observed: S, fields: Collection[str]) -> S:
        """Names are the same on both sides."""
        changed: S = with_desired(self.wanted(item), observed, fields)
        return changed

    def plan(self, item: Item, observed: S) -> Plan:
        """One update with all that differs, and with notes that have become old."""
        if self._is_clouds_own is not None and self._is_clouds_own(item.resource):
            return Done()
        wanted = self.wanted(item)
        body: dict[str, Any] = {} if wanted.name == observed.name else {"name": wanted.name}
        body |= {one.wire: to_builtins(asked) for one, asked, _ in self._apart(item, wanted, observed)}
        body |= self.beside(wanted, observed, body)
        if wanted.notes and to_note(item, wanted.notes, observed):
            body |= {"id": item.resource.id, "notes": wanted.notes}
        memory = {NOTED: item.resource.generation} if wanted.notes else {}
        return Apply(Step("update", body), memory) if body else Done()

    def beside(self, wanted: W, observed: S, body: Mapping[str, Any]) -> dict[str, Any]:
        """What an update with this body must say besides, or otherwise."""
        return {}

    def _apart(self, item: Item, wanted: W, observed: S) -> Iterator[tuple[WireField, Any, Any]]:
        for one in self._compared:
            there = getattr(observed, one.name)
            if there is UNSET or (there is None and not one.null_is_value):
                continue
            asked = getattr(wanted, one.name)
            if not self.is_equal(item, one, asked, there):
                yield one, asked, there

    def settled(self, presence: Presence, observed: S) -> bool:
        """As soon as it is there: most things of Neutron are born as they are."""
        return True

    def summarise(self, resource: Resource, presences: list[Presence]) -> Summary:
        """How users see it."""
        return self._summarise(resource, presences)


class SharedLifecycle(CrudLifecycle[W, S]):
    """A kind that may be shared with some projects by name: those that use it in a cloud are let in there.

    `desired` has them in `SHARED_WITH`. A presence of what was ever shared so remembers whose it is, and with that who
    has to be let in; of all others nothing is remembered, and nobody is.
    """

    async def prepare(self, tx: Transaction, resource: Resource, cloud: str) -> dict[str, Any]:
        """Whose it is, where it is shared."""
        return {OWNER: resource.project_id} if resource.desired.get(SHARED_WITH) else {}

    def admits(self, presence: Presence, observed: S | None, project_id: str) -> bool:
        """Its owner, everybody where it is shared with all or with nobody by name, and who was let in."""
        memory = presence.memory
        if OWNER not in memory or project_id == memory[OWNER] or bool(getattr(observed, "shared", False)):
            return True
        return project_id in memory.get(ADMITTED, ())

    def plan(self, item: Item, observed: S) -> Plan:
        """As it should be first, then who may use it."""
        plan = super().plan(item, observed)
        if self._is_clouds_own is not None and self._is_clouds_own(item.resource):
            return plan
        return self.let(item, plan.memory) if isinstance(plan, Done) else plan

    def let(self, item: Item, memory: Mapping[str, Any]) -> Plan:
        """Who may use it. `memory`: what is remembered besides, once all is done."""
        resource = item.resource
        shared: list[str] = resource.desired.get(SHARED_WITH, [])
        wanted = (users(item, shared) & set(shared)) - {resource.project_id}
        step = admission(item.presence, wanted)
        if step is not None:
            return step
        whose = {OWNER: resource.project_id} if shared or OWNER in item.presence.memory else {}
        return Done({**memory, **whose})


def _remote(item: Item, kind: str, id: Any) -> Any:
    if id is None:
        return None
    if isinstance(id, list):
        return [item.remote.get((kind, one), "") for one in id]
    return item.remote.get((kind, id), "")


def unordered(rows: Iterable[dict[str, Any]]) -> list[tuple[tuple[str, str], ...]]:
    """A list whose order means nothing, in a form that can be compared."""
    return sorted(tuple(sorted((key, str(value).lower()) for key, value in row.items())) for row in rows)
