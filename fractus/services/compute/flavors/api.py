"""The routes of flavors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from fractus.auth.projects import ProjectLookup
from fractus.base.ids import new_id
from fractus.model.errors import Conflict, Invalid, NotFound
from fractus.model.resource import Resource
from fractus.services.compute import only
from fractus.services.compute.dialect.api import verify_project
from fractus.services.compute.dialect.view import filled
from fractus.services.compute.flavors import policy, queries, schema, view
from fractus.services.compute.flavors.schema import extra_specs
from fractus.services.compute.flavors.table import FLAVOR
from fractus.services.compute.flavors.versions import BRIEF, DETAIL, UPDATE_SINCE
from fractus.store.ledger import Ledger
from fractus.store.listing import Filter, Filters, Sort, page
from fractus.store.transaction import Row, Store, Transaction
from fractus.web.microversion import Version
from fractus.web.paging import Paging, nova_links, nova_paging
from fractus.web.routing import Call, Reply, Route

_encode = msgspec.json.encode
_decode = msgspec.json.decode


def _create_schema(body: Any, version: Version) -> None:
    schema.create(body)
    DETAIL.request_check(body, version, "create")


def _update_schema(body: Any, _version: Version) -> None:
    schema.update(body)


def _specs_schema(body: Any, version: Version) -> None:
    _check_known(schema.specs(body), version)


def _spec_schema(body: Any, version: Version) -> None:
    _check_known(schema.spec(body), version)


def _check_known(specs: Mapping[str, Any], version: Version) -> None:
    if DETAIL.behaviour("known_specs_checked", version):
        for name, value in specs.items():
            extra_specs.check(name, str(value))


def _add_schema(body: Any, _version: Version) -> None:
    schema.project(body, "addTenantAccess")


def _remove_schema(body: Any, _version: Version) -> None:
    schema.project(body, "removeTenantAccess")


class FlavorsApi:
    """Flavors: everybody lists, admins make them."""

    def __init__(self, store: Store, ledger: Ledger, projects: ProjectLookup) -> None:
        """Read from `store`, write through `ledger`; `projects` knows to whom access can be given."""
        self._store = store
        self._ledger = ledger
        self._projects = projects

    def routes(self) -> list[Route]:
        """Everything about flavors, their extra specs and who may use them."""
        one = "/flavors/{flavor_id}"
        return [
            Route(
                method="GET", path="/flavors", handler=self.index, rule=policy.SEE, summary="List flavors."
            ),
            Route(
                method="GET",
                path="/flavors/detail",
                handler=self.detail,
                rule=policy.SEE,
                summary="List flavors with all that is known of them.",
            ),
            Route(
                method="POST",
                path="/flavors",
                handler=self.create,
                rule=policy.CREATE,
                schema=_create_schema,
                summary="Create a flavor.",
            ),
            Route(method="GET", path=one, handler=self.show, rule=policy.SEE, summary="Show a flavor."),
            Route(
                method="PUT",
                path=one,
                handler=self.update,
                rule=policy.UPDATE,
                schema=_update_schema,
                min_version=UPDATE_SINCE,
                summary="Change the description of a flavor.",
            ),
            Route(
                method="DELETE",
                path=one,
                handler=self.delete,
                rule=policy.DELETE,
                summary="Delete a flavor.",
            ),
            *self._spec_routes(f"{one}/os-extra_specs"),
            *self._access_routes(one),
        ]

    def _spec_routes(self, specs: str) -> list[Route]:
        return [
            Route(
                method="GET",
                path=specs,
                handler=self.specs,
                rule=policy.SPECS_INDEX,
                summary="List the extra specs of a flavor.",
            ),
            Route(
                method="POST",
                path=specs,
                handler=self.add_specs,
                rule=policy.SPECS_CREATE,
                schema=_specs_schema,
                summary="Add extra specs to a flavor.",
            ),
            Route(
                method="GET",
                path=f"{specs}/{{key}}",
                handler=self.spec,
                rule=policy.SPECS_SHOW,
                summary="Show an extra spec of a flavor.",
            ),
            Route(
                method="PUT",
                path=f"{specs}/{{key}}",
                handler=self.set_spec,
                rule=policy.SPECS_UPDATE,
                schema=_spec_schema,
                summary="Set an extra spec of a flavor.",
            ),
            Route(
                method="DELETE",
                path=f"{specs}/{{key}}",
                handler=self.unset_spec,
                rule=policy.SPECS_DELETE,
                summary="Remove an extra spec of a flavor.",
            ),
        ]

    def _access_routes(self, one: str) -> list[Route]:
        return [
            Route(
                method="GET",
                path=f"{one}/os-flavor-access",
                handler=self.access,
                rule=policy.ACCESS,
                summary="List the projects that may use a private flavor.",
            ),
            Route(
                method="POST",
                path=f"{one}/action",
                action="addTenantAccess",
                handler=self.add_access,
                rule=policy.ACCESS_ADD,
                schema=_add_schema,
                summary="Let a project use a private flavor.",
            ),
            Route(
                method="POST",
                path=f"{one}/action",
                action="removeTenantAccess",
                handler=self.remove_access,
                rule=policy.ACCESS_REMOVE,
                schema=_remove_schema,
                summary="Let a project no longer use a private flavor.",
            ),
        ]

    # --- lists ---------------------------------------------------------------------------------

    async def index(self, call: Call) -> Reply:
        """Names and links."""
        paging, rows = await self._rows(call)
        if BRIEF.newest_at(call.version):
            bodies = [view.brief(summary) for summary, _, _ in rows]
        else:
            bodies = [
                _encode(BRIEF.response_down(_decode(view.brief(summary)), call.version))
                for summary, _, _ in rows
            ]
        return _list(call, paging, bodies, rows)

    async def detail(self, call: Call) -> Reply:
        """Everything."""
        paging, rows = await self._rows(call)
        specs = call.allows(policy.SPECS_INDEX)
        bodies = [_shown(call, summary, extra, specs) for summary, extra, _ in rows]
        return _list(call, paging, bodies, rows)

    async def _rows(self, call: Call) -> tuple[Paging, list[Row]]:
        query, version = call.query, call.version
        named = BRIEF.query_allowed("name", version, "list")
        if BRIEF.behaviour("strict_list_query", version):
            only(query.names(), (*schema.LIST_QUERY, *(("name",) if named else ())))
        paging = nova_paging(query)
        sorts = (self._sort(call),)
        filters = self._filters(call, query.one("name") if named else None)
        marker = paging.marker
        if marker is not None:
            try:
                await queries.flavor_shown(self._store, marker, call.principal)
                marker = (await queries.flavor_fetch(self._store, self._ledger.resources, marker)).id
            except NotFound:
                raise Invalid(f"marker [{marker}] not found") from None
        rows = await page(
            self._store,
            FLAVOR,
            filters,
            columns=("summary", "extra", "flavorid"),
            sorts=sorts,
            marker=marker,
            limit=paging.limit or 0,
        )
        return paging, rows

    def _sort(self, call: Call) -> Sort:
        keys = list(schema.SORT_COLUMNS)
        if BRIEF.behaviour("strict_query", call.version):
            keys.remove("rxtx_factor")
        key = schema.one_of("sort_key", call.query.one("sort_key") or "flavorid", keys)
        direction = schema.one_of("sort_dir", call.query.one("sort_dir") or "asc", ["asc", "desc"])
        return Sort(schema.SORT_COLUMNS[key], direction == "desc")

    def _filters(self, call: Call, name: str | None) -> Filters:
        who, query = call.principal, call.query
        filters: list[Filter | list[Filter]] = [Filter("deleted_at", "null")]
        if not who.is_admin:
            filters += [queries.allowed(who), Filter("disabled", "eq", False)]
        else:
            public = schema.public_filter(query.one("is_public"))
            if public:
                filters.append(queries.allowed(who))
            elif public is not None:
                filters.append(Filter("is_public", "eq", False))
        ram, disk = query.one("minRam"), query.one("minDisk")
        if ram is not None:
            filters.append(Filter("ram", "ge", schema.least("minRam", ram)))
        if disk is not None:
            filters.append(Filter("disk", "ge", schema.least("minDisk", disk)))
        if name is not None:
            filters.append(Filter("name", "regex", name))
        return filters

    # --- one -----------------------------------------------------------------------------------

    async def show(self, call: Call) -> Reply:
        """One flavor."""
        if DETAIL.behaviour("strict_query", call.version):
            only(call.query.names(), ())
        summary, extra = await queries.flavor_shown(self._store, call.params["flavor_id"], call.principal)
        return _one(call, summary, extra)

    async def create(self, call: Call) -> Reply:
        """Make a flavor."""
        flavor = call.body["flavor"]
        desired = schema.wanted(flavor)
        given = flavor.get("id")
        flavor_id = str(given) if given else new_id()
        desired["flavorid"] = flavor_id
        async with self._store.transaction() as tx:
            taken = await queries.flavor_taken(tx, flavor_id, desired["name"])
            if taken == "id":
                raise Conflict(f"Flavor with ID {flavor_id} already exists.")
            if taken:
                raise Conflict(f"Flavor with name {desired['name']} already exists.")
            resource = Resource(
                kind="flavor",
                id=await self._free_id(tx, flavor_id),
                user_id=call.principal.user_id,
                name=desired["name"],
                desired=desired,
                request_id=call.request_id,
            )
            await self._ledger.create(tx, resource, view.summarise(resource), assign=False)
        return _one(call, resource.summary, resource.extra)

    async def _free_id(self, tx: Transaction, flavor_id: str) -> str:
        """The flavorid itself, unless a deleted flavor of that name is still to be cleaned up somewhere."""
        free = await queries.flavor_row_is_free(tx, self._ledger.resources, flavor_id)
        if free:
            await self._ledger.resources.drop(tx, "flavor", flavor_id)
        return new_id() if free is False else flavor_id

    async def update(self, call: Call) -> Reply:
        """Change the description."""
        async with self._store.transaction() as tx:
            resource = await self._fetch(tx, call)
            resource.desired["description"] = schema.update(call.body)
            await self._ledger.change(tx, resource, view.summarise(resource))
        return _one(call, resource.summary, resource.extra)

    async def delete(self, call: Call) -> Reply:
        """Delete a flavor; servers that were built with it keep what they have."""
        async with self._store.transaction() as tx:
            resource = await self._fetch(tx, call)
            resource.deleted_at = tx.now()
            await self._ledger.remove(tx, resource, view.summarise(resource), hide=True)
        return Reply(202)

    async def _fetch(self, tx: Transaction, call: Call) -> Resource:
        return await queries.flavor_fetch(tx, self._ledger.resources, call.params["flavor_id"])

    # --- extra specs -----------------------------------------------------------------------------

    async def _specs_of(self, call: Call) -> Mapping[str, str]:
        if DETAIL.behaviour("strict_query", call.version):
            only(call.query.names(), ())
        summary, _ = await queries.flavor_shown(self._store, call.params["flavor_id"], call.principal)
        specs: Mapping[str, str] = _decode(summary)["extra_specs"]
        return specs

    async def specs(self, call: Call) -> Reply:
        """All extra specs."""
        return Reply(200, {"extra_specs": await self._specs_of(call)})

    async def spec(self, call: Call) -> Reply:
        """One extra spec."""
        key = call.params["key"]
        specs = await self._specs_of(call)
        if key not in specs:
            raise _no_spec(call)
        return Reply(200, {key: specs[key]})

    async def add_specs(self, call: Call) -> Reply:
        """Add or change several; answered with the body as it came, as Nova does."""
        await self._put_specs(call, call.body["extra_specs"])
        return Reply(200, call.body)

    async def set_spec(self, call: Call) -> Reply:
        """Add or change one."""
        if call.params["key"] not in call.body:
            raise Invalid("Request body and URI mismatch")
        await self._put_specs(call, call.body)
        return Reply(200, call.body)

    async def _put_specs(self, call: Call, given: Mapping[str, Any]) -> None:
        async with self._store.transaction() as tx:
            resource = await self._fetch(tx, call)
            resource.desired["extra_specs"].update({key: str(value) for key, value in given.items()})
            await self._ledger.change(tx, resource, view.summarise(resource))

    async def unset_spec(self, call: Call) -> Reply:
        """Remove one."""
        async with self._store.transaction() as tx:
            resource = await self._fetch(tx, call)
            if resource.desired["extra_specs"].pop(call.params["key"], None) is None:
                raise _no_spec(call)
            await self._ledger.change(tx, resource, view.summarise(resource))
        return Reply(200)

    # --- access ----------------------------------------------------------------------------------

    async def access(self, call: Call) -> Reply:
        """Projects that may use a private flavor."""
        if DETAIL.behaviour("strict_query", call.version):
            only(call.query.names(), ())
        flavor_id = call.params["flavor_id"]
        resource = await queries.flavor_fetch(self._store, self._ledger.resources, flavor_id)
        if resource.desired["is_public"]:
            raise NotFound("Access list not available for public flavors.")
        return Reply(200, view.access(flavor_id, resource.desired["access"]))

    async def add_access(self, call: Call) -> Reply:
        """Let a project use it."""
        project = schema.project(call.body, "addTenantAccess")
        await verify_project(self._projects, call, project)
        flavor_id = call.params["flavor_id"]
        async with self._store.transaction() as tx:
            resource = await self._fetch(tx, call)
            if resource.desired["is_public"] and DETAIL.behaviour("public_access_refused", call.version):
                raise Conflict("Can not add access to a public flavor.")
            if project in resource.desired["access"]:
                raise Conflict(
                    f"Flavor access already exists for flavor {flavor_id} and project {project} combination."
                )
            resource.desired["access"].append(project)
            await self._ledger.change(tx, resource, view.summarise(resource))
        return Reply(200, view.access(flavor_id, resource.desired["access"]))

    async def remove_access(self, call: Call) -> Reply:
        """Let a project no longer use it."""
        project = schema.project(call.body, "removeTenantAccess")
        flavor_id = call.params["flavor_id"]
        async with self._store.transaction() as tx:
            resource = await self._fetch(tx, call)
            if project not in resource.desired["access"]:
                raise NotFound(f"Flavor access not found for {flavor_id} / {project} combination.")
            resource.desired["access"].remove(project)
            await self._ledger.change(tx, resource, view.summarise(resource))
        return Reply(200, view.access(flavor_id, resource.desired["access"]))


def _no_spec(call: Call) -> NotFound:
    return NotFound(f"Flavor {call.params['flavor_id']} has no extra specs with key {call.params['key']}.")


def _shown(call: Call, summary: bytes, extra: bytes | None, specs: bool) -> bytes:
    """A stored document as the caller's version and rights have it."""
    if specs and DETAIL.newest_at(call.version):
        return summary
    document = DETAIL.response_down(_decode(summary), call.version, _decode(extra or b"{}"))
    if not specs:
        document.pop("extra_specs", None)
    return _encode(document)


def _one(call: Call, summary: bytes, extra: bytes | None) -> Reply:
    body = b'{"flavor":' + _shown(call, summary, extra, call.allows(policy.SPECS_INDEX)) + b"}"
    return Reply(200, filled((body,), call)[0])


def _list(call: Call, paging: Paging, bodies: list[bytes], rows: list[Row]) -> Reply:
    body = b'{"flavors":[' + b",".join(filled(bodies, call)) + b"]"
    links = nova_links(call, paging, len(rows), rows[-1][2] if rows else None)
    if links:
        body += b',"flavors_links":' + _encode(links)
    return Reply(200, body + b"}")
