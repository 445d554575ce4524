"""What all kinds of a simulated cloud have in common: looking up, listing, and crossing the wire."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from typing import Any, ClassVar, Generic, TypeVar

from fractus.base.clock import iso, parse_iso
from fractus.base.ids import new_id
from fractus.clouds.simulated.fault_injector import FaultInjector
from fractus.clouds.simulated.record_store import Records
from fractus.clouds.simulated.records import Record
from fractus.model.cloud import Observed, Scope, Step, Wanted
from fractus.model.errors import Missing, Refused

R = TypeVar("R", bound=Record)
W = TypeVar("W", bound=Wanted)
S = TypeVar("S", bound=Observed)


class Simulated(ABC, Generic[R, W, S]):
    """One kind of thing in one simulated cloud. A kind says what is its own: `observed`, `make`, `change` and `end`.

    As with the real driver, a scope's project is worked in as a plain member, who sees that project's things alone; the
    credential's own project (`HOME`) is an administrator's and sees everything.
    """

    record: type[Record]
    lists_deleted: ClassVar[bool] = False
    """Whether the service tells of deleted things when it is asked for changes (Nova does)."""
    dates_changes: ClassVar[bool] = True
    """Whether its things carry a stamp of their last change (flavors and keypairs do not)."""
    dates_making: ClassVar[bool] = True
    """Whether they carry one of their making (server groups and metering labels do not)."""

    def __init__(self, injector: FaultInjector) -> None:
        """Speak to the cloud through `injector`."""
        self.injector = injector

    # ------------------------------------------------------------------ what a kind says of itself

    @abstractmethod
    def observed(self, thing: R) -> S:
        """How the cloud shows a thing."""

    @abstractmethod
    def make(self, project_id: str, wanted: W) -> R:
        """Check and prepare a new thing as the service does; `begin` writes it."""

    def change(self, thing: R, step: Step) -> None:
        """Take one step. The kind writes the thing itself."""
        raise Refused(f"{self.kind} has no verb {step.verb!r}", status=400)

    def end(self, thing: R) -> None:
        """Delete it."""
        self.records.drop(thing)

    def missing(self, id: str) -> str:
        """The service's sentence for a thing that is not there."""
        return f"{self.kind.replace('_', ' ').capitalize()} {id} could not be found."

    # ------------------------------------------------------------------ the protocol

    @property
    def kind(self) -> str:
        """Its name."""
        return self.record.KIND

    async def observe(self, scope: Scope, remote_id: str) -> S:
        """What is there now."""

        def work() -> S:
            return self.observed(self.held(remote_id, self.injector.project(scope)))

        return await self.injector.call(self.kind, "observe", remote_id, work, change=False)

    async def find(self, scope: Scope, wanted: W) -> S | None:
        """The oldest thing in the project that carries our marker."""

        def work() -> S | None:
            project_id = self.injector.project(scope)
            for thing in self.records.marked(self._record(), wanted.id):
                if thing.project_id == project_id and self.injector.is_ours(thing.by):
                    return self.observed(thing)
            return None

        return await self.injector.call(self.kind, "find", wanted.id, work, change=False)

    async def create(self, scope: Scope, wanted: W) -> S:
        """Make it."""

        def work() -> S:
            thing = self.make(self.injector.project(scope), wanted)
            self.sign(thing, wanted)
            thing.created_at = thing.changed_at = self.now()
            self.begin(thing)
            return self.observed(thing)

        return await self.injector.call(self.kind, "create", wanted.id, work, change=True, repeatable=False)

    async def apply(self, scope: Scope, remote_id: str, step: Step) -> None:
        """Change it in one way."""

        def work() -> None:
            self.change(self.held_to_change(remote_id, self.injector.project(scope)), step)

        method = f"apply {step.verb}"
        await self.injector.call(self.kind, method, remote_id, work, change=True, repeatable=False)

    async def delete(self, scope: Scope, remote_id: str) -> None:
        """Ask for its end."""

        def work() -> None:
            self.end(self.held_to_change(remote_id, self.injector.project(scope)))

        await self.injector.call(self.kind, "delete", remote_id, work, change=True)

    async def has_cursor(self) -> bool:
        """Whether the service keeps stamps of changes."""
        return self.dates_changes

    async def list_changed(self, since: str) -> AsyncIterator[S]:
        """Everything of this kind changed at or after `since`, oldest change first."""

        def work() -> list[S]:
            stamp = parse_iso(since) if since and self.dates_changes else None
            gone = self.lists_deleted and bool(since)
            return [
                self.observed(thing) for thing in self.records.every(self._record(), since=stamp, gone=gone)
            ]

        for observed in await self.injector.call(self.kind, "list_changed", since, work, change=False):
            yield observed

    # ------------------------------------------------------------------ for the kinds

    def common_fields(self, thing: R) -> dict[str, Any]:
        """What all kinds have in what was seen of them."""
        return {
            "remote_id": thing.id,
            "marker": thing.marker if self.injector.is_ours(thing.by) else "",
            "managed_by": "" if self.injector.is_ours(thing.by) else thing.by,
            "name": thing.name,
            "changed_at": self.stamp(thing),
            "created_at": iso(thing.created_at) if self.dates_making else "",
            "project_id": thing.project_id,
            "user_id": thing.user_id,
            "description": thing.description or None,
            "tags": list(thing.tags),
            "notes": dict(thing.notes),
        }

    def sign(self, thing: R, wanted: W) -> None:
        """Put our marker on a new thing."""
        thing.marker, thing.by, thing.notes = wanted.id, self.injector.by, dict(wanted.notes)

    def own(self, wanted: W) -> R | None:
        """The thing whose id is derived from ours, unless it says that it is another's."""
        for id in self.injector.own_ids(wanted.id):
            there = self.records.get(self._record(), id)
            if there is not None and self.injector.is_ours(there.by):
                return there
        return None

    def begin(self, thing: R) -> None:
        """Write a new thing, and whatever comes with it."""
        self.records.put(thing)

    @property
    def records(self) -> Records:
        """All records of the cloud."""
        return self.injector.backend.records

    def now(self) -> float:
        """The cloud's own time."""
        return self.injector.backend.now()

    def stamp(self, thing: R) -> str:
        """When it last changed, as the cloud prints it: in whole seconds."""
        return iso(thing.changed_at) if self.dates_changes else ""

    def touch(self, thing: R) -> None:
        """It has changed now: write it."""
        thing.changed_at = self.now()
        self.records.put(thing)

    def held(self, id: str, project_id: str) -> R:
        """The thing, or `Missing` in the service's words where it is not, or not for this project to see."""
        thing = self.records.get(self._record(), id)
        if thing is None or not (project_id == self.injector.home or self.may_see(thing, project_id)):
            raise Missing(self.missing(id))
        return thing

    def may_see(self, thing: R, project_id: str) -> bool:
        """Whether a member of the project is shown the thing."""
        return thing.project_id == project_id

    def held_to_change(self, id: str, project_id: str) -> R:
        """As `held`, where the project wants to change or remove it."""
        return self.held(id, project_id)

    def spend(self, project_id: str, what: str, error: str) -> None:
        """`Refused` with `error` if the project's quota allows no more things of this kind."""
        limit = self.injector.backend.quota(project_id, what)
        used, _, _ = self.records.used_by_project(self.kind, project_id)
        if limit is not None and limit >= 0 and used + 1 > limit:
            raise Refused(error, status=409, elsewhere=True)

    def new_id(self) -> str:
        """An id as the service makes them."""
        return new_id()

    def _record(self) -> type[R]:
        return self.record  # type: ignore[return-value]
