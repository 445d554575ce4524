"""A thing of a cloud becomes one of ours, by the id that it has there and with all that its vocabulary names.

What is particular to a kind (what comes with it, whose it is, what it takes besides), its adoption overrides.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Generic, TypeVar

from msgspec import UNSET

from fractus.model.cloud import Observed
from fractus.model.resource import Presence, Resource
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
from fractus.store.transaction import Transaction

S = TypeVar("S", bound=Observed)


class CrudAdoption(Generic[S]):
    """Taking over things of one kind. One of ours that carries our marker is joined; another of its id is a clash."""

    after: tuple[str, ...] = ()

    def __init__(self, vocabulary: Vocabulary[Any, S]) -> None:
        self.kind = vocabulary.kind
        self._has_name = vocabulary.has_name
        self._kept = [
            one
            for one in vocabulary.said
            if not (one.rules.refers or one.rules.separate or one.rules.per_cloud)
        ]

    def rank(self, observed: S) -> int:
        """No order among them."""
        return 0

    def needed(self, observed: S, listed: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, str]]:
        """Nothing comes with it."""
        return []

    def rests_here(self, resource: Resource, presence: Presence) -> bool:
        """No: what is on it, or behind it, is in the cloud."""
        return False

    async def judge(self, tx: Transaction, observed: S, context: AdoptionContext) -> Verdict:
        """Its project must be somebody's here, and its id nobody else's."""
        project_id = self.owner(observed, context)
        if project_id is None:
            return unmapped()
        id = observed.marker or observed.remote_id
        known = await context.resource(tx, self.kind, id)
        if known is None:
            return await self.complete(
                tx, self.resource(id, project_id, observed, context), observed, context
            )
        if observed.marker and known.project_id == project_id:
            return await self.join(tx, known, observed, context)
        return self.clash(known)

    def owner(self, observed: S, context: AdoptionContext) -> str | None:
        """Our id of the project that it will belong to; None where that is nobody's."""
        return context.project(observed.project_id)

    async def complete(
        self, tx: Transaction, resource: Resource, observed: S, context: AdoptionContext
    ) -> Adopt | Conflict | Ignore:
        """What becomes of one that is not known here."""
        return Adopt(resource)

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
        return self.kind.replace("_", " ")

    def resource(self, id: str, project_id: str, observed: S, context: AdoptionContext) -> Resource:
        """The resource of it."""
        return Resource(
            kind=self.kind,
            id=id,
            project_id=project_id,
            name=observed.name,
            desired=self.desired(observed),
            created_at=stamp(observed.created_at),
        )

    def desired(self, observed: S) -> dict[str, Any]:
        """What is desired from now on: what is there. Where the cloud does not say, the default."""
        return {
            **({"name": observed.name} if self._has_name else {}),
            "description": observed.description or "",
            "tags": list(observed.tags),
            **{one.name: _kept(one, observed) for one in self._kept},
        }


def _kept(field: WireField, observed: Observed) -> Any:
    value = getattr(observed, field.name, None)
    if field.rules.cloud_chooses or value is None or value is UNSET:
        # What a cloud chose itself shows, and another may have to choose otherwise.
        value = field.default
    return list(value) if isinstance(value, list) else value
