"""The routes of topologies that are allocated for projects (neutron.services.auto_allocate.db).

A topology is a network with a subnet of each default pool, and a router from there to the default external network. All
of it is made in the transaction of the first request that shows it, by what makes such things for requests.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

from fractus.model.errors import Conflict, Forbidden, Invalid, NotFound
from fractus.model.resource import Resource
from fractus.services.field import Fields
from fractus.services.network.auto_allocated_topologies.kind import NAME, summarise
from fractus.services.network.dialect.api import lists
from fractus.services.network.dialect.api.access import refuse_body
from fractus.services.network.dialect.api.neighbours import NetworkNeighbours
from fractus.services.network.dialect.queries.defaults import default_of
from fractus.services.network.dialect.schema.attributes import Item, read
from fractus.services.network.dialect.schema.errors import bad_request, conflict
from fractus.services.network.dialect.writes.writer import Writer
from fractus.store.transaction import Reader, Transaction
from fractus.web.inside import Inside
from fractus.web.routing import Call, Reply, Route

_DRY_RUN = "dry-run"


class Maker(Protocol):
    """Makes and deletes things of a kind as requests do."""

    async def add(self, tx: Transaction, call: Call, item: Item) -> Resource:
        """A new one of what was asked for."""
        ...

    async def take_away(self, tx: Transaction, call: Call, resource: Resource) -> None:
        """Delete one."""
        ...


class RouterMaker(Maker, Protocol):
    """With the interfaces of routers."""

    async def connect(self, tx: Transaction, call: Call, router: Resource, subnet_id: str) -> object:
        """A router has an interface in a subnet from now on."""
        ...

    async def disconnect(self, tx: Transaction, call: Call, router: Resource, subnet_id: str) -> object:
        """A router has its interface in a subnet no longer."""
        ...


class Makers(NamedTuple):
    """Who makes the parts, and what may be said of them."""

    networks: Maker
    subnets: Maker
    routers: RouterMaker
    fields: dict[str, Fields]


class AutoAllocatedTopologyApi:
    """Handlers of topologies."""

    def __init__(self, at: NetworkNeighbours, makers: Makers) -> None:
        self._store, self._resources, self._make = at.store, at.ledger.resources, makers
        self._writes = Writer(at.ledger, NAME, summarise, local=True)

    def routes(self) -> list[Route]:
        """One for each project."""
        path = "/auto-allocated-topology/{project_id}"
        return [
            Route(
                method="GET", path=path, handler=self.show, rule="regular_user",
                summary="Show the topology that is allocated for a project; the first time it is made.",
            ),
            Route(
                method="DELETE", path=path, handler=self.delete, rule="regular_user",
                summary="Delete the topology that is allocated for a project.",
            ),
        ]  # fmt: skip

    async def show(self, call: Call) -> Reply:
        """GET. With `fields=dry-run` it is only said whether there can be one."""
        project_id = _project(call, "get")
        only = lists.fields(call.query)
        if _DRY_RUN in only:
            await self._outside(self._store)
            await self._pools(self._store)
            return _reply("dry-run=pass", project_id)
        if only:
            raise bad_request("auto_allocate", "Unrecognized field")
        found = await self._find(self._store, project_id)
        if found is None:
            async with self._store.transaction() as tx:
                found = await self._find(tx, project_id) or await self._allocate(tx, call, project_id)
        return _reply(found.desired["network_id"], project_id)

    async def delete(self, call: Call) -> Reply:
        """DELETE. Where there is none Neutron makes one to delete it: so what forbids one forbids this."""
        refuse_body(call)
        project_id = _project(call, "delete")
        async with self._store.transaction() as tx:
            topology = await self._find(tx, project_id)
            if topology is None:
                await self._outside(tx)
                await self._pools(tx)
            else:
                await self._take_down(tx, call, topology)
        return Reply(204)

    async def _find(self, reader: Reader, project_id: str) -> Resource | None:
        """A project's; None also where its network was deleted by somebody."""
        found = await self._resources.fetch(reader, NAME, project_id)
        if found is None:
            return None
        network = await self._resources.fetch(reader, "network", found.desired["network_id"])
        return None if network is None or network.deleted_at is not None else found

    async def _allocate(self, tx: Transaction, call: Call, project_id: str) -> Resource:
        outside = await self._outside(tx)
        await self._writes.ledger.resources.drop(tx, NAME, project_id)
        try:
            network, subnets = await self._inside(tx, call, project_id)
        except (Invalid, NotFound, Conflict) as error:
            if isinstance(error, Conflict) and error.type != "SubnetAllocationError":
                raise
            raise _failed("Unable to provide project private network") from error
        try:
            router = await self._make.routers.add(tx, call, self._item(call, "router", project_id, {
                "name": "auto_allocated_router", "external_gateway_info": {"network_id": outside},
            }))  # fmt: skip
            for subnet in subnets:
                await self._make.routers.connect(tx, call, router, subnet.id)
        except Invalid as error:
            raise _failed("Unable to provide external connectivity") from error
        topology = Resource(
            kind=NAME, id=project_id, project_id=project_id,
            desired={"name": "", "network_id": network.id, "router_id": router.id}, request_id=call.request_id,
        )  # fmt: skip
        return await self._writes.create(tx, topology)

    async def _inside(self, tx: Transaction, call: Call, project_id: str) -> tuple[Resource, list[Resource]]:
        network = await self._make.networks.add(
            tx, call, self._item(call, "network", project_id, {"name": "auto_allocated_network"})
        )
        subnets = [
            await self._make.subnets.add(tx, call, self._item(call, "subnet", project_id, {
                "name": f"auto_allocated_subnet_v{version}", "network_id": network.id,
                "ip_version": version, "subnetpool_id": pool,
            }))
            for version, pool in (await self._pools(tx)).items()
        ]  # fmt: skip
        return network, subnets

    async def _take_down(self, tx: Transaction, call: Call, topology: Resource) -> None:
        """The router first. What somebody deleted meanwhile is no hindrance."""
        network = await self._alive(tx, "network", topology.desired["network_id"])
        router = await self._alive(tx, "router", topology.desired["router_id"])
        if router is not None:
            inside = network.desired["subnets"] if network is not None else []
            for subnet_id in inside:
                if subnet_id in router.desired["subnets"]:
                    await self._make.routers.disconnect(tx, call, router, subnet_id)
            await self._make.routers.take_away(tx, call, router)
        if network is not None:
            await self._make.networks.take_away(tx, call, network)
        await self._writes.remove(tx, topology)

    async def _alive(self, tx: Transaction, kind: str, id: str) -> Resource | None:
        found = await self._resources.fetch(tx, kind, id)
        return None if found is None or found.deleted_at is not None else found

    async def _outside(self, reader: Reader) -> str:
        found = await default_of(reader, self._resources.tables["network"], external=True)
        if found is None:
            raise _failed("No default router:external network")
        return found

    async def _pools(self, reader: Reader) -> dict[int, str]:
        """The default pool of each family that has one."""
        table = self._resources.tables["subnetpool"]
        every = {version: await default_of(reader, table, ip_version=version) for version in (4, 6)}
        found = {version: pool for version, pool in every.items() if pool is not None}
        if not found:
            raise _failed("No default subnetpools defined")
        return found

    def _item(self, call: Call, kind: str, project_id: str, said: dict[str, Any]) -> Item:
        """What a request for a project's thing would say."""
        body = {kind: {"project_id": project_id, **said}}
        return read(kind, self._make.fields[kind], body, call.principal, create=True).items[0]


class AllocatedTopologies:
    """Topologies for those who build servers: asked for as by a request to this service."""

    def __init__(self, inside: Inside) -> None:
        self._inside = inside

    async def allocate(self, call: Call) -> None:
        """The caller's project has one from now on. `Conflict` where there is nothing that it could be made of."""
        project = {"project_id": str(call.principal.project_id)}
        await self._inside.ask(
            call, "network", "GET", "/auto-allocated-topology/{project_id}", params=project
        )


def _project(call: Call, verb: str) -> str:
    """Whose it is: `None` is what some clients say for their own project."""
    asked = call.params["project_id"]
    project_id = call.principal.project_id if asked == "None" else asked
    if not call.principal.is_admin and project_id != call.principal.project_id:
        raise Forbidden("Not authorized.", type="NotAuthorized")
    call.enforce(f"{verb}_{NAME}", {"project_id": project_id, "tenant_id": project_id})
    return project_id


def _reply(id: str, project_id: str) -> Reply:
    return Reply(200, {NAME: {"id": id, "tenant_id": project_id, "project_id": project_id}})


def _failed(reason: str) -> Conflict:
    return conflict(f"Deployment error: {reason}.", "AutoAllocationFailure")
