"""Kinds of a child's Nova that belong to no project: one collection each, the marker in the name by which each is asked
for, all else as its vocabulary says. All is done with the credential's own rights.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any, ClassVar, Generic, TypeVar

import msgspec
from msgspec import Struct

from fractus.clouds.openstack import marks
from fractus.clouds.openstack.child import Child
from fractus.clouds.openstack.documents import Documents
from fractus.clouds.openstack.services import Ask, segment
from fractus.model.cloud import HOME, Observed, Scope, Step, Wanted
from fractus.model.errors import Missing, Refused
from fractus.model.wire import Vocabulary

W = TypeVar("W", bound=Wanted)
S = TypeVar("S", bound=Observed)

_PAGE = 200


class Document(Struct, kw_only=True):
    """What Nova prints of every kind; of what is asked for by its name, `id` is a number without meaning."""

    id: str | int = ""
    name: str = ""
    description: str | None = None


class NovaKind(Generic[W, S]):
    """The actuator of one collection. What is particular to a kind, a subclass says."""

    vocabulary: ClassVar[Vocabulary[Any, Any]]
    version: ClassVar[str]
    """The latest microversion that is of use for one of them, and for a listing where `listed_version` is empty."""
    listed_version: ClassVar[str] = ""
    listing: ClassVar[str] = ""
    """Path of the listing that tells all of each; empty: the collection's own."""
    listed_with: ClassVar[Mapping[str, str]] = {}
    """The query of that listing."""
    wrapped: ClassVar[bool] = False
    """Each item of a listing stands in an object of its own, under the kind's name."""
    named_by: ClassVar[str] = "id"
    """The field by which one is asked for: `id` or `name`."""
    printed: ClassVar[Mapping[str, Any]] = {}
    """Types of fields that are printed otherwise than they are kept."""

    def __init__(self, child: Child) -> None:
        self._child = child
        self.kind = self.vocabulary.kind
        self._documents = Documents(self.vocabulary, Document, self.printed)
        self._decode_wrapped = msgspec.json.Decoder(dict[str, self._documents.type]).decode  # type: ignore[name-defined]

    # --- what a kind may say ---------------------------------------------------------------------

    def names(self, wanted: W) -> list[str]:
        """What it is called there, and what versions of fractus called it that did not say whose it is."""
        return [marks.name(wanted.id, self._child.by), marks.name(wanted.id)]

    def body(self, wanted: W, version: str) -> dict[str, Any]:
        """What to send to make it, without name and marker."""
        said = [one for one in self.vocabulary.said if not one.rules.separate]
        return {one.wire: getattr(wanted, one.name) for one in said}

    def common_fields(self, document: Any) -> dict[str, Any]:
        """What all kinds have in what was seen of them."""
        name = str(getattr(document, self.named_by))
        judged = self._child.judged(marks.from_name(name), marks.by_name(name))
        return {"remote_id": name, "name": document.name, **judged}

    async def observed(self, document: Any) -> S:
        """What the document says."""
        observed: S = self.vocabulary.observed(
            **self.common_fields(document), **self._documents.fields(document)
        )
        return observed

    def is_listed(self, document: Any) -> bool:
        """Whether a listing tells of it."""
        return True

    def refuse(self, there: S, wanted: W) -> None:
        """`Refused` where what is there already by our name for it will not do."""

    async def instead(self, scope: Scope, wanted: W, refusal: Refused) -> S:
        """What makes a refused creation unnecessary, or the refusal."""
        there = await self.find(scope, wanted) if refusal.status == 409 else None
        if there is None:
            raise refusal
        self.refuse(there, wanted)
        return there

    async def apply(self, scope: Scope, remote_id: str, step: Step) -> None:
        """It does not change."""
        raise Refused(f"{self.kind}s of {self._child.name} have no verb {step.verb}")

    # --- the protocol ----------------------------------------------------------------------------

    def path_of(self, remote_id: str) -> str:
        """Path of one of them."""
        return f"{self.vocabulary.path}/{segment(remote_id)}"

    async def version_of(self, at_most: str) -> str:
        """The microversion to ask with."""
        return await self._child.services.version(at_most)

    async def observe(self, scope: Scope, remote_id: str) -> S:
        """What is there now."""
        ask = Ask(
            service="compute", path=self.path_of(remote_id), version=await self.version_of(self.version)
        )
        return await self.observed(await self._child.item(HOME, ask, self.kind, self._documents.type))

    async def find(self, scope: Scope, wanted: W) -> S | None:
        """The one that we made, by what we call it there."""
        for name in dict.fromkeys(self.names(wanted)):
            try:
                there = await self.observe(scope, name)
            except Missing:
                continue
            if not there.managed_by:
                return marked(there, wanted)
        return None

    async def create(self, scope: Scope, wanted: W) -> S:
        """Make it, with the marker in what we call it."""
        version = await self.version_of(self.version)
        body = {self.named_by: self.names(wanted)[0], **self.body(wanted, version)}
        path = self.vocabulary.path
        ask = Ask(service="compute", method="POST", path=path, body={self.kind: body}, version=version)
        try:
            made = await self._child.item(HOME, ask, self.kind, self._documents.type)
        except Refused as refusal:
            return await self.instead(scope, wanted, refusal)
        return marked(await self.observed_new(made), wanted)

    async def observed_new(self, document: Any) -> S:
        """What the answer to a create says. Nothing that can fail may follow a create."""
        return await self.observed(document)

    def is_ours(self, remote_id: str) -> bool:
        """Whether its name says that we made it."""
        return bool(self._child.judged(marks.from_name(remote_id), marks.by_name(remote_id))["marker"])

    async def delete(self, scope: Scope, remote_id: str) -> None:
        """Delete it, if we made it. Of one that is the child's own, nothing of ours is there: `Missing`."""
        if not self.is_ours(remote_id):
            raise Missing(f"{self.kind} {remote_id} of {self._child.name} is not of our making and stays")
        ask = Ask(service="compute", method="DELETE", path=self.path_of(remote_id))
        await self._child.send(HOME, ask)

    async def has_cursor(self) -> bool:
        """Nova keeps no stamps of them, or prints none in their listing."""
        return False

    async def list_changed(self, since: str) -> AsyncIterator[S]:
        """All of them, always; deleted ones are never listed."""
        async for observed in self.listed(self.listed_with):
            yield observed

    async def listed(self, query: Mapping[str, str]) -> AsyncIterator[S]:
        """All that a listing with this query tells of."""
        ask = Ask(
            service="compute",
            path=self.listing or self.vocabulary.path,
            query=query,
            version=await self.version_of(self.listed_version or self.version),
        )
        pages = self._child.pages(
            HOME, ask, self.vocabulary.collection, limit=_PAGE, mark=self._mark, gently=True
        )
        async for page in pages:
            for raw in page:
                try:
                    document = self._decode(raw)
                except msgspec.DecodeError as error:
                    remote_id = self._child.unreadable(self.kind, raw, error)
                    if remote_id:
                        yield self.vocabulary.observed(remote_id=remote_id, unread=str(error))
                    continue
                if self.is_listed(document):
                    yield await self.observed(document)

    def _decode(self, raw: msgspec.Raw) -> Any:
        if not self.wrapped:
            return self._documents.decode(raw)
        documents = self._decode_wrapped(raw)
        if self.kind not in documents:
            raise msgspec.ValidationError(f"Object missing required field `{self.kind}`")
        return documents[self.kind]

    def _mark(self, raw: msgspec.Raw) -> str:
        """What the next page is asked for by."""
        try:
            found = msgspec.json.decode(raw, type=dict[str, Any])
        except msgspec.DecodeError:
            return ""
        inner = found.get(self.kind) if self.wrapped else found
        return str(inner.get(self.named_by, "")) if isinstance(inner, dict) else ""


def marked(observed: S, wanted: Wanted) -> S:
    """With our id as we know it: from a name that had to be derived it cannot be read back."""
    return msgspec.structs.replace(observed, marker=wanted.id)
