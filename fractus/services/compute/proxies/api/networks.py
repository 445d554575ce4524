"""Networks, floating IPs and their pools."""

from __future__ import annotations

from typing import Any

from fractus.base.ids import is_uuid
from fractus.model.errors import Conflict, NotFound, QuotaExceeded
from fractus.services.compute.proxies import policy, schema
from fractus.services.compute.proxies.api.asking import Proxy, row
from fractus.services.compute.proxies.view import networking as view
from fractus.web.routing import Call, Reply, Route

#: Nova's default of `[neutron] default_floating_pool`.
_DEFAULT_POOL = "nova"


class Networks(Proxy):
    """Handlers of networks."""

    service = "network"

    def routes(self) -> list[Route]:
        """Rows of the route table."""
        return [
            row("GET", "/os-networks", self.index, f"{policy.NETWORKS}list", "List networks."),
            row("GET", "/os-networks/{id}", self.show, f"{policy.NETWORKS}show", "Show a network."),
            row("GET", "/os-tenant-networks", self.tenant_index, f"{policy.TENANT_NETWORKS}list", "List networks."),
            row(
                "GET", "/os-tenant-networks/{id}", self.tenant_show, f"{policy.TENANT_NETWORKS}show",
                "Show a network.",
            ),
        ]  # fmt: skip

    async def index(self, call: Call) -> Reply:
        """All that the caller sees."""
        admin = call.principal.is_admin
        return Reply(200, {"networks": [view.network(one, admin=admin) for one in await self._list(call)]})

    async def show(self, call: Call) -> Reply:
        """One of them."""
        return Reply(200, {"network": view.network(await self._get(call), admin=call.principal.is_admin)})

    async def tenant_index(self, call: Call) -> Reply:
        """The same in fewer words."""
        return Reply(200, {"networks": [view.tenant_network(one) for one in await self._list(call)]})

    async def tenant_show(self, call: Call) -> Reply:
        """One of them."""
        return Reply(200, {"network": view.tenant_network(await self._get(call))})

    async def _list(self, call: Call) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self.ask(call, "GET", "/networks"))["networks"]
        return found

    async def _get(self, call: Call) -> dict[str, Any]:
        try:
            found = await self.ask(call, "GET", "/networks/{id}", params={"id": call.params["id"]})
        except NotFound as error:
            raise NotFound("Network not found") from error
        network: dict[str, Any] = found["network"]
        return network


class FloatingIps(Proxy):
    """Handlers of floating IPs."""

    service = "network"

    def routes(self) -> list[Route]:
        """Rows of the route table."""
        root, of = "/os-floating-ips", policy.FLOATING
        one = f"{root}/{{id}}"
        return [
            row("GET", "/os-floating-ip-pools", self.pools, policy.POOLS, "List the pools of floating IPs."),
            row("GET", root, self.index, f"{of}list", "List the floating IPs of a project."),
            row("POST", root, self.create, f"{of}create", "Create a floating IP.", check=schema.check_floating),
            row("GET", one, self.show, f"{of}show", "Show a floating IP."),
            row("DELETE", one, self.delete, f"{of}delete", "Delete a floating IP."),
        ]  # fmt: skip

    async def pools(self, call: Call) -> Reply:
        """The external networks."""
        pools = [{"name": name or id} for id, name in (await self._pools(call)).items()]
        return Reply(200, {"floating_ip_pools": pools})

    async def index(self, call: Call) -> Reply:
        """Those of the project."""
        query = {"tenant_id": str(call.principal.project_id)}
        found = (await self.ask(call, "GET", "/floatingips", query=query))["floatingips"]
        pools = await self._pools(call)
        return Reply(200, {"floating_ips": [view.floating_ip(one, pools) for one in found]})

    async def show(self, call: Call) -> Reply:
        """One of them."""
        return await self._reply(call, await self._get(call))

    async def create(self, call: Call) -> Reply:
        """Make one of a pool, which is an external network by its name or id."""
        pool = (call.body or {}).get("pool")
        pools, named = await self._pools(call), pool or _DEFAULT_POOL
        by = [id for id, name in pools.items() if named == (id if is_uuid(named) else name)]
        if len(by) != 1:
            raise NotFound("Floating IP pool not found.")
        body = {"floatingip": {"floating_network_id": by[0]}}
        try:
            made = await self.ask(call, "POST", "/floatingips", body=body)
        except QuotaExceeded as error:
            error.message = (
                f"IP allocation over quota in pool {pool}." if pool else "IP allocation over quota."
            )
            raise
        except Conflict as error:
            said = f"No more floating IPs in pool {pool}." if pool else "No more floating IPs available."
            raise NotFound(said) from error
        return await self._reply(call, made["floatingip"])

    async def delete(self, call: Call) -> Reply:
        """Delete one, wherever it leads."""
        await self._get(call)
        await self.ask(call, "DELETE", "/floatingips/{id}", params={"id": call.params["id"]})
        return Reply(202)

    async def _pools(self, call: Call) -> dict[str, str]:
        found = await self.ask(call, "GET", "/networks", query={"router:external": "True"})
        return {one["id"]: one["name"] for one in found["networks"]}

    async def _get(self, call: Call) -> dict[str, Any]:
        id = call.params["id"]
        try:
            found = await self.ask(call, "GET", "/floatingips/{id}", params={"id": id})
        except NotFound as error:
            raise NotFound(f"Floating IP not found for ID {id}") from error
        floating: dict[str, Any] = found["floatingip"]
        return floating

    async def _reply(self, call: Call, found: dict[str, Any]) -> Reply:
        return Reply(200, {"floating_ip": view.floating_ip(found, await self._pools(call))})
