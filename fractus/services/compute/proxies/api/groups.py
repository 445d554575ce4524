"""Security groups and their rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from fractus.base.ids import is_uuid
from fractus.model.errors import Conflict, Forbidden, Invalid, NotFound, QuotaExceeded
from fractus.services.compute.proxies import policy, schema
from fractus.services.compute.proxies.api.asking import Proxy, limited, row
from fractus.services.compute.proxies.view import networking as view
from fractus.web.routing import Call, Reply, Route

_GROUPS, _RULES = "/security-groups", "/security-group-rules"
_GROUP, _RULE = "/security-groups/{id}", "/security-group-rules/{id}"


class Groups(Proxy):
    """Handlers of security groups."""

    service = "network"

    def routes(self) -> list[Route]:
        """Rows of the route table."""
        root, rules = "/os-security-groups", "/os-security-group-rules"
        of, of_rules = policy.GROUPS, policy.GROUP_RULES
        one = f"{root}/{{id}}"
        check = schema.check_group
        return [
            row("GET", root, self.index, f"{of}get", "List security groups."),
            row("POST", root, self.create, f"{of}create", "Create a security group.", check=check),
            row("GET", one, self.show, f"{of}show", "Show a security group."),
            row("PUT", one, self.update, f"{of}update", "Rename or describe a security group.", check=check),
            row("DELETE", one, self.delete, f"{of}delete", "Delete a security group."),
            row(
                "POST", rules, self.add_rule, f"{of_rules}create", "Add a rule to a security group.",
                check=schema.check_rule,
            ),
            row("DELETE", f"{rules}/{{id}}", self.remove_rule, f"{of_rules}delete", "Remove a rule of a group."),
        ]  # fmt: skip

    async def index(self, call: Call) -> Reply:
        """Those of the project; for administrators who ask for them, of all projects."""
        everybody = call.principal.is_admin and "all_tenants" in call.query
        query = {} if everybody else {"tenant_id": str(call.principal.project_id)}
        found = (await self.ask(call, "GET", _GROUPS, query=query))["security_groups"]
        some = limited(call, found)
        names = await self._names(call, found, (one["security_group_rules"] for one in some))
        shown = [view.group(one, names) for one in some]
        return Reply(200, {"security_groups": sorted(shown, key=lambda one: (one["tenant_id"], one["name"]))})

    async def show(self, call: Call) -> Reply:
        """One of them."""
        return await self._reply(call, await self._get(call, _checked(call.params["id"])))

    async def create(self, call: Call) -> Reply:
        """Make one."""
        body = {"security_group": _said(call)}
        try:
            made = await self.ask(call, "POST", _GROUPS, body=body)
        except Conflict as error:
            raise Forbidden(error.message) from error
        return await self._reply(call, made["security_group"])

    async def update(self, call: Call) -> Reply:
        """Change one."""
        id = _checked(call.params["id"])
        body = {"security_group": _said(call)}
        changed = await self.ask(call, "PUT", _GROUP, params={"id": id}, body=body)
        return await self._reply(call, changed["security_group"])

    async def delete(self, call: Call) -> Reply:
        """Delete one that nothing uses."""
        id = _checked(call.params["id"])
        try:
            await self.ask(call, "DELETE", _GROUP, params={"id": id})
        except Conflict as error:
            raise Invalid(error.message) from error
        return Reply(202)

    async def add_rule(self, call: Call) -> Reply:
        """Let something in."""
        asked = call.body["security_group_rule"]
        parent = await self._get(call, asked["parent_group_id"])
        group_id = asked.get("group_id")
        if group_id is not None:
            await self._get(call, group_id)
        wanted = _wanted(asked, group_id)
        if any(_alike(one, wanted) for one in parent["security_group_rules"]):
            raise Invalid(f"This rule already exists in group {parent['id']}")
        try:
            made = await self.ask(call, "POST", _RULES, body={"security_group_rule": wanted})
        except QuotaExceeded:
            raise
        except Conflict as error:
            raise Forbidden(error.message) from error
        rule = made["security_group_rule"]
        names = await self._names(call, [parent], [[rule]])
        return Reply(200, {"security_group_rule": view.rule(rule, names)})

    async def remove_rule(self, call: Call) -> Reply:
        """Let it in no longer."""
        await self.ask(call, "DELETE", _RULE, params={"id": _checked(call.params["id"])})
        return Reply(202)

    async def _get(self, call: Call, id: str) -> dict[str, Any]:
        found: dict[str, Any] = await self.ask(call, "GET", _GROUP, params={"id": id})
        group: dict[str, Any] = found["security_group"]
        return group

    async def _names(
        self, call: Call, known: Iterable[Mapping[str, Any]], rules: Iterable[Iterable[Mapping[str, Any]]]
    ) -> dict[str, Mapping[str, Any]]:
        """The groups that rules name, by id; those that are not `known` are asked for."""
        names = {one["id"]: one for one in known}
        for rule in (one for some in rules for one in some):
            id = rule["remote_group_id"]
            if id and id not in names:
                try:
                    names[id] = await self._get(call, id)
                except NotFound:
                    continue
        return names

    async def _reply(self, call: Call, group: dict[str, Any]) -> Reply:
        names = await self._names(call, [group], [group["security_group_rules"]])
        return Reply(200, {"security_group": view.group(group, names)})


def _checked(id: str) -> str:
    if not is_uuid(id):
        raise Invalid("Security group id should be uuid")
    return id


def _said(call: Call) -> dict[str, Any]:
    given = call.body["security_group"]
    return {name: given[name] for name in ("name", "description")}


def _wanted(asked: Mapping[str, Any], group_id: str | None) -> dict[str, Any]:
    """A rule as Neutron is asked for it."""
    cidr = None if group_id is not None else schema.cidr_of(asked.get("cidr"))
    protocol = asked.get("ip_protocol")
    ports = schema.ports_of(
        protocol, asked.get("from_port"), asked.get("to_port"), of_group=group_id is not None
    )
    low, high = ports or (None, None)
    return {
        "direction": "ingress",
        "ethertype": "IPv6" if cidr and ":" in cidr else "IPv4",
        "protocol": protocol if ports else None,
        "remote_ip_prefix": cidr,
        "remote_group_id": group_id,
        "security_group_id": asked["parent_group_id"],
        "port_range_min": None if low == -1 else low,
        "port_range_max": None if high == -1 else high,
    }


def _alike(there: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    names = (
        "direction",
        "ethertype",
        "remote_ip_prefix",
        "remote_group_id",
        "port_range_min",
        "port_range_max",
    )
    same = str(there["protocol"]).lower() == str(wanted["protocol"]).lower()
    return same and all(there[name] == wanted[name] for name in names)
