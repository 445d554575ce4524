"""How its cloud has bound a port, as a list of one (neutron_lib.api.definitions.portbindings_extended).

A cloud binds its ports itself, and its own Nova adds a second binding while it migrates a server. So they are shown
here, and changed by nobody.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias

import msgspec

from fractus.model.errors import NotFound
from fractus.model.resource import Resource
from fractus.services.field import Field, Fields, Match, named
from fractus.services.network.dialect.api.lists import fields
from fractus.services.network.dialect.schema import values
from fractus.services.network.dialect.schema.attributes import identity, read, read_only
from fractus.services.network.dialect.schema.errors import bad_request, conflict, malformed, not_carried
from fractus.services.network.ports import schema
from fractus.store.transaction import Reader
from fractus.web.paging import neutron_links, neutron_paging
from fractus.web.routing import Call, Reply, Route

Permitted: TypeAlias = "Callable[[Reader, Call, str, str], Awaitable[Resource]]"
"""`(reader, call, id, rule) -> port` that the caller may see and do `rule` to."""

_SHOW = "get_port_binding"
_OWNERS = ("compute:", "manila:")
_PAGING = frozenset({"fields", "sort_key", "sort_dir", "limit", "marker", "page_reverse"})

FIELDS: Fields = named([
    *(one for one in identity() if one.name != "id"),
    Field("host", post=True, put=True, match=Match("host")),
    read_only("vif_type", match=Match("vif_type")),
    read_only("vif_details"),
    Field(
        "vnic_type", post=True, put=True, default="normal", check=values.one_of(schema.VNIC_TYPES),
        match=Match("vnic_type"),
    ),
    Field("profile", post=True, put=True, default=None, check=schema.profile),
    read_only("status", match=Match("status")),
])  # fmt: skip


class BindingApi:
    """Handlers of the bindings of ports."""

    def __init__(self, store: Reader, permitted: Permitted) -> None:
        """`permitted` belongs to the ports."""
        self._store, self._permitted = store, permitted

    def routes(self) -> list[Route]:
        """All of them."""
        every, one = "/ports/{id}/bindings", "/ports/{id}/bindings/{host}"
        rows = (
            ("GET", every, self.index, "List the bindings of a port."),
            ("POST", every, self.create, "Bind a port to a host."),
            ("GET", one, self.show, "Show a binding of a port."),
            ("PUT", one, self.update, "Change a binding of a port."),
            ("DELETE", one, self.delete, "Delete a binding of a port."),
            ("PUT", one + "/activate", self.activate, "Activate a binding of a port."),
        )
        # Neutron looks for the port, and for the binding, before it asks who may do that.
        return [
            Route(method=method, path=path, handler=handler, rule="regular_user", summary=summary)
            for method, path, handler, summary in rows
        ]

    async def index(self, call: Call) -> Reply:
        """GET the list: of nothing, rather than refusing, for who may not see any."""
        found = _document(await self._port(call))
        asked = {name: call.query.all(name) for name in call.query.names() if name not in _PAGING}
        unknown = [name for name in asked if name not in FIELDS or FIELDS[name].match is None]
        if unknown:
            raise malformed(f"{unknown} is invalid attribute for filtering")
        paging = neutron_paging(call.query, columns={})
        is_shown = call.allows(_SHOW) and all(found.get(name) in given for name, given in asked.items())
        rows = [found] if is_shown and paging.marker is None else []
        only = fields(call.query)
        body: dict[str, Any] = {"bindings": [_part(one, only) for one in rows]}
        links = neutron_links(call, paging, [one["host"] for one in rows])
        return Reply(200, {**body, "bindings_links": links} if links else body)

    async def show(self, call: Call) -> Reply:
        """GET one."""
        return Reply(200, {"binding": _part(await self._one(call), fields(call.query))})

    async def create(self, call: Call) -> Reply:
        """POST: judged as Neutron does, and never done."""
        read("binding", FIELDS, call.body, call.principal, create=True, core=False, bulk=False)
        call.enforce("create_port_binding")
        await self._port(call)
        raise _not_ours()

    async def update(self, call: Call) -> Reply:
        """PUT: judged as Neutron does, and never done."""
        read("binding", FIELDS, call.body, call.principal, create=False, core=False)
        await self._one(call, "update_port_binding")
        raise _not_ours()

    async def delete(self, call: Call) -> Reply:
        """DELETE: judged as Neutron does, and never done."""
        await self._one(call, "delete_port_binding")
        raise _not_ours()

    async def activate(self, call: Call) -> Reply:
        """PUT activate: the only one there is active."""
        await self._one(call, "activate")
        id, host = call.params["id"], call.params["host"]
        raise conflict(f"Binding for port {id} on host {host} is already active.", "PortBindingAlreadyActive")

    async def _port(self, call: Call, rule: str = "") -> Resource:
        """`rule`: of a change, which who may not make one hears first (Neutron tells of the port's owner first)."""
        port = await self._permitted(self._store, call, call.params["id"], "get_port")
        if not port.desired["device_owner"].startswith(_OWNERS):
            if rule:
                call.enforce(rule)
            raise bad_request(
                "port",
                f"Invalid port {port.id}. Operation only valid on compute and shared filesystem ports",
            )
        return port

    async def _one(self, call: Call, rule: str = _SHOW) -> Mapping[str, Any]:
        """The binding to the host that the path names, where the caller may see it and do `rule` to it."""
        port = await self._port(call, "" if rule == _SHOW else rule)
        found, host = _document(port), call.params["host"]
        if found["host"] != host:
            raise NotFound(
                f"Binding for port {call.params['id']} for host {host} could not be found.",
                type="PortBindingNotFound",
            )
        if not call.allows(_SHOW):
            raise NotFound("The resource could not be found.", type="HTTPNotFound")
        call.enforce(rule)
        return found


def _document(port: Resource) -> dict[str, Any]:
    extra = msgspec.json.decode(port.extra or b"{}")
    details = {key: value for key, value in extra["binding:vif_details"].items() if key != "bound_drivers"}
    return {
        "host": extra["binding:host_id"],
        "vif_type": extra["binding:vif_type"],
        "vnic_type": port.desired.get("vnic_type", "normal"),
        "status": "ACTIVE",
        "profile": extra["binding:profile"],
        "vif_details": details,
    }


def _part(binding: Mapping[str, Any], only: frozenset[str]) -> dict[str, Any]:
    return {name: value for name, value in binding.items() if not only or name in only}


def _not_ours() -> Exception:
    return not_carried("binding", "a cloud binds its ports itself")
