"""The API of a declared kind: all that Neutron does alike for every collection, in Neutron's order of judgement.

What is particular to a kind overrides a hook: `judge` before the transaction, the others in it. A hook raises what
refuses the request; nothing of a refused request is kept.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, ClassVar

from msgspec import UNSET, structs

from fractus.base.ids import new_id
from fractus.model.carried import CARRIED
from fractus.model.errors import ApiError, NotAllowed, NotFound
from fractus.model.resource import Need, Resource
from fractus.services.field import given
from fractus.services.kind import Kind
from fractus.services.network.dialect.api import lists
from fractus.services.network.dialect.api.access import (
    authorise,
    check_revision,
    fetch_visible,
    refuse_body,
    refuse_foreign,
    revision_asked,
    shown_to,
    visible,
)
from fractus.services.network.dialect.api.lists import Lists, Special
from fractus.services.network.dialect.api.neighbours import NetworkNeighbours
from fractus.services.network.dialect.api.replies import collection_routes, created
from fractus.services.network.dialect.api.tags import Tags
from fractus.services.network.dialect.queries.defaults import default_of
from fractus.services.network.dialect.schema.attributes import Item, Request, read
from fractus.services.network.dialect.schema.errors import not_carried, not_found
from fractus.store.listing import Filter, Filters
from fractus.store.transaction import Reader, Transaction
from fractus.web.routing import Call, Reply, Route


class CollectionApi:
    """Handlers of one kind. A subclass names it, and overrides the hooks that it needs."""

    kind: ClassVar[Kind]
    core: ClassVar[bool] = True
    """Of Neutron's core; else an extension, which judges some requests in another order."""
    bulk: ClassVar[bool] = True
    """Several may be made with one request."""
    updates: ClassVar[bool] = True
    """One may be changed; else a PUT is judged like any, and refused."""
    on_network: ClassVar[bool] = False
    """Who may make one depends on whose network it is on: its hooks ask for that, once they know the network."""
    special: ClassVar[Mapping[str, Special]] = {}
    """Filters of its list that are no columns: parameter -> conditions."""
    admin_rule: ClassVar[str] = ""
    """The policy rule of those who see what a document has apart; empty where it has nothing apart."""
    tagged: ClassVar[str] = ""
    """The path of what has tags, where that is not the collection's."""
    changed_here: ClassVar[Collection[str]] = ("name",)
    """What of that which clouds are sent may be changed where the thing is each cloud's own."""
    actions: ClassVar[Mapping[str, str]] = {}
    """`PUT {collection}/{id}/NAME` beside its update: name, also of the rule and of the handler -> summary."""

    def __init__(self, at: NetworkNeighbours) -> None:
        """Of what the kinds of networking have in common. A subclass takes from it what else it asks of others."""
        self._at, self._store = at, at.store
        self._writes = at.writer(self.kind)
        self._resources = at.ledger.resources
        kind = self.kind
        self._key = kind.key
        self._kept = {name: one.key for name, one in kind.fields.items() if one.key}
        self._referring = tuple((one.name, one.refers) for one in kind.fields.values() if one.refers)
        self._lists = Lists(
            collection=kind.collection,
            table=kind.table,
            attributes=kind.fields,
            scope=lambda principal: kind.scope(principal.project_id),
            missing=self.missing,
            admin_rule=self.admin_rule,
            special=dict(self.special),
            tombstones=kind.parent is None,
        )

    def routes(self) -> list[Route]:
        """All of them."""
        kind = self.kind
        path = kind.root[1:]
        update = self.update if self.updates else None
        found = collection_routes(self, kind.key, path, kind.fields, update=update, core=self.core)
        if not self.updates:
            summary = f"Refused: a {kind.noun} is never changed."
            one = f"{kind.root}/{{id}}"
            found.append(
                Route(method="PUT", path=one, handler=self.keep, rule=f"get_{kind.key}", summary=summary)
            )
        if "tags" in kind.fields:
            tagged = self.tagged or path
            found += Tags(
                kind.key, tagged, self._store, self.permitted, self._writes.touch, plural=kind.collection
            ).routes()
        for name, summary in self.actions.items():
            path, handler = f"{kind.root}/{{id}}/{name}", getattr(self, name)
            found.append(Route(method="PUT", path=path, handler=handler, rule=name, summary=summary))
        return found

    def missing(self, id: str) -> NotFound:
        """What is said of one that is not there, or that the caller may not see."""
        return not_found(self.kind.name, id)

    async def find(self, reader: Reader, call: Call, id: str, *, to_write: bool = False) -> Resource:
        """The resource, where the caller may see it. `to_write`: others who will change it wait."""
        found = await self._resources.fetch(reader, self.kind.name, id, to_write=to_write)
        return visible(call, found, self.kind.target, self.missing(id), rule=f"get_{self._key}")

    async def permitted(
        self, reader: Reader, call: Call, id: str, rule: str, *, to_write: bool = False
    ) -> Resource:
        """The resource, where the caller may see it and do `rule` to it; `to_write` as of `find`."""
        resource = await self.find(reader, call, id, to_write=to_write)
        call.enforce(rule, self.kind.target(resource))
        return resource

    @asynccontextmanager
    async def acting(self, call: Call, action: str) -> AsyncIterator[tuple[Transaction, Resource]]:
        """The transaction of an action, and the resource that it is asked of."""
        asked = revision_asked(call)
        async with self._store.transaction() as tx:
            resource = await self.permitted(tx, call, call.params["id"], action, to_write=asked is not None)
            check_revision(asked, resource, self.kind.collection)
            yield tx, resource

    def _read(self, call: Call, id: str = "") -> Request:
        """The body of a create, or of a change of `id`."""
        kind = self.kind
        return read(
            self._key, kind.fields, call.body, call.principal,
            create=not id, core=self.core, bulk=self.bulk, id=id,
        )  # fmt: skip

    def _privileged(self, call: Call) -> bool:
        return bool(self.admin_rule) and call.allows(self.admin_rule)

    def _shown(self, call: Call, resource: Resource) -> bytes:
        document = shown_to(call, resource)
        return lists.splice(document, resource.extra) if self._privileged(call) else document

    # --- what the routes do ----------------------------------------------------------------------

    async def index(self, call: Call) -> Reply:
        """GET the list."""
        return await lists.reply(self._store, call, self._lists, more=await self.conditions(call))

    async def show(self, call: Call) -> Reply:
        """GET one."""
        resource = await self.permitted(self._store, call, call.params["id"], f"get_{self._key}")
        return lists.one(self._key, self._shown(call, resource), call.query)

    async def create(self, call: Call) -> Reply:
        """POST one or several: all of them or none."""
        request = self._read(call)
        for item in request.items if not self.on_network else ():
            self.judge(call, item)
        async with self._store.transaction() as tx:
            made = await self.add_all(tx, call, request.items)
        return created(self._key, made, bulk=request.bulk, extra=self._privileged(call))

    async def add_all(self, tx: Transaction, call: Call, items: Sequence[Item]) -> list[Resource]:
        """New resources, one after the other."""
        return [await self.add(tx, call, item) for item in items]

    def new(self, call: Call, item: Item) -> Resource:
        """A resource of what was asked for, before anything is judged."""
        return Resource(
            kind=self.kind.name,
            id=new_id(),
            project_id=item.values.get("project_id", ""),
            user_id=call.principal.user_id,
            name=item.values.get("name", ""),
            desired=given(self.kind.fields, item.values),
            request_id=call.request_id,
        )

    async def add(self, tx: Transaction, call: Call, item: Item) -> Resource:
        """A new resource of what was asked for."""
        resource = self.new(call, item)
        await self.before_create(tx, call, resource, item)
        await self.check_referred(tx, call, item)
        made = await self._writes.create(tx, resource, self.kind.needs(resource))
        await self.after_create(tx, made)
        return made

    async def update(self, call: Call) -> Reply:
        """PUT."""
        kind, id = self.kind, call.params["id"]
        item = self._read(call, id).items[0]
        asked = revision_asked(call)
        async with self._store.transaction() as tx:
            resource = await self.find(tx, call, id, to_write=asked is not None)
            about = self.about(resource, item)
            authorise(call, f"update_{self._key}", kind.fields, item, about, create=False)
            refuse_foreign(kind.fields, item)
            if item.given:
                check_revision(asked, resource, kind.collection)
            if kind.is_clouds_own(resource):
                self._refuse_clouds_own(resource, item)
            more = await self.before_update(tx, call, resource, item) or {}
            await self.check_referred(tx, call, item)
            before = dict(resource.desired)
            values = {
                self._kept[name]: value
                for name, value in item.values.items()
                if value is not UNSET and name in self._kept
            }
            values.update(more)
            await self._writes.update(tx, resource, values, self._needs_after(resource, values))
            await self.after_update(tx, resource, before)
        return lists.one(self._key, self.changed(call, resource), call.query)

    def _needs_after(self, resource: Resource, values: Mapping[str, Any]) -> list[Need] | None:
        """What it needs after a change; None: what it needed before."""
        kind = self.kind
        if kind.needs_from and not kind.needs_from & values.keys():
            return None
        after = kind.needs(structs.replace(resource, desired={**resource.desired, **values}))
        return None if after == kind.needs(resource) else after

    async def check_referred(self, reader: Reader, call: Call, item: Item) -> None:
        """`NotFound` where a value names what is not there, or what the caller may not see."""
        for name, kind in self._referring:
            id = item.values.get(name)
            if id:
                shares = self._at.shares[kind]
                await fetch_visible(reader, self._resources, call, kind, id, shares.target, rule=shares.rule)

    async def check_default(self, reader: Reader, resource: Resource) -> None:
        """Refuse that this one becomes the default one where another is it."""
        rule = self.kind.default
        if rule is not None:
            there = await default_of(reader, self.kind.table, **rule.among(resource))
            if there is not None and there != resource.id:
                raise rule.taken(resource, there)

    async def unshare(
        self, tx: Transaction, resource: Resource, item: Item, refusal: ApiError, *, but: Collection[str] = ()
    ) -> None:
        """Where it is to be shared with all no longer, refuse that while others use it (`but` these projects), or end
        the policies that share it so.
        """
        if item.values.get("shared") is False and resource.desired["shared"]:
            others = Filter("project_id", "notin", ["", resource.project_id, *but])
            if await self._at.shares[self.kind.name].is_used(tx, resource.id, others):
                raise refusal
            await self._writes.forget_policies(tx, resource.id, "*", action="access_as_shared")

    def _refuse_clouds_own(self, resource: Resource, item: Item) -> None:
        """What is each cloud's own has `changed_here`, and what is not carried; all else is as each cloud has it."""
        for name, value in item.values.items():
            field = self.kind.fields[name]
            if (
                field.carried == CARRIED
                and name not in self.changed_here
                and value != resource.desired.get(field.key)
            ):
                raise not_carried(name, f"an external {self.kind.noun} is each cloud's own")

    async def keep(self, call: Call) -> Reply:
        """PUT of what Neutron never changes."""
        id = call.params["id"]
        self._read(call, id)
        await self.permitted(self._store, call, id, f"get_{self.kind.name}")
        raise NotAllowed(f"A {self.kind.noun} cannot be changed.")

    async def delete(self, call: Call) -> Reply:
        """DELETE."""
        if not self.core:
            refuse_body(call)
        asked, rule = revision_asked(call), f"delete_{self._key}"
        async with self._store.transaction() as tx:
            resource = await self.permitted(tx, call, call.params["id"], rule, to_write=asked is not None)
            refuse_body(call)
            await self.before_delete(tx, call, resource)
            check_revision(asked, resource, self.kind.collection)
            await self._writes.remove(tx, resource)
        return Reply(204)

    async def take_away(self, tx: Transaction, call: Call, resource: Resource) -> None:
        """Delete one, as a DELETE does that may."""
        await self.before_delete(tx, call, resource)
        await self._writes.remove(tx, resource)

    # --- hooks -----------------------------------------------------------------------------------

    async def conditions(self, call: Call) -> Filters:
        """What else holds for all that a list shows."""
        return ()

    def judge(self, call: Call, item: Item) -> None:
        """Whether the caller may make this, as far as the request says; `Forbidden` or `Invalid` if not."""
        name, values = self._key, item.values
        about = {**values, f"{name}:project_id": values.get("project_id", "")}
        authorise(call, f"create_{name}", self.kind.fields, item, about, create=True)
        refuse_foreign(self.kind.fields, item)

    def about(self, resource: Resource, item: Item) -> Mapping[str, Any]:
        """What policy rules are asked about at a change."""
        return self.kind.target(resource)

    async def before_create(self, tx: Transaction, call: Call, resource: Resource, item: Item) -> None:
        """Refuse it, or complete its `desired`."""

    async def after_create(self, tx: Transaction, resource: Resource) -> None:
        """Write what follows from it."""

    async def before_update(
        self, tx: Transaction, call: Call, resource: Resource, item: Item
    ) -> Mapping[str, Any] | None:
        """Refuse the change, or complete `item.values`; what else of its `desired` changes by that."""
        return None

    async def after_update(self, tx: Transaction, resource: Resource, before: Mapping[str, Any]) -> None:
        """Write what follows from it. `before`: its `desired` before the change."""

    def changed(self, call: Call, resource: Resource) -> bytes:
        """The document that answers a change."""
        return self._shown(call, resource)

    async def before_delete(self, tx: Transaction, call: Call, resource: Resource) -> None:
        """Refuse it, or remove what goes with it."""
