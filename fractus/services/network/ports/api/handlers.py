"""The routes of ports."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import UNSET

from fractus.model.resource import Resource
from fractus.services.network.dialect.api import lists
from fractus.services.network.dialect.api.access import (
    authorise,
    refuse_body,
    refuse_constraint,
    seen,
)
from fractus.services.network.dialect.api.lists import Lists
from fractus.services.network.dialect.api.neighbours import NetworkNeighbours
from fractus.services.network.dialect.api.replies import collection_routes, created
from fractus.services.network.dialect.api.tags import Tags
from fractus.services.network.dialect.schema import values
from fractus.services.network.dialect.schema.attributes import Item, read
from fractus.services.network.dialect.schema.errors import conflict, invalid, not_found
from fractus.services.network.ports import schema
from fractus.services.network.ports.api.writes import PortWrites
from fractus.services.network.ports.queries import port_scope
from fractus.services.network.ports.schema import ATTRIBUTES
from fractus.services.network.ports.table import PORT
from fractus.services.network.ports.view import bound, target
from fractus.store import presences
from fractus.store.listing import Filter, Filters
from fractus.store.transaction import Reader, Transaction
from fractus.web.routing import Call, Reply, Route

_BINDING = "get_port:binding:host_id"


def _missing(id: str) -> Any:
    return not_found("port", id)


def _by_fixed_ips(given: list[str]) -> Filters:
    """`fixed_ips=ip_address=...`, `subnet_id=...`, `ip_address_substr=...`; others mean nothing, as in Neutron."""
    found: list[Any] = []
    for key, wanted in values.key_values(given).items():
        if key in ("ip_address", "subnet_id"):
            patterns = [f"%|{key}={lists.escape(value)}|%" for value in wanted]
        elif key == "ip_address_substr":
            patterns = [f"%|ip_address=%{lists.escape(value)}%" for value in wanted]
        else:
            continue
        found.append([Filter("fixed_ips", "like", pattern) for pattern in patterns])
    return found


LISTS = Lists(
    collection="ports",
    table=PORT,
    attributes=ATTRIBUTES,
    scope=lambda principal: port_scope(principal.project_id),
    missing=_missing,
    admin_rule=_BINDING,
    special={"fixed_ips": _by_fixed_ips},
)


def _network_target(network: Resource) -> dict[str, Any]:
    return {
        "project_id": network.project_id,
        "tenant_id": network.project_id,
        "shared": network.desired["shared"],
        "shared_with": network.desired.get("shared_with"),
        "network:project_id": network.project_id,
    }


class PortApi:
    """Handlers of ports."""

    def __init__(self, at: NetworkNeighbours) -> None:
        self._store = at.store
        self._writes = at.own(PortWrites)
        self._finding = self._writes.finding()
        self._resources = at.ledger.resources
        self._groups = at.groups
        self._tags = Tags("port", "ports", at.store, self._permitted, self._writes.touch)

    def routes(self) -> list[Route]:
        """All of them."""
        return [
            *collection_routes(self, "port", "ports", ATTRIBUTES, update=self.update),
            *self._tags.routes(),
        ]

    async def _permitted(self, reader: Reader, call: Call, id: str, rule: str) -> Resource:
        found = await self._resources.fetch(reader, "port", id)
        port = seen(call, found, target, _missing(id))
        call.enforce(rule, target(port))
        return port

    async def index(self, call: Call) -> Reply:
        """GET ports."""
        return await lists.reply(
            self._store, call, LISTS, more=await self._finding.conditions(self._store, call.query)
        )

    async def show(self, call: Call) -> Reply:
        """GET a port."""
        return self._one(call, await self._permitted(self._store, call, call.params["id"], "get_port"))

    @staticmethod
    def _one(call: Call, port: Resource) -> Reply:
        extra = port.extra if call.allows(_BINDING) else None
        return lists.one("port", lists.splice(port.summary, extra), call.query)

    # --- create ----------------------------------------------------------------------------------

    async def create(self, call: Call) -> Reply:
        """POST ports, one or several: all of them or none."""
        request = read("port", ATTRIBUTES, call.body, call.principal, create=True)
        async with self._store.transaction() as tx:
            made = [await self._create(tx, call, item) for item in request.items]
        return created("port", made, bulk=request.bulk, extra=call.allows(_BINDING))

    async def _create(self, tx: Transaction, call: Call, item: Item) -> Resource:
        network = await self._network(tx, call, item.values["network_id"])
        about = {**_network_target(network), **item.values, "shared": network.desired["shared"]}
        authorise(call, "create_port", ATTRIBUTES, item, about, create=True)
        schema.refuse_foreign(item)
        given: dict[str, Any] = {
            name: None if value is UNSET else value for name, value in item.values.items()
        }
        _check_security(given, network)
        await self._writes.check_subnets(tx, network.id, call.principal.project_id, given["fixed_ips"] or [])
        if given["security_groups"] and not schema.trusted(given["device_owner"]):
            await self._check_groups(tx, given["security_groups"], given["project_id"])
        return await self._writes.add(
            tx, network, given, user_id=call.principal.user_id, request_id=call.request_id
        )

    async def _network(self, tx: Transaction, call: Call, id: str) -> Resource:
        found = await self._resources.fetch(tx, "network", id)
        missing = not_found("network", id)
        if found is None or found.deleted_at is not None:
            raise missing
        if not call.allows("get_network", _network_target(found)):
            raise missing
        return found

    async def _check_groups(self, reader: Reader, ids: list[str], project_id: str) -> None:
        """All of them are of the port's project: in a cloud no other project's groups can be put on it."""
        unknown = [id for id in ids if await self._groups.usable(reader, id, project_id) is None]
        if unknown:
            raise not_found("security_group", ", ".join(unknown))
        await self._groups.check_together(reader, ids)

    # --- update ----------------------------------------------------------------------------------

    async def update(self, call: Call) -> Reply:
        """PUT a port."""
        refuse_constraint(call)
        item = read("port", ATTRIBUTES, call.body, call.principal, create=False, id=call.params["id"]).items[
            0
        ]
        async with self._store.transaction() as tx:
            port = seen(
                call,
                await self._resources.fetch(tx, "port", call.params["id"]),
                target,
                _missing(call.params["id"]),
            )
            about = {**target(port), **{k: v for k, v in item.values.items() if k == "device_owner"}}
            authorise(call, "update_port", ATTRIBUTES, item, about, create=False)
            schema.refuse_foreign(item)
            await self._writes.alter(tx, port, await self._changes(tx, call, port, item))
        return self._one(call, port)

    async def _changes(self, tx: Transaction, call: Call, port: Resource, item: Item) -> dict[str, object]:
        """What an update comes to, judged and complete."""
        desired, given = port.desired, item.values
        plain = (
            "name",
            "description",
            "admin_state_up",
            "device_id",
            "device_owner",
            "port_security_enabled",
        )
        changes: dict[str, object] = {name: given[name] for name in plain if name in given}
        mac = desired["mac_address"]
        if "mac_address" in given:
            await self._check_unbound(tx, port, given["mac_address"])
            mac = changes["mac_address"] = await self._writes.change_mac(tx, port, given["mac_address"])
        owner = str(given.get("device_owner", desired["device_owner"]))
        if "fixed_ips" in given or mac != desired["mac_address"]:
            asked = given.get("fixed_ips", desired["fixed_ips"])
            await self._writes.check_subnets(tx, desired["network_id"], call.principal.project_id, asked)
            changes.update(await self._writes.readdress(tx, port, asked, mac, owner))
        if "security_groups" in given:
            await self._check_groups(tx, given["security_groups"], port.project_id)
            changes["security_groups"] = given["security_groups"]
        if "allowed_address_pairs" in given:
            changes["allowed_address_pairs"] = schema.pairs(given["allowed_address_pairs"], mac)
        if "extra_dhcp_opts" in given:
            changes["extra_dhcp_opts"] = schema.options(desired["extra_dhcp_opts"], given["extra_dhcp_opts"])
        _check_insecure(given, {**desired, **changes})
        return changes

    async def _check_unbound(self, tx: Transaction, port: Resource, mac: str | None) -> None:
        old = port.desired["mac_address"]
        vif_type = bound(await presences.of_resource(tx, "port", port.id))
        if vif_type and mac != old:
            raise conflict(
                f"Unable to complete operation on port {port.id}, port is already bound, port type: {vif_type}, "
                f"old_mac {old}, new_mac {mac}.",
                "PortBound",
            )

    async def delete(self, call: Call) -> Reply:
        """DELETE a port."""
        refuse_constraint(call)
        async with self._store.transaction() as tx:
            port = await self._permitted(tx, call, call.params["id"], "delete_port")
            refuse_body(call)
            await self._writes.remove(tx, port)
        return Reply(204)


def _pairs_need_security() -> Exception:
    return conflict(
        "Port Security must be enabled in order to have allowed address pairs on a port.",
        "AddressPairAndPortSecurityRequired",
    )


def _groups_need_security() -> Exception:
    return invalid(
        "Port security must be enabled and port must have an IP address in order to use security groups.",
        "PortSecurityAndIPRequiredForSecurityGroups",
    )


def _check_security(given: Mapping[str, Any], network: Resource) -> None:
    """A new port without port security has neither address pairs nor security groups."""
    secure = given["port_security_enabled"]
    if secure is None:
        secure = network.desired["port_security_enabled"]
    if secure and not schema.trusted(given["device_owner"]):
        return
    if given["allowed_address_pairs"]:
        raise _pairs_need_security()
    if given["security_groups"]:
        raise _groups_need_security()


def _check_insecure(given: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """The same of a port that was changed, told apart by what the request names."""
    if after["port_security_enabled"]:
        return
    if after["allowed_address_pairs"]:
        raise _pairs_need_security()
    if given.get("security_groups"):
        raise _groups_need_security()
    if after["security_groups"]:
        raise conflict(
            "Port has security group associated. Cannot disable port security or IP address until security group "
            "is removed.",
            "PortSecurityPortHasSecurityGroup",
        )
