"""What a thing that exists in a cloud becomes here: the vocabulary between `adopt` and the kinds.

A kind joins by an `Adoption`, named in the registry beside its lifecycle. It is asked once for each thing, in the
transaction that writes what it answers, and calls no cloud.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from msgspec import Struct

from fractus.base.clock import parse_iso
from fractus.model.resource import Need, Presence, Resource
from fractus.store.transaction import Transaction


class Adopt(Struct, frozen=True):
    """It becomes a resource of its own.

    `memory` is its presence's. `placed`: it has a presence in the cloud; else only the resource is made of it, and what
    is there stays the cloud's own affair (another user's key, which we could not use there).
    """

    resource: Resource
    needs: Sequence[Need] = ()
    memory: dict[str, Any] = {}
    placed: bool = True


class Merge(Struct, frozen=True):
    """It is one more presence of a resource that we have."""

    id: str
    memory: dict[str, Any] = {}
    placed: bool = True


class Conflict(Struct, frozen=True):
    """It cannot be taken over for something that is here already, or is not: for an operator to decide."""

    reason: str


class Ignore(Struct, frozen=True):
    """It is nothing for us, and stays the cloud's own. What its kind has written of it (addresses in use) stays."""

    reason: str


Verdict = Adopt | Merge | Conflict | Ignore


class AdoptionContext(Protocol):
    """What is known while a cloud is taken over."""

    @property
    def cloud(self) -> str:
        """Its name."""
        ...

    def project(self, remote_id: str) -> str | None:
        """Our id of a project of the child; None where nobody has said which it is."""
        ...

    def user(self, remote_id: str) -> str:
        """Our id of a user of the child; empty where nobody has said who it is."""
        ...

    def listed(self, kind: str) -> Mapping[str, Any]:
        """All that the child has of a kind: what was seen, by remote id."""
        ...

    def planned(self, kind: str, remote_id: str) -> str:
        """The id that a thing has here, or will have: that of its marker, else the child's own."""
        ...

    async def resource(self, tx: Transaction, kind: str, id: str) -> Resource | None:
        """A resource of ours that users have, by our id."""
        ...

    async def taken(self, tx: Transaction, kind: str, remote_id: str) -> Resource | None:
        """The resource that a thing of this child is already."""
        ...

    async def save(self, tx: Transaction, resource: Resource) -> None:
        """Write another resource, whose document names the one that is being taken over."""
        ...


class Adoption(Protocol):
    """One kind, as things of it are taken over."""

    @property
    def after(self) -> tuple[str, ...]:
        """Kinds that come before it: their resources are asked for by `AdoptionContext.taken`."""
        ...

    def rank(self, observed: Any) -> int:
        """Lower ones of the same kind come first."""
        ...

    def needed(self, observed: Any, listed: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, str]]:
        """(kind, remote id) of what has to be taken over with it; `listed`: all that the child has."""
        ...

    def rests_here(self, resource: Resource, presence: Presence) -> bool:
        """Whether a resource lives on here when its last cloud is dropped: `presence` is the one there."""
        ...

    async def judge(self, tx: Transaction, observed: Any, context: AdoptionContext) -> Verdict:
        """What becomes of a thing that is not ours yet, or that carries our marker and is not known here.

        What it takes besides (addresses, rows of rules) it writes itself.
        """
        ...


@runtime_checkable
class MadeByInstallation(Protocol):
    """A kind of which a new installation has some: part of an adoption that needs it."""

    @property
    def made_by_installation(self) -> Sequence[str]:
        """Their ids."""
        ...


def stamp(text: str) -> float:
    """A stamp of the child in seconds; 0.0 where it has none, so that ours stands for it."""
    try:
        return parse_iso(text) if text else 0.0
    except ValueError:
        return 0.0


def unmapped() -> Ignore:
    """Its project is nobody's here."""
    return Ignore("its project is none of those that were named")
