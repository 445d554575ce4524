"""Kinds of a child's Cinder that are somebody's: one collection each, our marker in their metadata."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from typing import Any, ClassVar, Generic, TypeVar

import msgspec
from msgspec import Struct

from fractus.clouds.openstack import marks
from fractus.clouds.openstack.child import Child
from fractus.clouds.openstack.services import VOLUME_SERVICES, Ask, reaches, segment
from fractus.model.cloud import HOME, Observed, Scope, Step, Wanted
from fractus.model.errors import Missing, Refused
from fractus.model.volumes import BackupObserved, SnapshotObserved, VolumeObserved

W = TypeVar("W", bound=Wanted)
S = TypeVar("S", bound=VolumeObserved | SnapshotObserved | BackupObserved)

_PAGE = 500

#: The latest microversion that says something of use.
_READ = "3.71"

#: From here on a listing takes `updated_at=gte:...`.
_CURSOR = "3.60"


class Document(Struct, kw_only=True):
    """What Cinder prints of every kind."""

    id: str
    name: str | None = None
    description: str | None = None
    created_at: str | None = None
    updated_at: str | None = None
    user_id: str | None = None
    metadata: dict[str, str] = {}

    def common_fields(self, child: Child) -> dict[str, Any]:
        """What all kinds have in what was observed of them."""
        kept = self.metadata
        return {
            "remote_id": self.id,
            **child.judged(kept.get(marks.KEY, ""), kept.get(marks.BY, "")),
            "name": self.name or "",
            "description": self.description,
            "changed_at": self.updated_at or self.created_at or "",
            "created_at": self.created_at or "",
            "user_id": self.user_id or "",
            "notes": marks.notes_in(kept.get(marks.NOTES, "")),
        }


class Cinder:
    """Calls to the block storage of one child. Paths have the project in front: before 3.67 Cinder insists on it."""

    def __init__(self, child: Child) -> None:
        self.child = child

    async def is_there(self) -> bool:
        """Whether the child has block storage at all."""
        endpoints = (await self.child.projects.home()).endpoints
        return any(name in endpoints for name in VOLUME_SERVICES)

    async def ask(self, scope: Scope, method: str, path: str, **more: Any) -> Ask:
        """A call to be made for `scope`; `Refused` where there is no block storage."""
        if not await self.is_there():
            raise Refused(f"{self.child.name} has no block storage", elsewhere=True)
        project = await self.child.project(scope)
        version = await self.child.services.version(_READ, "volume")
        return Ask(
            service="volume", method=method, path=f"/{segment(project)}{path}", version=version, **more
        )

    async def act(self, scope: Scope, path: str, body: dict[str, Any], *, repeat: bool = False) -> None:
        """An action of one thing."""
        await self.child.send(
            scope, await self.ask(scope, "POST", f"{path}/action", body=body, repeat=repeat)
        )


class CinderKind(ABC, Generic[W, S]):
    """The actuator of one collection. What is particular to a kind, a subclass says."""

    kind: ClassVar[str]
    collection: ClassVar[str]
    document: ClassVar[type[Document]]
    observed_type: ClassVar[type[Observed]]

    def __init__(self, child: Child) -> None:
        self._child = child
        self._cinder = Cinder(child)
        self._decode = msgspec.json.Decoder(self.document).decode

    # --- what a kind says ------------------------------------------------------------------------

    @abstractmethod
    def observed(self, document: Any) -> S:
        """What the document says."""

    @abstractmethod
    def body(self, wanted: W) -> dict[str, Any]:
        """What to send to make it, but for name, description and metadata."""

    @abstractmethod
    def search(self, wanted: W) -> dict[str, str]:
        """The query of a listing in which the one with our marker would be."""

    @property
    def steps(self) -> Mapping[str, Callable[[Scope, str, dict[str, Any]], Any]]:
        """The verbs of the kind beside those that all have."""
        return {}

    # --- the protocol ----------------------------------------------------------------------------

    def path_of(self, remote_id: str) -> str:
        """Path of one of them."""
        return f"/{self.collection}/{segment(remote_id)}"

    async def observe(self, scope: Scope, remote_id: str) -> S:
        """What is there now, as an administrator is shown it; as its project is, where the credential is none."""
        try:
            return await self._show(HOME, remote_id)
        except Missing:
            return await self._show(scope, remote_id)

    async def _show(self, scope: Scope, remote_id: str) -> S:
        ask = await self._cinder.ask(scope, "GET", self.path_of(remote_id))
        return self.observed(await self._child.item(scope, ask, self.kind, self.document))

    async def find(self, scope: Scope, wanted: W) -> S | None:
        """The one with our marker in this project."""
        if not await self._cinder.is_there():
            return None
        ask = await self._cinder.ask(scope, "GET", f"/{self.collection}/detail", query=self.search(wanted))
        async for page in self._child.pages(scope, ask, self.collection, limit=_PAGE):
            for raw in page:
                observed = self._read(raw)
                if observed is not None and observed.marker == wanted.id:
                    return observed
        return None

    async def create(self, scope: Scope, wanted: W) -> S:
        """Make it, with our marker in its metadata."""
        body = {
            "name": wanted.name,
            "description": getattr(wanted, "description", None),
            "metadata": {**getattr(wanted, "metadata", {}), **self._marker(wanted)},
            **self.body(wanted),
        }
        whole = {self.kind: body, **self.beside(wanted)}
        ask = await self._cinder.ask(scope, "POST", f"/{self.collection}", body=whole)
        made = await self._child.item(scope, ask, self.kind, self.document)
        return self.observed(made)

    def beside(self, wanted: W) -> dict[str, Any]:
        """What stands in the body of a create beside the thing itself."""
        return {}

    def _marker(self, wanted: W) -> dict[str, str]:
        by = {marks.BY: self._child.by} if self._child.by else {}
        notes = {marks.NOTES: msgspec.json.encode(wanted.notes).decode()} if wanted.notes else {}
        return {marks.KEY: wanted.id, **by, **notes}

    async def apply(self, scope: Scope, remote_id: str, step: Step) -> None:
        """One verb of `fractus.model.volumes`."""
        path = self.path_of(remote_id)
        match step.verb:
            case "update":
                ask = await self._cinder.ask(scope, "PUT", path, body={self.kind: step.body})
                await self._child.send(scope, ask)
            case "set_metadata":
                await self._set_metadata(scope, remote_id, step.body["metadata"])
            case "reset_status":
                await self._cinder.act(HOME, path, {"os-reset_status": step.body}, repeat=True)
            case verb if verb in self.steps:
                await self.steps[verb](scope, remote_id, step.body)
            case verb:
                raise Refused(f"a {self.kind} of {self._child.name} has no verb {verb}")

    async def _set_metadata(self, scope: Scope, remote_id: str, metadata: dict[str, str]) -> None:
        """Put the whole set; what is ours in it stays."""
        path = f"{self.path_of(remote_id)}/metadata"
        ask = await self._cinder.ask(scope, "GET", path)
        there = await self._child.item(scope, ask, "metadata", dict[str, str])
        body = {"metadata": {**without(metadata), **{key: there[key] for key in OURS if key in there}}}
        await self._child.send(scope, await self._cinder.ask(scope, "PUT", path, body=body))

    async def delete(self, scope: Scope, remote_id: str) -> None:
        """Ask for its end."""
        ask = await self._cinder.ask(scope, "DELETE", self.path_of(remote_id))
        await self._child.send(scope, ask)

    async def delete_or_force(self, scope: Scope, remote_id: str, stuck: Collection[str]) -> None:
        """The same; one that failed is forced, and so is one in a state of `stuck`: Cinder deletes nothing then, and
        here only an administrator may have asked for it.
        """
        try:
            await CinderKind.delete(self, scope, remote_id)
        except Refused as refusal:
            if refusal.status != 400:
                raise
            status = (await self.observe(scope, remote_id)).status
            if status == "deleting" and status not in stuck:
                return
            if not status.startswith("error") and status not in stuck:
                raise
            await self._cinder.act(HOME, self.path_of(remote_id), {"os-force_delete": {}}, repeat=True)

    async def has_cursor(self) -> bool:
        """Cinder tells what changed since 3.60. It never lists deleted ones."""
        return await self._cinder.is_there() and reaches(
            await self._child.services.version(_READ, "volume"), _CURSOR
        )

    async def list_changed(self, since: str) -> AsyncIterator[S]:
        """All of all projects, changed at or after `since` where Cinder can tell."""
        if not await self._cinder.is_there():
            return
        query = {"all_tenants": "1", "sort": "created_at:asc"}
        quick = bool(since) and await self.has_cursor()
        if quick:
            query["updated_at"] = f"gte:{since}"
        ask = await self._cinder.ask(HOME, "GET", f"/{self.collection}/detail", query=query)
        async for page in self._child.pages(HOME, ask, self.collection, limit=_PAGE, gently=not quick):
            for raw in page:
                observed = self._read(raw)
                if observed is not None:
                    yield observed

    def _read(self, raw: msgspec.Raw) -> S | None:
        """One item of a listing; None where it does not even say its id."""
        try:
            return self.observed(self._decode(raw))
        except msgspec.DecodeError as error:
            remote_id = self._child.unreadable(self.kind, raw, error)
            unread: Any = self.observed_type(remote_id=remote_id, unread=str(error)) if remote_id else None
            return unread  # type: ignore[no-any-return]


#: Keys of metadata that are ours.
OURS = (marks.KEY, marks.BY, marks.NOTES)


def without(metadata: Mapping[str, str]) -> dict[str, str]:
    """Metadata as its user has it."""
    return {key: value for key, value in metadata.items() if key not in OURS}
