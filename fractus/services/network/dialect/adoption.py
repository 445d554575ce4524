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
        self._kept = [
            one
            for one in vocabulary.said
            if not (one.rules.refers or one.rules.separate or one.rules.per_cloud)
        ]

    def rank(self, seen: S) -> int:
        """No order among them."""
        return 0

    def needed(self, seen: S, listed: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, str]]:
        """Nothing comes with it."""
        return []

    def rests_here(self, resource: Resource, presence: Presence) -> bool:
        """No: what is on it, or behind it, is in the cloud."""
        return False

    async def judge(self, tx: Transaction, seen: S, context: AdoptionContext) -> Verdict:
        """Its project must be somebody's here, and its id nobody else's."""
        project_id = self.owner(seen, context)
        if project_id is None:
            return unmapped()
        id = seen.marker or seen.remote_id
        known = await context.resource(tx, self.kind, id)
        if known is None:
            return await self.take(tx, self.resource(id, project_id, seen, context), seen, context)
        if seen.marker and known.project_id == project_id:
            return await self.join(tx, known, seen, context)
        return self.clash(known)

    def owner(self, seen: S, context: AdoptionContext) -> str | None:
        """Our id of the project that it will belong to; None where that is nobody's."""
        return context.project(seen.project_id)

    async def take(
        self, tx: Transaction, resource: Resource, seen: S, context: AdoptionContext
    ) -> Adopt | Conflict | Ignore:
        """What becomes of one that is not known here."""
        return Adopt(resource)

    async def join(
        self, tx: Transaction, known: Resource, seen: S, context: AdoptionContext
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

    def resource(self, id: str, project_id: str, seen: S, context: AdoptionContext) -> Resource:
        """The resource of it."""
        return Resource(
            kind=self.kind,
            id=id,
            project_id=project_id,
            name=seen.name,
            desired=self.desired(seen),
            created_at=stamp(seen.created_at),
        )

    def desired(self, seen: S) -> dict[str, Any]:
        """What is desired from now on: what is there. Where the cloud does not say, the default."""
        return {
            "name": seen.name,
            "description": seen.description or "",
            "tags": list(seen.tags),
            **{one.name: _kept(one, seen) for one in self._kept},
        }


def _kept(field: WireField, seen: Observed) -> Any:
    value = getattr(seen, field.name, None)
    if field.rules.cloud_chooses or value is None or value is UNSET:
        # What a cloud chose itself shows, and another may have to choose otherwise.
        value = field.default
    return list(value) if isinstance(value, list) else value
