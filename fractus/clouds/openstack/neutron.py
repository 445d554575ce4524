"""Kinds of a child's Neutron: one collection each, the marker in the description, all else as its vocabulary says."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, ClassVar, Generic, TypeVar

import msgspec
from msgspec import Struct

from fractus.clouds.openstack import marks
from fractus.clouds.openstack.child import Child
from fractus.clouds.openstack.documents import Documents
from fractus.clouds.openstack.services import Ask, segment
from fractus.model.cloud import HOME, Observed, Scope, Step, Wanted
from fractus.model.errors import Missing, Refused
from fractus.model.wire import Vocabulary, WireField

W = TypeVar("W", bound=Wanted)
S = TypeVar("S", bound=Observed)

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

    def common_fields(self, child: Child) -> dict[str, Any]:
        """What all kinds have in what was seen of them. The marker is the description of what was made with it, and a
        tag of what was marked later.
        """
        described = marks.described(self.description)
        marker = described.marker or marks.from_tags(self.tags)
        return {
            "remote_id": self.id,
            **child.judged(marker, described.by or marks.by_tags(self.tags)),
            "name": self.name,
            "changed_at": self.updated_at or "",
            "created_at": self.created_at or "",
            "project_id": self.owner,
            "description": described.text,
            "tags": marks.own(self.tags),
            "notes": described.notes,
        }

    @property
    def owner(self) -> str:
        """The project it belongs to; old Neutrons know only the older name of it."""
        return self.project_id or self.tenant_id


class NeutronKind(Generic[W, S]):
    """The actuator of one collection. What the vocabulary does not say of a kind, a subclass does."""

    printed: Mapping[str, Any] = {}
    """Types of fields that are printed otherwise than they are kept."""
    selections: ClassVar[Sequence[Mapping[str, str]]] = ({},)
    """Filters of its listings, one after the other; of most kinds all are listed at once."""
    observed_as_admin: ClassVar[bool] = False
    """Only an administrator is shown all of one, so it is asked for with the credential's own rights."""

    def __init__(self, child: Child, vocabulary: Vocabulary[W, S]) -> None:
        self._child = child
        self.vocabulary = vocabulary
        self.kind, self.resource = vocabulary.kind, vocabulary.resource
        self._documents = Documents(vocabulary, Document, self.printed)
        self._admins = frozenset(one.wire for one in vocabulary.said if one.rules.admin)

    def body(self, wanted: W, extensions: frozenset[str]) -> dict[str, Any]:
        """What to send to make it, without name and marker; `Refused` where the child lacks an extension for it.

        What is Neutron's own default is not said, so that it needs no extension.
        """
        body = {}
        for field in self.vocabulary.said:
            value = getattr(wanted, field.name)
            if not field.rules.separate and self._is_said(field, value, extensions):
                body[field.wire] = msgspec.to_builtins(value)
        return body

    def _is_said(self, field: WireField, value: Any, extensions: frozenset[str]) -> bool:
        is_plain = value == field.default
        if field.rules.extension and field.rules.extension not in extensions:
            if not is_plain and not field.rules.optional:
                self._lacks(field)
            return False
        return not (field.rules.unsaid and is_plain)

    def _lacks(self, field: WireField) -> None:
        raise Refused(
            f"{self._child.name} cannot give {field.rules.purpose}: its network service lacks"
            f" {field.rules.extension}",
            elsewhere=True,
        )

    async def _lacks_all(self) -> bool:
        """Whether the child has none of the kind, for it lacks what brings it."""
        alias = self.vocabulary.extension
        return bool(alias) and alias not in await self._child.services.extensions()

    def observed(self, document: Document) -> S:
        """What the document says."""
        return self.vocabulary.observed(**document.common_fields(self._child), **self.fields(document))

    def fields(self, document: Document) -> dict[str, Any]:
        """What it says beside what all kinds have."""
        return self._documents.fields(document)

    def read(self, raw: bytes | msgspec.Raw) -> S | None:
        """One item of a listing; None where it is not reported. `msgspec.DecodeError` where it cannot be read."""
        document = self._documents.decode(raw)
        return self.observed(document) if self.listed(document) else None

    def listed(self, document: Document) -> bool:
        """Whether a listing tells of it."""
        return True

    @property
    def path(self) -> str:
        """Path of the collection."""
        return self.vocabulary.path

    def item_path(self, remote_id: str) -> str:
        """Path of one of them."""
        return f"{self.path}/{segment(remote_id)}"

    async def observe(self, scope: Scope, remote_id: str) -> S:
        """What is there now. Where the credential is no administrator, its project is asked after all."""
        if self.observed_as_admin and scope.project_id:
            try:
                return await self._observe(HOME, remote_id)
            except Missing:
                pass
        return await self._observe(scope, remote_id)

    async def _observe(self, scope: Scope, remote_id: str) -> S:
        ask = Ask(service="network", path=self.item_path(remote_id))
        return self.observed(await self._child.item(scope, ask, self.resource, self._documents.type))

    async def find(self, scope: Scope, wanted: W) -> S | None:
        """The one with our marker in this project."""
        if await self._lacks_all():
            return None
        for query in self.searches(wanted):
            for document in await self._having(scope, query):
                observed = self.observed(document)
                if observed.marker == wanted.id and marks.from_tag(document.description):
                    return observed
        return None

    def searches(self, wanted: W) -> list[dict[str, str]]:
        """What the one with our marker is looked for by, one after the other: as it is written, and as versions of
        fractus wrote it that did not say whose it is; one with notes in its description by fields of its own.
        """
        if self.vocabulary.found_by:
            by = {name: getattr(wanted, name) for name in self.vocabulary.found_by}
            return [{name: str(value) for name, value in by.items() if value}]
        texts = (self._description(wanted), marks.tag(wanted.id))
        return [{"description": text} for text in dict.fromkeys(texts)]

    def _description(self, wanted: W) -> str:
        return marks.noted(wanted.id, wanted.notes, _DESCRIPTION, self._child.by)

    async def _having(self, scope: Scope, query: dict[str, str]) -> list[Document]:
        """Those of this project that a filter selects. Others' shared networks are listed too, and are not ours."""
        project_id = await self._child.project(scope)
        ask = Ask(service="network", path=self.path, query={**query, "project_id": project_id})
        several: type[list[Document]] = list[self._documents.type]  # type: ignore[name-defined]
        listed = await self._child.item(scope, ask, self.vocabulary.collection, several)
        return [document for document in listed if document.owner == project_id]

    async def create(self, scope: Scope, wanted: W) -> S:
        """Make it, with our marker as its description."""
        if await self._lacks_all():
            raise Refused(
                f"{self._child.name} has no {self.vocabulary.collection}: its network service lacks"
                f" {self.vocabulary.extension}",
                elsewhere=True,
            )
        body = self.body(wanted, await self._child.services.extensions())
        body["description"] = self._description(wanted)
        if self.vocabulary.has_name:
            body["name"] = self.name(wanted)
        make = self._make_as_admin if self._admins & body.keys() else self._make
        return self.observed(await make(scope, body))

    async def _make(self, scope: Scope, body: dict[str, Any]) -> Document:
        ask = Ask(service="network", method="POST", path=self.path, body={self.resource: body})
        return await self._child.item(scope, ask, self.resource, self._documents.type)

    async def _make_as_admin(self, scope: Scope, body: dict[str, Any]) -> Document:
        """Make what a plain member may not, for the project that `scope` means: it owns it, and its quota is spent."""
        owned = {**body, "project_id": await self._child.project(scope)}
        ask = Ask(service="network", method="POST", path=self.path, body={self.resource: owned})
        return await self._child.item(HOME, ask, self.resource, self._documents.type)

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
        if self._admins & changes.keys():
            scope = HOME
        ask = Ask(
            service="network", method="PUT", path=self.item_path(remote_id), body={self.resource: changes}
        )
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
        if await self._lacks_all():
            return
        for selection in self.selections:
            async for observed in self._list(since, selection):
                yield observed

    async def _list(self, since: str, selection: Mapping[str, str]) -> AsyncIterator[S]:
        query = {"sort_key": "id", "sort_dir": "asc", **selection}
        quick = bool(since) and await self.has_cursor()
        if quick:
            query["changed_since"] = since
        ask = Ask(service="network", path=self.path, query=query)
        async for page in self._child.pages(
            HOME, ask, self.vocabulary.collection, limit=_PAGE, gently=not quick
        ):
            for raw in page:
                try:
                    observed = self.read(raw)
                    if observed is not None:
                        yield observed
                except msgspec.DecodeError as error:
                    remote_id = self._child.unreadable(self.kind, raw, error)
                    if remote_id:
                        yield self.vocabulary.observed(remote_id=remote_id, unread=str(error))
