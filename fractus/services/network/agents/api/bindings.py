"""Which agents serve which networks and routers: only a cloud knows, and is asked now.

An agent is of one cloud, and a network or a router may be in several. What an agent serves beside what is ours there
(networks that its cloud's Neutron makes for itself) no route of this endpoint could show, and is left out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import quote

import msgspec

from fractus.model.errors import Conflict, NotFound
from fractus.model.live import LiveCall
from fractus.model.resource import Presence, Resource
from fractus.services.network.agents.kind import MIRROR
from fractus.services.network.dialect.api.access import refuse_body
from fractus.services.network.dialect.api.lists import splice
from fractus.services.network.dialect.api.neighbours import NetworkNeighbours
from fractus.services.network.dialect.schema.errors import conflict, denied, malformed, not_found
from fractus.store import mirrors, presences
from fractus.web.routing import Call, Reply, Route

MISSING = "Agent {id} could not be found."


class Agent(NamedTuple):
    """One of a cloud, as it is mirrored."""

    id: str
    cloud: str
    remote_id: str
    document: dict[str, Any]


class _Sort(NamedTuple):
    """One sort of binding: what agents of a type serve."""

    kind: str
    collection: str
    agents: str
    """How the agents of one are called in paths and policy rules."""
    served: str
    """How what they serve is called there."""
    type: str
    wrong: tuple[str, str]
    """The error, and its sentence, of an agent of another type, and of one that is switched off."""
    apart: tuple[str, str]
    """The same of what the agent does not serve."""
    refusals: Mapping[str, str]
    """Part of a sentence of a cloud's -> the type of Neutron's error that has it."""


DHCP = _Sort(
    "network", "networks", "dhcp-agents", "dhcp-network", "DHCP agent",
    ("InvalidDHCPAgent", "Agent {} is not a valid DHCP Agent or has been disabled."),
    ("NetworkNotHostedByDhcpAgent", "The network {} is not hosted by the DHCP Agent {}."),
    {"already hosted": "NetworkHostedByDHCPAgent", "is not hosted": "NetworkNotHostedByDhcpAgent"},
)  # fmt: skip
L3 = _Sort(
    "router", "routers", "l3-agents", "l3-router", "L3 agent",
    ("InvalidL3Agent", "Agent {} is not a L3 Agent or has been disabled"),
    ("RouterNotHostedByL3Agent", "The router {} is not hosted by the L3 Agent {}."),
    {
        "already hosted": "RouterHostedByL3Agent",
        "is not hosted": "RouterNotHostedByL3Agent",
        "Failed scheduling": "RouterSchedulingFailed",
        "on legacy L3 agent": "RouterL3AgentMismatch",
        "manually assign": "DVRL3CannotAssignToDvrAgent",
        "manually remove": "DVRL3CannotRemoveFromDvrAgent",
        "does not support agent scheduling": "RouterDoesntSupportScheduling",
    },
)  # fmt: skip


class BindingsApi:
    """Handlers of both sorts."""

    def __init__(self, at: NetworkNeighbours, find: Callable[[str], Awaitable[Agent]]) -> None:
        """`find`: an agent by its id."""
        self._store, self._resources, self._live, self._find = at.store, at.ledger.resources, at.live, find

    def routes(self) -> list[Route]:
        """Rows of the route table."""
        return [route for sort in (DHCP, L3) for route in self._routes(sort)]

    def _routes(self, sort: _Sort) -> list[Route]:
        def of(handle: Callable[[Call, _Sort], Awaitable[Reply]]) -> Callable[[Call], Awaitable[Reply]]:
            return lambda call: handle(call, sort)

        below, served = f"/agents/{{agent_id}}/{sort.served}s", sort.served
        hosting = f"/{sort.collection}/{{{sort.kind}_id}}/{sort.agents}"
        rows = (
            ("GET", below, self._served, f"get_{served}s", f"List the {sort.collection} that an agent serves."),
            ("POST", below, self._add, f"create_{served}", f"Have an agent serve a {sort.kind}."),
            ("DELETE", f"{below}/{{id}}", self._remove, f"delete_{served}", f"Take a {sort.kind} from an agent."),
            ("GET", hosting, self._hosting, f"get_{sort.agents}", f"List the agents that serve a {sort.kind}."),
        )  # fmt: skip
        return [
            Route(method=method, path=path, handler=of(handle), rule=rule, live=True, summary=summary)
            for method, path, handle, rule, summary in rows
        ]

    # --- what the routes do ------------------------------------------------------------------------

    async def _served(self, call: Call, sort: _Sort) -> Reply:
        """What of ours an agent serves."""
        _enforce(call, f"get_{sort.served}s")
        agent = await self._find(call.params["agent_id"])
        there = await self._live.of_cloud(
            agent.cloud, agent.remote_id, _call(sort, "served", "GET", key=sort.collection), id=agent.id
        )
        remote_ids = [str(one.get("id")) for one in there]
        held = await presences.by_remotes(self._store, agent.cloud, sort.kind, remote_ids)
        found = [await self._fetch(sort, held[id].id) for id in remote_ids if id in held]
        shown = b",".join(splice(one.summary, one.extra) for one in found if one is not None)
        return Reply(200, b'{"' + sort.collection.encode() + b'":[' + shown + b"]}")

    async def _add(self, call: Call, sort: _Sort) -> Reply:
        """An agent serves one more."""
        _enforce(call, f"create_{sort.served}")
        id = call.body.get(f"{sort.kind}_id") if isinstance(call.body, dict) else None
        if not isinstance(id, str):
            # Neutron fails over it (500).
            raise malformed(f"Failed to parse request. Required attribute '{sort.kind}_id' not specified")
        resource = await self._fetch(sort, id)
        if resource is None:
            raise not_found(sort.kind, id)
        agent = await self._find(call.params["agent_id"])
        if agent.document["agent_type"] != sort.type or not agent.document["admin_state_up"]:
            type, sentence = sort.wrong
            raise NotFound(sentence.format(agent.id), type=type)
        remote_id = await self._there(sort, resource, agent)
        if remote_id is None:
            raise Conflict(
                f"The {sort.kind} {id} is not in the cloud {agent.cloud}, where the agent {agent.id} is."
            )
        body = {f"{sort.kind}_id": remote_id}
        await self._ask(agent, sort, _call(sort, "bind", "POST", body=body, empty=True), {remote_id: id})
        return Reply(201, b"null")

    async def _remove(self, call: Call, sort: _Sort) -> Reply:
        """An agent serves one less."""
        _enforce(call, f"delete_{sort.served}")
        refuse_body(call)
        id, agent = call.params["id"], await self._find(call.params["agent_id"])
        resource = await self._fetch(sort, id)
        remote_id = None if resource is None else await self._there(sort, resource, agent)
        if remote_id is None:
            type, sentence = sort.apart
            raise conflict(sentence.format(id, agent.id), type)
        asked = _call(sort, "unbind", "DELETE", below=remote_id, empty=True)
        await self._ask(agent, sort, asked, {remote_id: id})
        return Reply(204)

    async def _hosting(self, call: Call, sort: _Sort) -> Reply:
        """The agents of all clouds that serve one. Neutron knows none of a network that is not there."""
        _enforce(call, f"get_{sort.agents}")
        id = call.params[f"{sort.kind}_id"]
        resource = await self._fetch(sort, id)
        if resource is None:
            if sort is DHCP:
                return Reply(200, {"agents": []})
            raise not_found(sort.kind, id)
        there = await presences.of_resource(self._store, sort.kind, id)
        found = await asyncio.gather(*(self._in_cloud(sort, one) for one in there if one.remote_id))
        return Reply(200, {"agents": [agent for some in found for agent in some]})

    async def _in_cloud(self, sort: _Sort, presence: Presence) -> Sequence[Mapping[str, Any]]:
        """Those of one cloud, as they are mirrored, with what the cloud says of each for this one."""
        asked = _hosting(sort)
        try:
            every = await self._live.of_cloud(presence.cloud, presence.remote_id or "", asked)
        except NotFound:
            return []  # Its Neutron knows no such agents.
        held = await mirrors.of_cloud(self._store, MIRROR.table, presence.cloud)
        known = [(one, held.get(str(one.get("id")))) for one in every]
        return [
            {**({"ha_state": one["ha_state"]} if "ha_state" in one else {}), **msgspec.json.decode(row[1])}
            for one, row in known
            if row is not None
        ]

    # --- the clouds ----------------------------------------------------------------------------------

    async def _fetch(self, sort: _Sort, id: str) -> Resource | None:
        found = await self._resources.fetch(self._store, sort.kind, id)
        return None if found is None or found.deleted_at is not None else found

    async def _there(self, sort: _Sort, resource: Resource, agent: Agent) -> str | None:
        """What it is called in the cloud of an agent."""
        there = await presences.of_resource(self._store, sort.kind, resource.id)
        return next((one.remote_id for one in there if one.cloud == agent.cloud and one.remote_id), None)

    async def _ask(self, agent: Agent, sort: _Sort, asked: LiveCall, ids: Mapping[str, str]) -> None:
        """Have the agent's cloud do something. What it refuses is refused in its words, with our ids."""
        try:
            await self._live.of_cloud(agent.cloud, agent.remote_id, asked, id=agent.id)
        except Conflict as error:
            sentence = str(error)
            for theirs, ours in ids.items():
                sentence = sentence.replace(theirs, ours)
            types = (type for part, type in sort.refusals.items() if part in sentence)
            raise conflict(sentence, next(types, "Conflict")) from error


def _enforce(call: Call, rule: str) -> None:
    if not call.allows(rule):
        raise denied(f"rule:{rule}")


def _call(
    sort: _Sort,
    verb: str,
    method: str,
    *,
    body: Mapping[str, Any] | None = None,
    below: str = "",
    key: str = "",
    empty: bool = False,
) -> LiveCall:
    """About what an agent serves. `below`: the id there of one of those."""
    path = f"/agents/{{id}}/{sort.served}s" + (f"/{quote(below, safe='')}" if below else "")
    return LiveCall(
        name=f"agent_{verb}", noun="an answer about the agent", service="network", method=method, path=path,
        body=body, key=key, type=list[dict[str, Any]], null=[], admin=True, empty=empty,
        refusals=frozenset({400, 409}), missing=MISSING, not_ready=MISSING,
    )  # fmt: skip


def _hosting(sort: _Sort) -> LiveCall:
    path = f"/{sort.collection}/{{id}}/{sort.agents}"
    return LiveCall(
        name="agents_of", noun=f"the agents of a {sort.kind}", service="network", path=path, key="agents",
        type=list[dict[str, Any]], null=[], admin=True, missing="{id}", not_ready="{id}",
    )  # fmt: skip
