"""The routes of agents: those of all clouds, as their network services show them; changes go to the cloud of one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from fractus.model.errors import NotFound
from fractus.model.live import LiveCall
from fractus.services.network.agents.api.bindings import MISSING, Agent, BindingsApi
from fractus.services.network.agents.kind import MIRROR
from fractus.services.network.dialect.api.access import refuse_body
from fractus.services.network.dialect.api.mirrors import MirrorApi
from fractus.services.network.dialect.api.neighbours import NetworkNeighbours
from fractus.services.network.dialect.schema.attributes import read
from fractus.services.network.dialect.schema.errors import hidden
from fractus.store import mirrors
from fractus.web.routing import Call, Reply, Route


class AgentApi(MirrorApi):
    """Handlers of agents. Neutron lists none, rather than refusing, to who may not see any."""

    mirror = MIRROR
    rule = "get_agent"

    def __init__(self, at: NetworkNeighbours) -> None:
        super().__init__(at.store, at.clock, at.stale_after)
        self._at, self._live = at, at.live

    def routes(self) -> list[Route]:
        """All of them."""
        return [
            Route(
                method="GET", path="/agents", handler=self.index,
                rule="regular_user", summary="List the agents of all clouds.",
            ),
            Route(
                method="GET", path="/agents/{id}", handler=self.show,
                rule="regular_user", summary="Show an agent of a cloud.",
            ),
            Route(
                method="PUT", path="/agents/{id}", handler=self.update,
                rule="regular_user", live=True, summary="Change an agent, in its cloud.",
            ),
            Route(
                method="DELETE", path="/agents/{id}", handler=self.delete,
                rule="regular_user", live=True, summary="Delete an agent in its cloud.",
            ),
            *BindingsApi(self._at, self.find).routes(),
        ]  # fmt: skip

    def missing(self, id: str) -> NotFound:
        """Neutron's error about one that is not there."""
        return NotFound(MISSING.format(id=id), type="AgentNotFound")

    async def find(self, id: str) -> Agent:
        """One by its id, or by `ZONE@id`."""
        row = await self._one(id)
        return Agent(row[0], row[2], row[3], msgspec.json.decode(row[1]))

    async def update(self, call: Call) -> Reply:
        """PUT: said to its cloud, and shown so at once."""
        id = call.params["id"]
        item = read(
            "agent", MIRROR.fields, call.body, call.principal, create=False, core=False, bulk=False, id=id
        ).items[0]
        agent = await self._permitted(call, "update_agent")
        change = {name: item.values[name] for name in item.given}
        if change:
            body = {"agent": change}
            answer = await self._live.of_cloud(
                agent.cloud, agent.remote_id, _call("update", "PUT", body, key="agent"), id=id
            )
            fresh = {name: answer[name] for name in change if name in answer}
            agent = agent._replace(document={**agent.document, **change, **fresh})
            async with self._store.transaction() as tx:
                kept = MIRROR.row(
                    agent.cloud, agent.id, agent.remote_id, {**agent.document, "id": agent.remote_id}
                )
                await mirrors.put(tx, MIRROR.table, agent.cloud, [kept], {agent.remote_id})
        return Reply(200, {"agent": agent.document})

    async def delete(self, call: Call) -> Reply:
        """DELETE: Neutron forgets it, until it reports again."""
        refuse_body(call)
        agent = await self._permitted(call, "delete_agent")
        await self._live.of_cloud(
            agent.cloud, agent.remote_id, _call("delete", "DELETE", empty=True), id=agent.id
        )
        async with self._store.transaction() as tx:
            await mirrors.drop(tx, MIRROR.table, agent.cloud, [agent.remote_id])
        return Reply(204)

    async def _permitted(self, call: Call, rule: str) -> Agent:
        """The agent; to who may not do that it is not there, as in Neutron."""
        agent = await self.find(call.params["id"])
        if not call.allows(rule):
            raise hidden()
        return agent


def _call(
    verb: str, method: str, body: Mapping[str, Any] | None = None, *, key: str = "", empty: bool = False
) -> LiveCall:
    return LiveCall(
        name=f"agent_{verb}", noun="an answer about the agent", service="network", method=method,
        path="/agents/{id}", body=body, key=key, type=dict[str, Any], admin=True, empty=empty,
        refusals=frozenset({400, 409}), missing=MISSING, not_ready=MISSING,
    )  # fmt: skip
