"""A thing of a cloud becomes one of ours, by the id that it has there and with all that its vocabulary names.

What is particular to a kind (what comes with it, whose it is, what it takes besides), its adoption overrides.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Mapping, Sequence
from typing import Any, ClassVar, Generic, TypeVar

from msgspec import UNSET

from fractus.model.cloud import Observed
from fractus.model.resource import Need, Presence, Resource
from fractus.model.wire import Vocabulary, WireField
from fractus.reconcile.adopt.adoption import (
    Adopt,
    AdoptionContext,
    Conflict,
    Ignore,
    Merge,
    Verdict,
    stamp,
    unmapped,
)
from fractus.services.field import REQUIRED
from fractus.services.kind import Kind, never
from fractus.store.transaction import Transaction

S = TypeVar("S", bound=Observed)


#: What sentences call kinds whose names are not their nouns.
_NOUNS = {"qos_policy": "QoS policy", "floatingip": "floating IP"}


class CrudAdoption(Generic[S]):
    """Taking over things of one kind. One of ours that carries our marker is joined; another of its id is a clash."""

    after: tuple[str, ...] = ()
    """Kinds that come before it, beside those that its vocabulary refers to."""
    parts: ClassVar[Mapping[str, str]] = {}
    """Kinds of which it is nothing without those that belong to it -> their field with its id."""

    def __init__(self, vocabulary: Vocabulary[Any, S], kind: Kind | None = None) -> None:
        """`kind`: as declared. What no cloud says has the defaults of its fields, and of what is each cloud's own no
        other cloud is given one.
        """
        self.kind = vocabulary.kind
        self._has_name = vocabulary.has_name
        self._is_clouds_own = never if kind is None else kind.is_clouds_own
        self._references = [one for one in vocabulary.said if one.rules.refers and one.type is not None]
        self.after = tuple(dict.fromkeys([*self.after, *(one.rules.refers for one in self._references)]))
        self._defaults = {
            one.key: one.default
            for one in (kind.fields.values() if kind is not None else ())
            if one.key and one.default is not UNSET and one.default is not REQUIRED
        }
        self._kept = [
            one
            for one in vocabulary.said
            if not (one.rules.refers or one.rules.separate or one.rules.per_cloud)
        ]

    def rank(self, observed: S) -> int:
        """No order among them."""
        return 0

    def needed(self, observed: S, listed: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, str]]:
        """What it refers to comes with it, and its parts."""
        found = [
            (one.rules.refers, id) for one in self._references for id in _ids(getattr(observed, one.name))
        ]
        for kind, field in self.parts.items():
            every = listed.get(kind, {}).values()
            found += [(kind, one.remote_id) for one in every if getattr(one, field) == observed.remote_id]
        return found

    def rests_here(self, resource: Resource, presence: Presence) -> bool:
        """No: what is on it, or behind it, is in the cloud."""
        return False

    async def judge(self, tx: Transaction, observed: S, context: AdoptionContext) -> Verdict:
        """Its project must be somebody's here, and its id nobody else's."""
        project_id = await self.owner(tx, observed, context)
        if isinstance(project_id, Ignore):
            return project_id
        id = observed.marker or observed.remote_id
        known = await context.resource(tx, self.kind, id)
        if known is None:
            return await self.complete(
                tx, self.resource(id, project_id, observed, context), observed, context
            )
        if observed.marker and known.project_id == project_id:
            return await self.join(tx, known, observed, context)
        return self.clash(known)

    async def owner(self, tx: Transaction, observed: S, context: AdoptionContext) -> str | Ignore:
        """Our id of the project that it will belong to; `Ignore` where that is nobody's.

        What everybody may use there is needed though its project is nobody's here: then it belongs to nobody.
        """
        project_id = context.project(observed.project_id)
        if project_id is None:
            return "" if self.is_everybodys(observed) else unmapped()
        return project_id

    def is_everybodys(self, observed: S) -> bool:
        """Whether all projects of the cloud may use it."""
        return bool(getattr(observed, "shared", False))

    async def complete(
        self, tx: Transaction, resource: Resource, observed: S, context: AdoptionContext
    ) -> Adopt | Conflict | Ignore:
        """What becomes of one that is not known here: what it refers to must be taken over before."""
        referred = await self.references(tx, observed, context)
        if isinstance(referred, Conflict):
            return referred
        needs = [Need(one.rules.refers, id) for one in self._references for id in _ids(referred[one.name])]
        resource.desired |= referred
        return Adopt(resource, needs)

    async def references(
        self, tx: Transaction, observed: S, context: AdoptionContext, *, known: Collection[str] = ()
    ) -> dict[str, Any] | Conflict:
        """Its fields that refer to others, by our ids; but for those of kinds that are `known`."""
        found: dict[str, Any] = {}
        for one in self._references:
            kind, there = one.rules.refers, getattr(observed, one.name)
            if kind in known:
                continue
            ours = []
            for id in _ids(there):
                taken = await context.taken(tx, kind, id)
                if taken is None:
                    return Conflict(f"its {_noun(kind)} {id} is not taken over")
                ours.append(taken.id)
            is_many = isinstance(one.default, list)
            found[one.name] = ours if is_many else next(iter(ours), None)
        return found

    async def join(
        self, tx: Transaction, known: Resource, observed: S, context: AdoptionContext
    ) -> Merge | Conflict:
        """What becomes of one of ours."""
        return Merge(known.id)

    def clash(self, known: Resource) -> Conflict:
        """Its id is another's here."""
        return Conflict(f"there is another {self.noun} {known.id} ({known.name}) here")

    @property
    def noun(self) -> str:
        """What a sentence calls one of it."""
        return _noun(self.kind)

    def resource(self, id: str, project_id: str, observed: S, context: AdoptionContext) -> Resource:
        """The resource of it."""
        made = Resource(
            kind=self.kind,
            id=id,
            project_id=project_id,
            name=observed.name,
            desired=self.desired(observed),
            created_at=stamp(observed.created_at),
        )
        if self._is_clouds_own(made):
            made.choice = {"only": [context.cloud]}
        return made

    def desired(self, observed: S) -> dict[str, Any]:
        """What is desired from now on: what is there. Where the cloud does not say, the default."""
        return {
            **copy.deepcopy(self._defaults),
            **({"name": observed.name} if self._has_name else {}),
            "description": observed.description or "",
            "tags": list(observed.tags),
            **{one.key: _kept(one, observed) for one in self._kept},
        }


def _noun(kind: str) -> str:
    return _NOUNS.get(kind, kind.replace("_", " "))


def _ids(value: Any) -> Sequence[str]:
    """The ids that a field has: one, several, or none."""
    if isinstance(value, str):
        return [value] if value else []
    return value if isinstance(value, list) else []


def _kept(field: WireField, observed: Observed) -> Any:
    value = getattr(observed, field.name, None)
    if field.rules.cloud_chooses or value is None or value is UNSET:
        # What a cloud chose itself shows, and another may have to choose otherwise.
        value = field.default
    return list(value) if isinstance(value, list) else value
