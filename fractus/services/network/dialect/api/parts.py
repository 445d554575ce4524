"""Parts of a resource that have a collection of their own below it (the rules of a QoS policy).

The parts of one resource are few. They stand in its `desired`, each an object with an `id`, and are written with it, so
that its document, its generation and its clouds follow. Lists of them are made from that. A kind's API names its sorts
of parts, and overrides the hooks that it needs.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any, ClassVar, TypeAlias

from fractus.base.ids import new_id
from fractus.model.errors import NotFound
from fractus.model.resource import Resource
from fractus.services.field import Fields
from fractus.services.kind import Kind
from fractus.services.network.dialect.api import lists
from fractus.services.network.dialect.api.access import check_revision, refuse_body, revision_asked
from fractus.services.network.dialect.api.neighbours import NetworkNeighbours
from fractus.services.network.dialect.schema.attributes import bounded, read
from fractus.services.network.dialect.schema.errors import denied, hidden, malformed, not_found
from fractus.store.transaction import Reader, Transaction
from fractus.web.paging import neutron_links, neutron_paging
from fractus.web.routing import Call, Handler, Query, Reply, Route

Part: TypeAlias = "dict[str, Any]"


class PartsApi(ABC):
    """Handlers of one sort of parts. A subclass says of which kind they are, and where they stand."""

    kind: ClassVar[Kind]
    """What they are parts of."""
    place: ClassVar[str]
    """Where they stand in its `desired`, perhaps with others."""

    def __init__(self, at: NetworkNeighbours, name: str, fields: Fields) -> None:
        """`name` is the key of one in bodies."""
        self.name, self.fields = name, fields
        self._store, self._writes = at.store, at.writer(self.kind)
        self._resources = at.ledger.resources

    def routes(self) -> list[Route]:
        """All of them."""
        noun, of, many = self.name.replace("_", " "), self.kind.noun, f"{self.kind.root}/{{id}}/{self.name}s"
        rows: tuple[tuple[str, str, Handler, str, str], ...] = (
            ("GET", many, self.index, "get", f"List the {noun}s of a {of}."),
            ("POST", many, self.create, "create", f"Add {noun}s to a {of}."),
            ("GET", f"{many}/{{part}}", self.show, "get", f"Show a {noun} of a {of}."),
            ("PUT", f"{many}/{{part}}", self.update, "update", f"Change a {noun} of a {of}."),
            ("DELETE", f"{many}/{{part}}", self.delete, "delete", f"Remove a {noun} from a {of}."),
        )
        return [
            # Who may change one is asked only once it is known that they may see it.
            Route(
                method=method, path=path, handler=handler, summary=summary,
                rule=self.rule("create" if verb == "create" else "get"),
                bounded=bounded(self.name, self.fields, create=True) if verb == "create" else (),
            )
            for method, path, handler, verb, summary in rows
        ]  # fmt: skip

    def rule(self, verb: str) -> str:
        """The policy rule of a verb."""
        return f"{verb}_{self.kind.key}_{self.name}"

    # --- what the routes do ----------------------------------------------------------------------

    async def index(self, call: Call) -> Reply:
        """GET the list: empty, rather than refused, to those who see what they are parts of and not them."""
        whole = await self._whole(self._store, call, call.params["id"])
        every = self.every(whole) if self._may(call, "get", whole) else []
        shown, links = listed(call, self.fields, every)
        answer: dict[str, Any] = {f"{self.name}s": shown}
        return Reply(200, {**answer, f"{self.name}s_links": links} if links else answer)

    async def show(self, call: Call) -> Reply:
        """GET one."""
        whole = await self._whole(self._store, call, call.params["id"])
        found = self._permitted(call, "get", whole, call.params["part"])
        return self._reply(200, found, call.query)

    async def create(self, call: Call) -> Reply:
        """POST one or several: all of them or none."""
        request = read(self.name, self.fields, call.body, call.principal, create=True, core=False)
        async with self._store.transaction() as tx:
            whole = await self._whole(tx, call, call.params["id"])
            if not self._may(call, "create", whole):
                raise denied(f"rule:{self.rule('create')}")
            made: list[Part] = []
            for item in request.items:
                part = await self.before_write(tx, whole, {"id": new_id(), **item.values}, item.values)
                made.append(part)
                whole.desired[self.place] = [*whole.desired[self.place], part]
            await self._writes.change(tx, whole)
            await self.after_write(tx, whole)
        shown = [self.document(part) for part in made]
        return Reply(201, {f"{self.name}s": shown} if request.bulk else {self.name: shown[0]})

    async def update(self, call: Call) -> Reply:
        """PUT."""
        return await self._update(call, self.name, call.params["id"], call.params["part"])

    async def _update(self, call: Call, key: str, id: str, part_id: str) -> Reply:
        """`key`: of the part in the body, and in the answer."""
        asked = revision_asked(call)
        values = read(key, self.fields, call.body, call.principal, create=False, core=False).items[0].values
        async with self._store.transaction() as tx:
            whole = await self._whole(tx, call, id)
            old = self._permitted(call, "update", whole, part_id)
            check_revision(asked, whole, self.kind.collection)
            new = {**old, **values}
            if new != old:
                new = await self.before_write(tx, whole, new, values)
                parts = whole.desired[self.place]
                whole.desired[self.place] = [new if one["id"] == new["id"] else one for one in parts]
                await self._writes.change(tx, whole)
                await self.after_write(tx, whole)
        return self._reply(200, new, call.query, key)

    async def delete(self, call: Call) -> Reply:
        """DELETE."""
        return await self._delete(call, call.params["id"], call.params["part"])

    async def _delete(self, call: Call, id: str, part_id: str) -> Reply:
        refuse_body(call)
        asked = revision_asked(call)
        async with self._store.transaction() as tx:
            whole = await self._whole(tx, call, id)
            gone = self._permitted(call, "delete", whole, part_id)
            check_revision(asked, whole, self.kind.collection)
            await self.before_delete(tx, whole, gone)
            parts = whole.desired[self.place]
            whole.desired[self.place] = [one for one in parts if one["id"] != gone["id"]]
            await self._writes.change(tx, whole)
            await self.after_write(tx, whole)
        return Reply(204)

    # --- hooks -----------------------------------------------------------------------------------

    def every(self, whole: Resource) -> list[Part]:
        """Those of this sort."""
        return list(whole.desired[self.place])

    def find(self, whole: Resource, id: str) -> Part | None:
        """One of them by its id."""
        return next((one for one in self.every(whole) if one["id"] == id), None)

    @abstractmethod
    def missing(self, whole_id: str, id: str) -> NotFound:
        """What is said of one that is not there."""

    async def before_write(self, tx: Transaction, whole: Resource, part: Part, given: Part) -> Part:
        """Refuse a part that is new or changed, or complete it. `given`: what the request says of it."""
        return part

    async def before_delete(self, tx: Transaction, whole: Resource, part: Part) -> None:
        """Refuse it, or remove what goes with it."""

    async def after_write(self, tx: Transaction, whole: Resource) -> None:
        """Write what follows from it."""

    # --- for all ---------------------------------------------------------------------------------

    def document(self, part: Part) -> Part:
        """A part as users see it."""
        return {name: part[name] for name in self.fields if name in part}

    def _reply(self, status: int, part: Part, query: Query, key: str = "") -> Reply:
        only = lists.fields(query)
        shown = {name: one for name, one in self.document(part).items() if not only or name in only}
        return Reply(status, {key or self.name: shown})

    async def _whole(self, reader: Reader, call: Call, id: str) -> Resource:
        """What they are parts of, where the caller may see it."""
        found = await self._resources.fetch(reader, self.kind.name, id)
        if (
            found is None
            or found.deleted_at is not None
            or not call.allows(f"get_{self.kind.key}", self.kind.target(found))
        ):
            raise not_found(self.kind.name, id)
        return found

    def _may(self, call: Call, verb: str, whole: Resource) -> bool:
        return call.allows(self.rule(verb), {"ext_parent:project_id": whole.project_id})

    def _permitted(self, call: Call, verb: str, whole: Resource, id: str) -> Part:
        """A part to which the caller may do that. Whoever may not even see it is not shown that it is there."""
        found = self.find(whole, id)
        if found is None:
            raise self.missing(whole.id, id)
        if not self._may(call, verb, whole):
            raise denied(f"rule:{self.rule(verb)}") if self._may(call, "get", whole) else hidden()
        return found


def listed(
    call: Call, fields: Fields, every: Iterable[Mapping[str, Any]], *, beside: Sequence[str] = ()
) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
    """What a list of parts shows with the query's filters, order, page and fields, and its links. `beside`: filters
    that were seen to already.
    """
    paging = neutron_paging(call.query, columns={key: one.sort for key, one in fields.items() if one.sort})
    rows = [one for one in every if _matches(call.query, fields, one, beside)]
    for column, ascending in reversed(paging.sorts):
        rows.sort(key=itemgetter(column), reverse=not ascending)
    # A marker that is not among them means nothing, to Neutron neither.
    place = next((at for at, one in enumerate(rows) if one["id"] == paging.marker), None)
    if place is not None:
        rows = rows[:place] if paging.reverse else rows[place + 1 :]
    if paging.limit:
        rows = rows[-paging.limit :] if paging.reverse else rows[: paging.limit]
    only = lists.fields(call.query)
    shown = [{key: one[key] for key in fields if key in one and (not only or key in only)} for one in rows]
    return shown, neutron_links(call, paging, [one["id"] for one in rows])


def _matches(query: Query, fields: Fields, part: Mapping[str, Any], beside: Sequence[str]) -> bool:
    """Whether a part is one of those that a query asks for."""
    asked = [name for name in query.names() if name not in lists.PAGING and name not in beside]
    unknown = [name for name in asked if name not in fields or fields[name].match is None]
    if unknown:
        raise malformed(f"{unknown} is invalid attribute for filtering")
    return all(part.get(name) in _values(fields, name, query.all(name)) for name in asked)


def _values(fields: Fields, name: str, given: Sequence[str]) -> list[Any]:
    match = fields[name].match
    convert = match.convert if match is not None else None
    return [text if convert is None else convert(text) for text in given]
