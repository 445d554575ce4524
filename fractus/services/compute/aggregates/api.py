"""The routes of aggregates; administrators alone see them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, ClassVar, Protocol

import msgspec

from fractus.auth.policy import RuleDefault
from fractus.auth.principal import Principal
from fractus.base.ids import new_id
from fractus.model.errors import Conflict, Invalid, NotFound
from fractus.model.resource import Resource
from fractus.services.compute.aggregates import queries, schema
from fractus.services.compute.aggregates.kind import (
    ADD_HOST,
    IMAGES,
    KIND,
    REMOVE_HOST,
    SET_METADATA,
    number_of,
)
from fractus.services.compute.dialect.api.collection import CollectionApi
from fractus.services.compute.dialect.api.host_names import HostNames, SharedNames
from fractus.services.compute.dialect.schema.bodies import version_of
from fractus.store.ledger import Ledger
from fractus.store.transaction import Reader, Store, Transaction
from fractus.web.microversion import FieldAdded, Version
from fractus.web.routing import Call, Handler, Reply, Route

_decode = msgspec.json.decode


class Images(Protocol):
    """Images, as far as clouds may have copies of them ahead of use."""

    async def copied(
        self, tx: Transaction, principal: Principal, image_id: str, clouds: Sequence[str]
    ) -> None:
        """Have an image brought to some clouds. `NotFound` where the caller may not use it."""
        ...


class AggregatesApi(CollectionApi):
    """Aggregates."""

    kind = KIND
    more_versions: ClassVar = (FieldAdded(Version(2, 41), "uuid"),)

    def __init__(self, store: Store, ledger: Ledger, hosts: HostNames, images: Images) -> None:
        super().__init__(store, ledger)
        self._hosts, self._images = hosts, images

    def routes(self) -> list[Route]:
        """Those of every collection, the actions, and the caching of images."""
        one = f"{KIND.root}/{{id}}"
        return [
            *super().routes(),
            _action(one, "add_host", self.add_host, ADD_HOST, partial(schema.check_host, "add_host")),
            _action(
                one, "remove_host", self.remove_host, REMOVE_HOST, partial(schema.check_host, "remove_host")
            ),
            _action(one, "set_metadata", self.set_metadata, SET_METADATA, schema.check_metadata),
            Route(
                method="POST", path=f"{one}/images", handler=self.cache_images, rule=IMAGES.name,
                schema=_judged_by(schema.check_images), min_version=version_of("2.81"),
                summary="Have images brought to the clouds of an aggregate's hosts ahead of use.",
            ),
        ]  # fmt: skip

    def _check_update(self, body: Any, version: Version) -> None:
        schema.check_update(body)

    def live_key(self, call: Call, verb: str, text: str) -> str:
        """Its number."""
        return schema.number_of(text)

    # --- reading ---------------------------------------------------------------------------------

    async def index(self, call: Call) -> Reply:
        """All of them."""
        self.judge(call, "index")
        shown = await self._hosts.shared()
        rows = await queries.every(self._store)
        return Reply(200, {KIND.collection: [self._whole(call, shown, row[1], row[2]) for row in rows]})

    async def show(self, call: Call) -> Reply:
        """One of them."""
        self.judge(call, "show")
        row = await self.found(self._store, call, "show", call.params["id"])
        return Reply(200, {KIND.name: self._whole(call, await self._hosts.shared(), row[1], row[2])})

    def _whole(self, call: Call, shown: SharedNames, summary: bytes, extra: bytes | None) -> dict[str, Any]:
        document = _decode(summary)
        members = _decode(extra or b"{}").get("hosts", ())
        document["hosts"] = [shown.host(name, cloud) for cloud, name in members]
        return self.versions.response_down(document, call.version)

    async def _reply(self, call: Call, resource: Resource) -> Reply:
        shown = self._whole(call, await self._hosts.shared(), resource.summary, resource.extra)
        return Reply(200, {KIND.name: shown})

    # --- writing ---------------------------------------------------------------------------------

    async def draft(self, call: Call, given: dict[str, Any]) -> tuple[Resource, Mapping[str, Any]]:
        """A new one, without hosts. Its zone is a part of its metadata."""
        zone = given.pop(schema.ZONE)
        metadata = {schema.ZONE: zone} if zone else {}
        desired = {"name": given["name"], "metadata": metadata, "hosts": [], "changed_at": None}
        return Resource(kind=KIND.name, id=new_id(), name=given["name"], desired=desired), {}

    async def admit(self, tx: Transaction, resource: Resource, live: str) -> None:
        """Names are unique."""
        if await queries.BY_NAME.id(tx, resource.name) is not None:
            raise Conflict(KIND.taken.format(name=resource.name))

    async def update(self, call: Call) -> Reply:
        """Another name, or another zone."""
        given = call.body[KIND.name]
        async with self._store.transaction() as tx:
            resource = await self.fetch(tx, call, "update")
            if "name" in given:
                name = given["name"].strip()
                taken = await queries.BY_NAME.id(tx, name)
                if taken is not None and taken != resource.id:
                    raise Conflict(KIND.taken.format(name=name))
                resource.name = resource.desired["name"] = name
            if schema.ZONE in given:
                _check_zone(resource, given, "Cannot update aggregate")
                _merge(resource, {schema.ZONE: given[schema.ZONE]})
            await self._save(tx, resource)
        return await self._reply(call, resource)

    async def set_metadata(self, call: Call) -> Reply:
        """Set some keys; those that are null go."""
        given = call.body["set_metadata"]["metadata"]
        async with self._store.transaction() as tx:
            resource = await self.fetch(tx, call, "update")
            _check_zone(resource, given, "Cannot update metadata of aggregate")
            _merge(resource, given)
            await self._save(tx, resource)
        return await self._reply(call, resource)

    async def add_host(self, call: Call) -> Reply:
        """A host of any cloud, whose zone must be that of the aggregate, if it has one."""
        name = call.body["add_host"]["host"]
        schema.number_of(call.params["id"])
        place = await self._hosts.host(name)
        if place is None:
            raise NotFound(f"Compute host {name} could not be found.")
        async with self._store.transaction() as tx:
            resource = await self.fetch(tx, call, "update")
            hosts, number = resource.desired["hosts"], number_of(resource)
            zone = resource.desired["metadata"].get(schema.ZONE)
            if zone and zone != place.cloud:
                why = f"One or more hosts already in availability zone(s) {[place.cloud]}"
                raise Conflict(f"Cannot add host to aggregate {number}. Reason: {why}.")
            if [place.cloud, place.name] in hosts:
                raise Conflict(f"Aggregate {number} already has host {name}.")
            resource.desired["hosts"] = [*hosts, [place.cloud, place.name]]
            await self._save(tx, resource)
        return await self._reply(call, resource)

    async def remove_host(self, call: Call) -> Reply:
        """By the name that it has here; one that its cloud has no longer can be removed, too."""
        name, number = call.body["remove_host"]["host"], schema.number_of(call.params["id"])
        shown, place = await self._hosts.shared(), await self._hosts.host(name)
        missing = NotFound(f"Cannot remove host {name} in aggregate {number}")
        async with self._store.transaction() as tx:
            try:
                resource = await self.fetch(tx, call, "update")
            except NotFound:
                raise missing from None
            meant = {(place.cloud, place.name)} if place is not None else set()
            hosts = resource.desired["hosts"]
            meant |= {(cloud, there) for cloud, there in hosts if shown.host(there, cloud) == name}
            left = [one for one in hosts if tuple(one) not in meant]
            if len(left) == len(hosts):
                raise missing
            resource.desired["hosts"] = left
            await self._save(tx, resource)
        return await self._reply(call, resource)

    async def delete(self, call: Call) -> Reply:
        """Delete one without hosts."""
        async with self._store.transaction() as tx:
            resource = await self.fetch(tx, call, "delete")
            if resource.desired["hosts"]:
                raise Invalid(
                    f"Cannot remove host from aggregate {number_of(resource)}. Reason: Host aggregate is not empty."
                )
            resource.deleted_at = tx.now()
            await self._ledger.remove(tx, resource, KIND.summarise(resource, ()), hide=True)
        return Reply(200)

    async def cache_images(self, call: Call) -> Reply:
        """Bring images to the clouds of its hosts, which keep them: a server there need not wait for its image."""
        ids = [one["id"] for one in call.body["cache"]]
        schema.number_of(call.params["id"])
        if len(set(ids)) < len(ids):
            raise Invalid("Duplicate images in request")
        async with self._store.transaction() as tx:
            resource = await self.fetch(tx, call, "update")
            clouds = sorted({cloud for cloud, _ in resource.desired["hosts"]})
            for id in ids:
                try:
                    await self._images.copied(tx, call.principal, id, clouds)
                except NotFound as error:
                    raise Invalid(error.message) from error
        return Reply(202)

    async def fetch(self, reader: Reader, call: Call, verb: str) -> Resource:
        """One by its number, to be changed."""
        id = await self._id(reader, call)
        found = await self._ledger.resources.fetch(reader, KIND.name, id, to_write=True)
        if found is None:
            raise self.missing(call, call.params["id"])
        return found

    async def _id(self, reader: Reader, call: Call) -> str:
        return str((await self.found(reader, call, "show", call.params["id"]))[0])

    async def _save(self, tx: Transaction, resource: Resource) -> None:
        resource.desired["changed_at"] = tx.now()
        await self.changed(tx, resource)


def _action(one: str, name: str, handler: Handler, rule: RuleDefault, check: Any) -> Route:
    return Route(
        method="POST", path=f"{one}/action", action=name, handler=handler, rule=rule.name,
        schema=_judged_by(check), summary=rule.description,
    )  # fmt: skip


def _judged_by(check: Any) -> Any:
    def judge(body: Any, _version: Version) -> None:
        check(body)

    return judge


def _check_zone(resource: Resource, given: Mapping[str, Any], cannot: str) -> None:
    """A zone cannot be taken away, and here a host's zone is its cloud: another one cannot be given to it."""
    if schema.ZONE not in given:
        return
    zone, number = given[schema.ZONE], number_of(resource)
    if not zone:
        why = f"Aggregate {resource.desired['name']} does not support empty named availability zone"
        raise Invalid(f"{cannot} {number}. Reason: {why}.")
    others = sorted({cloud for cloud, _ in resource.desired["hosts"] if cloud != zone})
    if others:
        why = f"One or more hosts already in availability zone(s) {others}"
        raise Invalid(f"{cannot} {number}. Reason: {why}.")


def _merge(resource: Resource, given: Mapping[str, Any]) -> None:
    merged = {**resource.desired["metadata"], **given}
    resource.desired["metadata"] = {key: value for key, value in merged.items() if value is not None}
