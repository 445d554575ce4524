"""Attaching ports to a server that is there, and detaching them. Its cloud is asked by the machine."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from fractus.model.errors import Conflict, Invalid, NotFound
from fractus.model.network import NicRequest
from fractus.model.resource import AWAIT, Need, Resource
from fractus.model.trunks import PARENT_OF
from fractus.services.compute.servers import policy, view
from fractus.services.compute.servers.api.access import (
    Dependencies,
    change,
    check_state,
    check_unlocked,
    find,
    record,
    shown,
)
from fractus.services.compute.servers.api.parts import interface_document
from fractus.services.compute.servers.schema import acting
from fractus.services.compute.servers.versions import INTERFACE, REQUESTS
from fractus.store import presences
from fractus.store.transaction import Transaction
from fractus.web.microversion import Version
from fractus.web.routing import Call, Reply, Route

_STATES = ("active", "paused", "stopped")


def _check(body: Any, version: Version) -> None:
    REQUESTS.request_check(body, version, "plug")
    acting.check_interface(body)


class Interfaces:
    """POST and DELETE of `/servers/{server_id}/os-interface`."""

    def __init__(self, given: Dependencies) -> None:
        self._given = given

    def routes(self) -> list[Route]:
        """Rows of the route table."""
        path = "/servers/{server_id}/os-interface"
        return [
            Route(
                method="POST",
                path=path,
                handler=self.attach,
                rule=policy.INTERFACES_CREATE,
                schema=_check,
                summary="Attach a port to a server.",
            ),
            Route(
                method="DELETE",
                path=f"{path}/{{port_id}}",
                handler=self.detach,
                rule=policy.INTERFACES_DELETE,
                summary="Detach a port from a server.",
            ),
        ]

    async def attach(self, call: Call) -> Reply:
        """A port that is there, or a new one in a network: it is the server's own, and leaves with it."""
        asked: dict[str, Any] = (call.body or {}).get("interfaceAttachment", {})
        async with self._given.store.transaction() as tx:
            server = await self._found(call, tx, policy.INTERFACES_CREATE, "attach_interface")
            port_id = await self._plug(call, tx, server, asked)
            port = await self._given.ledger.resources.fetch(tx, "port", port_id)
            assert port is not None
            document = INTERFACE.response_down(interface_document(server, port), call.version)
        return Reply(200, {"interfaceAttachment": document})

    async def detach(self, call: Call) -> Reply:
        """It leaves where it was made for the server; else it is free again."""
        port_id = call.params["port_id"]
        async with self._given.store.transaction() as tx:
            server = await self._found(call, tx, policy.INTERFACES_DELETE, "detach_interface")
            desired = server.desired
            if port_id not in desired["ports"]:
                raise NotFound(f"Port id {port_id} could not be found.")
            zone = shown(server)["OS-EXT-AZ:availability_zone"]
            there = await presences.fetch(tx, "port", port_id, zone)
            self._keep(server, [id for id in desired["ports"] if id != port_id])
            await record(call, tx, server, "detach_interface")
            desired["plugged"] = _without(desired.get("plugged", {}), port_id)
            if there is not None and there.remote_id:
                asked = {"token": desired["token"], "remote_id": there.remote_id}
                desired["unplugged"] = {**desired.get("unplugged", {}), port_id: asked}
            known = await self._given.ledger.resources.needs(tx, "server", server.id)
            leave = ("port", port_id), ("trunk", await self._trunk_of(tx, port_id))
            kept = [one for one in known if (one.kind, one.id) not in leave]
            await change(self._given, call, tx, server, kept)
            await self._given.plugging.unplug(tx, server.id, port_id)
            await self._show_ports(tx, server)
        return Reply(202)

    async def _found(self, call: Call, tx: Transaction, rule: str, action: str) -> Resource:
        server = await find(self._given, call, rule, tx)
        document = shown(server)
        check_unlocked(call, server, document)
        check_state(server, document, action, _STATES)
        return server

    async def _plug(self, call: Call, tx: Transaction, server: Resource, asked: dict[str, Any]) -> str:
        nic = await self._nic(call, tx, server, asked)
        who = dataclasses.replace(call.principal, project_id=server.project_id)
        zone = shown(server)["OS-EXT-AZ:availability_zone"]
        hostname = server.desired["hostname"]
        try:
            [port] = await self._given.ports.for_server(
                tx, who, server.id, zone, [nic], ["default"], hostname=hostname
            )
        except Invalid as error:
            raise _in_novas_words(error) from None
        desired = server.desired
        tags = [*desired["port_tags"], *[""] * len(desired["ports"])][: len(desired["ports"])]
        self._keep(server, [*desired["ports"], port.port_id])
        desired["port_tags"] = [*tags, nic.tag] if nic.tag or any(tags) else []
        desired["networks"] = list(dict.fromkeys([*desired.get("networks", []), port.network_id]))
        await record(call, tx, server, "attach_interface")
        # By the token of the action: a port may be attached again that was detached before.
        desired["plugged"] = {**desired.get("plugged", {}), port.port_id: desired["token"]}
        desired["unplugged"] = _without(desired.get("unplugged", {}), port.port_id)
        known = await self._given.ledger.resources.needs(tx, "server", server.id)
        more = [Need("port", port.port_id, exclusive=True)]
        # Most clouds make no trunk of a port that a server has.
        more += [Need("trunk", port.trunk_id, mode=AWAIT)] if port.trunk_id else []
        await change(self._given, call, tx, server, [*known, *more])
        await self._show_ports(tx, server)
        return port.port_id

    async def _trunk_of(self, tx: Transaction, port_id: str) -> str:
        """The trunk that a port is the parent of; empty: it is of none."""
        port = await self._given.ledger.resources.fetch(tx, "port", port_id)
        details = None if port is None else port.desired.get(PARENT_OF)
        return details["trunk_id"] if details else ""

    async def _nic(self, call: Call, tx: Transaction, server: Resource, asked: dict[str, Any]) -> NicRequest:
        network, port = asked.get("net_id", ""), asked.get("port_id", "")
        ip = asked["fixed_ips"][0]["ip_address"] if asked.get("fixed_ips") else ""
        if network and port:
            raise Invalid("Must not input both network_id and port_id")
        if ip and not network:
            raise Invalid("Must input network_id when request IP address")
        if not network and not port:
            who = dataclasses.replace(call.principal, project_id=server.project_id)
            known = await self._given.ports.networks_for(tx, who)
            if not known:
                raise Invalid(
                    "No specific network was requested and none are available for project"
                    f" '{server.project_id}'."
                )
            if len(known) > 1:
                raise Invalid(
                    "More than one possible network found. Specify network ID(s) to select which one(s) to"
                    " connect to."
                )
            network = known[0].id
        return NicRequest(network_id=network, port_id=port, fixed_ip=ip, tag=asked.get("tag", ""))

    @staticmethod
    def _keep(server: Resource, ports: list[str]) -> None:
        """The server has these ports, with the tags that they had."""
        desired = server.desired
        tags = dict(zip(desired["ports"], desired["port_tags"], strict=False))
        desired["ports"] = ports
        desired["port_tags"] = [tags.get(id, "") for id in ports] if any(tags.values()) else []

    async def _show_ports(self, tx: Transaction, server: Resource) -> None:
        ports = await self._given.ports.of_server(tx, server.id)
        server.desired.update(addresses=view.addresses_of(ports), security_groups=view.groups_of(ports))
        every = await presences.of_resource(tx, "server", server.id)
        await self._given.ledger.resources.save(tx, server, view.summarise(server, every))


def _without(known: Mapping[str, Any], port_id: str) -> dict[str, Any]:
    return {id: asked for id, asked in known.items() if id != port_id}


def _in_novas_words(error: Invalid) -> Invalid | Conflict | NotFound:
    """What a create says with 400 is said here as Nova says it of an attachment."""
    if "could not be found" in error.message:
        return NotFound(error.message)
    if "is already in use on instance" in error.message:
        return Conflict(error.message)
    return error
