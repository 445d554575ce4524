"""What hangs on a server and is only read: addresses, ports and groups."""

from __future__ import annotations

from typing import Any

from fractus.model.errors import NotFound
from fractus.model.resource import Resource
from fractus.services.compute import only
from fractus.services.compute.servers import policy
from fractus.services.compute.servers.api.access import Dependencies, find, shown
from fractus.services.compute.servers.versions import INTERFACE, PARTS
from fractus.store.transaction import Reader
from fractus.web.routing import Call, Reply, Route


class Parts:
    """Reads below one server."""

    def __init__(self, given: Dependencies) -> None:
        self._given = given

    def routes(self) -> list[Route]:
        """Rows of the route table."""
        rows: list[tuple[str, Any, str, str]] = [
            ("ips", self.ips, policy.IPS_LIST, "List the addresses of a server."),
            ("ips/{network}", self.ips_of, policy.IPS_SHOW, "Show the addresses of a server in one network."),
            ("os-interface", self.interfaces, policy.INTERFACES_LIST, "List the ports of a server."),
            ("os-interface/{port_id}", self.interface, policy.INTERFACES_SHOW, "Show a port of a server."),
            ("os-security-groups", self.groups, policy.GROUPS_LIST, "List the security groups of a server."),
        ]
        return [
            Route(
                method="GET",
                path=f"/servers/{{server_id}}/{path}",
                handler=handler,
                rule=rule,
                summary=summary,
            )
            for path, handler, rule, summary in rows
        ]

    # --- addresses -------------------------------------------------------------------------------

    async def ips(self, call: Call) -> Reply:
        """By network."""
        strict(call)
        server = await find(self._given, call, policy.IPS_LIST)
        return Reply(200, {"addresses": _addresses(server)})

    async def ips_of(self, call: Call) -> Reply:
        """In one network."""
        strict(call)
        server = await find(self._given, call, policy.IPS_SHOW)
        network = call.params["network"]
        addresses = _addresses(server)
        if network not in addresses:
            raise NotFound("Instance is not a member of specified network")
        return Reply(200, {network: addresses[network]})

    # --- ports -----------------------------------------------------------------------------------

    async def interfaces(self, call: Call) -> Reply:
        """All ports."""
        strict(call)
        server = await find(self._given, call, policy.INTERFACES_LIST)
        ports = [await self._port(server, id) for id in server.desired["ports"]]
        found = [
            INTERFACE.response_down(interface_document(server, port), call.version)
            for port in ports
            if port is not None
        ]
        return Reply(200, {"interfaceAttachments": found})

    async def interface(self, call: Call) -> Reply:
        """One port."""
        strict(call)
        server = await find(self._given, call, policy.INTERFACES_SHOW)
        id = call.params["port_id"]
        port = await self._port(server, id) if id in server.desired["ports"] else None
        if port is None:
            raise NotFound(f"Instance {server.id} does not have a port with id {id}")
        interface = INTERFACE.response_down(interface_document(server, port), call.version)
        return Reply(200, {"interfaceAttachment": interface})

    async def _port(self, server: Resource, id: str) -> Resource | None:
        return await self._fetch("port", id)

    async def _fetch(self, kind: str, id: str) -> Resource | None:
        reader: Reader = self._given.store
        found = await self._given.ledger.resources.fetch(reader, kind, id)
        return found if found is not None and found.deleted_at is None else None

    # --- groups and volumes ----------------------------------------------------------------------

    async def groups(self, call: Call) -> Reply:
        """Security groups of all ports, in the form that Nova had them in before Neutron."""
        server = await find(self._given, call, policy.GROUPS_LIST)
        ids: dict[str, None] = {}
        for port_id in server.desired["ports"]:
            port = await self._fetch("port", port_id)
            ids.update(dict.fromkeys(port.desired.get("security_groups", []) if port is not None else []))
        found = [group for id in ids if (group := await self._fetch("security_group", id)) is not None]
        groups = [await self._group(group) for group in found]
        return Reply(
            200, {"security_groups": sorted(groups, key=lambda one: (one["tenant_id"], one["name"]))}
        )

    async def _group(self, group: Resource) -> dict[str, Any]:
        desired = group.desired
        rules = []
        for rule in desired.get("rules", []):
            if rule["direction"] != "ingress":
                continue
            about = rule.get("remote_group_id")
            other = await self._fetch("security_group", about) if about else None
            if about and other is None:
                continue
            rules.append(_rule(group, rule, other))
        return {
            "id": group.id,
            "name": desired.get("name", group.name),
            "description": desired.get("description") or "",
            "tenant_id": group.project_id,
            "rules": rules,
        }


def strict(call: Call) -> None:
    """Refuse every query parameter, at versions that do."""
    if PARTS.behaviour("strict", call.version):
        only(call.query.names(), ())


def _addresses(server: Resource) -> dict[str, list[dict[str, Any]]]:
    return {
        network: [{"version": one["version"], "addr": one["addr"]} for one in every]
        for network, every in shown(server)["addresses"].items()
    }


def interface_document(server: Resource, port: Resource) -> dict[str, Any]:
    """A port as `os-interface` shows it."""
    tags = server.desired["port_tags"]
    place = server.desired["ports"].index(port.id)
    return {
        "net_id": port.desired["network_id"],
        "port_id": port.id,
        "mac_addr": port.desired["mac_address"],
        "port_state": port.status,
        "fixed_ips": port.desired["fixed_ips"],
        "tag": (tags[place] if place < len(tags) else "") or None,
    }


def _rule(group: Resource, rule: dict[str, Any], other: Resource | None) -> dict[str, Any]:
    """A rule in the words of Nova's own, former security groups."""
    protocol, low, high = rule.get("protocol"), rule.get("port_range_min"), rule.get("port_range_max")
    if protocol and low is None:
        low, high = (-1, -1) if protocol.startswith("icmp") else (1, 65535)
    ranged: dict[str, Any] = {}
    if other is None:
        anywhere = "::/0" if rule.get("ethertype") == "IPv6" else "0.0.0.0/0"
        ranged = {"cidr": rule.get("remote_ip_prefix") or anywhere}
    return {
        "id": rule["id"],
        "parent_group_id": group.id,
        "ip_protocol": protocol.upper() if protocol in ("tcp", "udp", "icmp") else protocol,
        "from_port": low,
        "to_port": high,
        "group": {} if other is None else {"name": other.name, "tenant_id": other.project_id},
        "ip_range": ranged,
    }
