"""What all kinds of a child's Neutron have in common: one collection each, and the marker in the description."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import Struct

from fractus.clouds.openstack import marks
from fractus.clouds.openstack.child import Child
from fractus.clouds.openstack.services import Ask, segment
from fractus.model.cloud import HOME, Scope, Seen, Step, Wanted
from fractus.model.errors import Refused

W = TypeVar("W", bound=Wanted)
S = TypeVar("S", bound=Seen)
D = TypeVar("D", bound="Document")

_PAGE = 500

#: The longest description that Neutron takes.
_DESCRIPTION = 255

#: Without it there is no `updated_at` and no filter by it.
_TIMESTAMPS = "standard-attr-timestamp"

#: With it Neutron refuses every filter that is no attribute, and `changed_since` is none (seen on Neutron 29).
_STRICT_FILTERS = "filter-validation"


class Document(Struct, kw_only=True):
    """What all things in Neutron print."""

    id: str
    name: str = ""
    description: str | None = ""
    project_id: str = ""
    tenant_id: str = ""
    created_at: str | None = ""
    updated_at: str | None = ""
    tags: list[str] = []

    @property
    def marker(self) -> str:
        """The id that it is marked with: as its description if it was made so, as a tag if it was marked later."""
        return marks.from_tag(self.description) or marks.from_tags(self.tags)

    @property
    def by(self) -> str:
        """Whose that marker is; empty where it does not say."""
        return marks.by_note(self.description) or marks.by_tags(self.tags)

    def told(self, child: Child) -> dict[str, Any]:
        """What all kinds have in what was seen of them."""
        return {
            "remote_id": self.id,
            **child.judged(self.marker, self.by),
            "name": self.name,
            "changed_at": self.updated_at or "",
            "created_at": self.created_at or "",
            "project_id": self.owner,
            "description": "" if marks.from_tag(self.description) else self.description or "",
            "tags": marks.own(self.tags),
            "notes": marks.notes_of(self.description),
        }

    @property
    def owner(self) -> str:
        """The project it belongs to; old Neutrons know only the older name of it."""
        return self.project_id or self.tenant_id


class NeutronKind(ABC, Generic[W, S, D]):
    """An actuator for one collection. Subclasses say how a wish becomes a body, and a document what was seen."""

    kind: str
    """Our name of it, which is also Neutron's name of one of them."""
    collection: str
    document: type[D]
    seen_type: type[S]

    def __init__(self, child: Child) -> None:
        self._child = child

    @abstractmethod
    def body(self, wanted: W, extensions: frozenset[str]) -> dict[str, Any]:
        """What to send to make it, without name and marker; `Refused` where the child lacks an extension for it."""

    @abstractmethod
    def seen(self, document: D) -> S:
        """What the document says."""

    def listed(self, document: D) -> bool:
        """Whether a listing tells of it."""
        return True

    @property
    def path(self) -> str:
        """Path of the collection."""
        return f"/{self.collection}"

    def item_path(self, remote_id: str) -> str:
        """Path of one of them."""
        return f"/{self.collection}/{segment(remote_id)}"

    async def observe(self, scope: Scope, remote_id: str) -> S:
        """What is there now."""
        ask = Ask(service="network", path=self.item_path(remote_id))
        return self.seen(await self._child.item(scope, ask, self.kind, self.document))

    async def find(self, scope: Scope, wanted: W) -> S | None:
        """The one with our marker in this project."""
        for query in self.searches(wanted):
            for document in await self._having(scope, query):
                seen = self.seen(document)
                if seen.marker == wanted.id and marks.from_tag(document.description):
                    return seen
        return None

    def searches(self, wanted: W) -> list[dict[str, str]]:
        """What the one with our marker is looked for by, one after the other: as it is written, and as versions of
        fractus wrote it that did not say whose it is. One with notes in its description needs something else.
        """
        texts = (self._description(wanted), marks.tag(wanted.id))
        return [{"description": text} for text in dict.fromkeys(texts)]

    def _description(self, wanted: W) -> str:
        return marks.noted(wanted.id, wanted.notes, _DESCRIPTION, self._child.by)

    async def _having(self, scope: Scope, query: dict[str, str]) -> list[D]:
        """Those of this project that a filter selects. Others' shared networks are listed too, and are not ours."""
        project_id = await self._child.project(scope)
        ask = Ask(service="network", path=self.path, query={**query, "project_id": project_id})
        listed = await self._child.item(scope, ask, self.collection, list[self.document])  # type: ignore[name-defined]
        return [document for document in listed if document.owner == project_id]

    async def create(self, scope: Scope, wanted: W) -> S:
        """Make it, with our marker as its description."""
        body = self.body(wanted, await self._child.services.extensions())
        body |= {"name": self.name(wanted), "description": self._description(wanted)}
        return self.seen(await self._make(scope, body))

    async def _make(self, scope: Scope, body: dict[str, Any]) -> D:
        ask = Ask(service="network", method="POST", path=self.path, body={self.kind: body})
        return await self._child.item(scope, ask, self.kind, self.document)

    async def _make_as_admin(self, scope: Scope, body: dict[str, Any]) -> D:
        """Make what a plain member may not, for the project that `scope` means: it owns it, and its quota is spent."""
        owned = {**body, "project_id": await self._child.project(scope)}
        ask = Ask(service="network", method="POST", path=self.path, body={self.kind: owned})
        return await self._child.item(HOME, ask, self.kind, self.document)

    def name(self, wanted: W) -> str:
        """Its name there."""
        return wanted.name

    async def apply(self, scope: Scope, remote_id: str, step: Step) -> None:
        """Verb: update, with the fields to change in Neutron's words. The description is the marker's and stays, but
        for the `notes` behind it of the thing whose `id` here is said with them.
        """
        if step.verb != "update":
            raise Refused(f"a {self.kind} of {self._child.name} has no verb {step.verb}")
        changes = {
            key: value for key, value in step.body.items() if key not in ("description", "id", "notes")
        }
        if "notes" in step.body:
            changes["description"] = marks.noted(
                step.body["id"], step.body["notes"], _DESCRIPTION, self._child.by
            )
        await self._update(scope, remote_id, changes)

    async def _update(self, scope: Scope, remote_id: str, changes: dict[str, Any]) -> None:
        ask = Ask(service="network", method="PUT", path=self.item_path(remote_id), body={self.kind: changes})
        await self._child.send(scope, ask)

    async def delete(self, scope: Scope, remote_id: str) -> None:
        """Delete it. `Refused` (409) while something there still uses it."""
        await self._child.send(scope, Ask(service="network", method="DELETE", path=self.item_path(remote_id)))

    async def has_cursor(self) -> bool:
        """Whether this Neutron takes `changed_since`: since Rocky most have filters checked, and then it is refused."""
        extensions = await self._child.services.extensions()
        return _TIMESTAMPS in extensions and _STRICT_FILTERS not in extensions

    async def list_changed(self, since: str) -> AsyncIterator[S]:
        """All of all projects, changed at or after `since` where Neutron can tell. It never lists deleted ones."""
        query = {"sort_key": "id", "sort_dir": "asc"}
        quick = bool(since) and await self.has_cursor()
        if quick:
            query["changed_since"] = since
        ask = Ask(service="network", path=self.path, query=query)
        async for page in self._child.pages(HOME, ask, self.collection, limit=_PAGE, gently=not quick):
            for raw in page:
                try:
                    document = msgspec.json.decode(raw, type=self.document)
                    if self.listed(document):
                        yield self.seen(document)
                except msgspec.DecodeError as error:
                    remote_id = self._child.unreadable(self.kind, raw, error)
                    if remote_id:
                        yield self.seen_type(remote_id=remote_id, unread=str(error))

    def need(self, extension: str, extensions: frozenset[str], what: str) -> None:
        """`Refused` where the child lacks the extension that `what` needs."""
        if extension not in extensions:
            raise Refused(
                f"{self._child.name} cannot give {what}: its network service lacks {extension}",
                elsewhere=True,
            )
