"""What hangs on a server and is only read: addresses, ports, groups, volumes, and what was done to it."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from fractus.base.clock import iso_micro, parse_iso
from fractus.model.errors import Invalid, NotFound
from fractus.model.network import unreachable
from fractus.model.resource import Resource, at_home
from fractus.services.compute import only
from fractus.services.compute.servers import policy
from fractus.services.compute.servers.api.access import Dependencies, find, shown
from fractus.services.compute.servers.schema import search
from fractus.services.compute.servers.versions import ACTION, INTERFACE, PARTS
from fractus.store import presences
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
            ("os-volume_attachments", self.volumes, policy.ATTACHMENTS_LIST, "List the volumes of a server."),
            (
                "os-volume_attachments/{volume_id}",
                self.volume,
                policy.ATTACHMENTS_SHOW,
                "Show a volume of a server.",
            ),
            ("os-instance-actions", self.actions, policy.ACTIONS_LIST, "List what was done to a server."),
            (
                "os-instance-actions/{request_id}",
                self.action,
                policy.ACTIONS_SHOW,
                "Show one thing that was done to a server.",
            ),
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
        _strict(call)
        server = await find(self._given, call, policy.IPS_LIST)
        return Reply(200, {"addresses": _addresses(server)})

    async def ips_of(self, call: Call) -> Reply:
        """In one network."""
        _strict(call)
        server = await find(self._given, call, policy.IPS_SHOW)
        network = call.params["network"]
        addresses = _addresses(server)
        if network not in addresses:
            raise NotFound("Instance is not a member of specified network")
        return Reply(200, {network: addresses[network]})

    # --- ports -----------------------------------------------------------------------------------

    async def interfaces(self, call: Call) -> Reply:
        """All ports."""
        _strict(call)
        server = await find(self._given, call, policy.INTERFACES_LIST)
        ports = [await self._port(server, id) for id in server.desired["ports"]]
        found = [
            INTERFACE.response_down(_interface(server, port), call.version)
            for port in ports
            if port is not None
        ]
        return Reply(200, {"interfaceAttachments": found})

    async def interface(self, call: Call) -> Reply:
        """One port."""
        _strict(call)
        server = await find(self._given, call, policy.INTERFACES_SHOW)
        id = call.params["port_id"]
        port = await self._port(server, id) if id in server.desired["ports"] else None
        if port is None:
            raise NotFound(f"Instance {server.id} does not have a port with id {id}")
        interface = INTERFACE.response_down(_interface(server, port), call.version)
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

    async def volumes(self, call: Call) -> Reply:
        """None: servers are built on local disks."""
        if PARTS.behaviour("strict_attachments", call.version):
            only(call.query.names(), ("limit", "offset"))
        await find(self._given, call, policy.ATTACHMENTS_LIST)
        return Reply(200, {"volumeAttachments": []})

    async def volume(self, call: Call) -> Reply:
        """None."""
        server = await find(self._given, call, policy.ATTACHMENTS_SHOW)
        raise NotFound(f"Instance {server.id} is not attached to volume {call.params['volume_id']}")

    # --- what was done ---------------------------------------------------------------------------

    async def actions(self, call: Call) -> Reply:
        """The newest first."""
        paged = PARTS.behaviour("actions_in_pages", call.version)
        if paged:
            also = (
                ("changes-before",) if PARTS.query_allowed("changes-before", call.version, "actions") else ()
            )
            only(call.query.names(), ("limit", "marker", "changes-since", *also))
        deleted = PARTS.behaviour("actions_of_deleted", call.version)
        server = await find(self._given, call, policy.ACTIONS_LIST, deleted=deleted)
        every = list(reversed(server.desired["actions"]))
        failed = await self._failed(server)
        if not paged:
            return Reply(200, {"instanceActions": [_action(call, server, one, failed) for one in every]})
        limit = self._limit(call)
        rows = _page(call, every, limit)
        answer: dict[str, Any] = {"instanceActions": [_action(call, server, one, failed) for one in rows]}
        if rows and len(rows) == limit:
            params = {**dict(sorted(call.query.items())), "marker": rows[-1]["request_id"]}
            answer["links"] = [{"rel": "next", "href": f"{call.url}?{urlencode(params)}"}]
        return Reply(200, answer)

    async def action(self, call: Call) -> Reply:
        """One, by the request that asked for it."""
        _strict(call)
        deleted = PARTS.behaviour("actions_of_deleted", call.version)
        server = await find(self._given, call, policy.ACTIONS_SHOW, deleted=deleted)
        request_id = call.params["request_id"]
        for one in server.desired["actions"]:
            if one["request_id"] == request_id:
                action = _action(call, server, one, await self._failed(server))
                everybody = PARTS.behaviour("events_for_everybody", call.version)
                target = {"project_id": server.project_id, "user_id": server.user_id}
                if everybody or call.allows(policy.ACTIONS_EVENTS, target):
                    # What its cloud did in detail is in its cloud.
                    action["events"] = []
                return Reply(200, {"instanceAction": action})
        raise NotFound(f"Action {request_id} not found")

    async def _failed(self, server: Resource) -> set[int]:
        """Tokens of what the cloud refused."""
        here = at_home(server.home, await presences.of_resource(self._given.store, "server", server.id))
        failed = here.memory.get("failed", {}) if here is not None else {}
        return {
            int(once.rpartition(":")[2])
            for once in failed
            if once.split(":")[0] in ("stop", "start", "reboot")
        }

    def _limit(self, call: Call) -> int:
        text = call.query.one("limit")
        if text is None:
            return self._given.limits.page
        if not (text.isascii() and text.isdigit()):
            raise search.bad_parameter("limit", text, f"{text!r} does not match '^[0-9]*$'")
        page = self._given.limits.page
        return page if len(text) > search.DIGITS else min(int(text), page)


def _strict(call: Call) -> None:
    if PARTS.behaviour("strict", call.version):
        only(call.query.names(), ())


def _addresses(server: Resource) -> dict[str, list[dict[str, Any]]]:
    return {
        network: [{"version": one["version"], "addr": one["addr"]} for one in every]
        for network, every in shown(server)["addresses"].items()
    }


def _interface(server: Resource, port: Resource) -> dict[str, Any]:
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


def _message(server: Resource, verb: str) -> str | None:
    """What a user should know of how a server was made, or None."""
    apart = server.choice.get("apart")
    if verb != "create" or not apart:
        return None
    return " ".join(unreachable(key.partition("/")[2], clouds) for key, clouds in sorted(apart.items()))


def _action(call: Call, server: Resource, one: dict[str, Any], failed: set[int]) -> dict[str, Any]:
    document = {
        "action": one["verb"],
        "instance_uuid": server.id,
        "request_id": one["request_id"],
        "user_id": one["user_id"],
        "project_id": one["project_id"],
        "start_time": iso_micro(one["at"]),
        "message": "Error" if one["token"] in failed else _message(server, one["verb"]),
        "updated_at": iso_micro(one["at"]),
    }
    return ACTION.response_down(document, call.version)


def _page(call: Call, every: list[dict[str, Any]], limit: int) -> list[dict[str, Any]]:
    bounds = {}
    for name in ("changes-since", "changes-before"):
        text = call.query.one(name)
        if text is not None:
            search.check_parameter(name, text)
            bounds[name] = parse_iso(text)
    since, before = bounds.get("changes-since"), bounds.get("changes-before")
    if since is not None and before is not None and before < since:
        raise Invalid("The value of changes-since must be less than or equal to changes-before.")
    if since is not None:
        every = [one for one in every if one["at"] >= since]
    if before is not None:
        every = [one for one in every if one["at"] < before + 1]
    marker = call.query.one("marker")
    if marker is not None:
        places = [place for place, one in enumerate(every) if one["request_id"] == marker]
        if not places:
            raise Invalid(f"Marker {marker} could not be found.")
        every = every[places[0] + 1 :]
    return every[:limit]
