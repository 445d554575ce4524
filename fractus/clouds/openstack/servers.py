"""Servers of a child's Nova."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any, Literal

import msgspec
from msgspec import Struct

from fractus.clouds.openstack import made_images, marks
from fractus.clouds.openstack.child import Child
from fractus.clouds.openstack.server_create import (
    DOMAIN_NAMES,
    HOSTNAMES,
    TAGS_AT_CREATE,
    create_body,
    create_version,
)
from fractus.clouds.openstack.services import Ask, reaches, segment
from fractus.model.cloud import HOME, Scope, Step
from fractus.model.errors import Missing, Refused, Throttled, Unreachable
from fractus.model.server_verbs import CLOUD_VERBS, ServerVerb
from fractus.model.servers import ServerFault, ServerObserved, ServerWanted

#: What servers are read with. 2.3 brings the extended attributes, 2.16 the host's state, 2.19 the description, 2.69
#: servers of cells that are down; nothing after 2.90 changes what we read.
_READ = "2.90"

#: From this version on servers of cells that are down are named at all.
_NAMES_DOWN_CELLS = "2.69"

#: A fifth of what most children allow (1000): a page is answered in well under a second.
_PAGE = 200

#: Seconds after which a server that is busy with something else is asked again.
_BUSY_SECONDS = 3.0


class _Fault(Struct):
    code: int = 500
    message: str = ""
    created: str = ""
    details: str = ""


class _Named(Struct):
    name: str = ""


class _Server(
    Struct,
    kw_only=True,
    rename={
        "vm_state": "OS-EXT-STS:vm_state",
        "task_state": "OS-EXT-STS:task_state",
        "power_state": "OS-EXT-STS:power_state",
        "host": "OS-EXT-SRV-ATTR:host",
        "hypervisor_hostname": "OS-EXT-SRV-ATTR:hypervisor_hostname",
        "instance_name": "OS-EXT-SRV-ATTR:instance_name",
        "root_device_name": "OS-EXT-SRV-ATTR:root_device_name",
        "hostname": "OS-EXT-SRV-ATTR:hostname",
        "zone": "OS-EXT-AZ:availability_zone",
        "launched_at": "OS-SRV-USG:launched_at",
        "terminated_at": "OS-SRV-USG:terminated_at",
        "user_data": "OS-EXT-SRV-ATTR:user_data",
        "reservation_id": "OS-EXT-SRV-ATTR:reservation_id",
        "launch_index": "OS-EXT-SRV-ATTR:launch_index",
        "volumes": "os-extended-volumes:volumes_attached",
        "disk_config": "OS-DCF:diskConfig",
        "access_ip_v4": "accessIPv4",
        "access_ip_v6": "accessIPv6",
    },
):
    """A server as Nova prints it. `updated` is missing from what it prints of a server whose cell is down."""

    id: str
    name: str = ""
    status: str = "UNKNOWN"
    updated: str = ""
    created: str = ""
    tenant_id: str = ""
    metadata: dict[str, str] = {}
    config_drive: str | None = ""
    locked: bool = False
    host_status: str = ""
    vm_state: str = ""
    task_state: str | None = None
    power_state: int = 0
    host: str | None = ""
    hypervisor_hostname: str | None = ""
    instance_name: str | None = ""
    root_device_name: str | None = None
    hostname: str | None = ""
    zone: str | None = ""
    launched_at: str | None = None
    terminated_at: str | None = None
    description: str | None = None
    fault: _Fault | None = None
    user_id: str | None = ""
    tags: list[str] | None = None
    flavor: dict[str, Any] | None = None
    image: dict[str, Any] | str | None = None
    key_name: str | None = ""
    disk_config: str | None = ""
    access_ip_v4: str | None = ""
    access_ip_v6: str | None = ""
    locked_reason: str | None = None
    security_groups: list[_Named] | None = None
    addresses: dict[str, list[dict[str, Any]]] | None = None
    volumes: list[dict[str, Any]] | None = None
    user_data: str | None = ""
    reservation_id: str | None = ""
    launch_index: int | None = 0


class Servers:
    """The actuator of servers."""

    def __init__(self, child: Child) -> None:
        self._child = child
        self._hostnames: Literal["", "label", "none"] = ""

    async def observe(self, scope: Scope, remote_id: str) -> ServerObserved:
        """What is there now. Asked with the credential's own rights: only an administrator is shown the host.

        Where the credential is no administrator, its own project does not see the server; then it is asked for in the
        project that `scope` means.
        """
        try:
            return await self._show(HOME, remote_id)
        except Missing:
            if not scope.project_id:
                raise
        return await self._show(scope, remote_id)

    async def _show(self, scope: Scope, remote_id: str) -> ServerObserved:
        ask = Ask(
            service="compute", path=f"/servers/{segment(remote_id)}", version=await self._version(_READ)
        )
        server = await self._child.item(scope, ask, "server", _Server)
        if _cell_is_down(server):
            raise Unreachable(f"the cell of server {remote_id} does not answer")
        if server.status == "DELETED":
            raise Missing(f"server {remote_id} is deleted")
        return _observed(server, self._child, self._hostnames)

    async def find(self, scope: Scope, wanted: ServerWanted) -> ServerObserved | None:
        """The server with our marker: by tag where the child can be asked so, else among all of the project.

        Raises `Unreachable` where a cell is down: "none" would then be a guess, and a second server the price.
        """
        version = await self._version(_READ)
        query = {"tags": marks.tag(wanted.id)} if reaches(version, TAGS_AT_CREATE) else {}
        ask = Ask(service="compute", path="/servers/detail", query=query, version=version)
        async for page in self._child.pages(scope, ask, "servers", limit=_PAGE):
            for raw in page:
                observed = self._read(raw)
                if observed is not None and observed.marker == wanted.id and not observed.gone:
                    return await self._whole(scope, observed)
        for remote_id in await self._in_down_cells(scope, {}, version):
            raise Unreachable(
                f"the cell of server {remote_id} does not answer, so nobody knows what is in it"
            )
        return None

    async def _in_down_cells(self, scope: Scope, query: dict[str, str], version: str) -> list[str]:
        """Ids of servers in cells that do not answer.

        Nova leaves them out of every listing that is filtered, sorted or paged, without a word; only the plain one
        names them (nova.api.openstack.compute.servers, `_is_cell_down_supported`). Before 2.69 it does not either.
        """
        if not reaches(version, _NAMES_DOWN_CELLS):
            return []
        ask = Ask(service="compute", path="/servers", query=query, version=version)
        listed = await self._child.item(scope, ask, "servers", list[_Server])
        return [server.id for server in listed if _cell_is_down(server)]

    async def _whole(self, scope: Scope, observed: ServerObserved) -> ServerObserved:
        """The whole of what was found, as an administrator sees it; what was found, if it has gone meanwhile."""
        try:
            return await self.observe(scope, observed.remote_id)
        except Missing:
            return observed

    async def create(self, scope: Scope, wanted: ServerWanted) -> ServerObserved:
        """Ask for the server. It exists from the answer on; whether it comes up shows in what `observe` says."""
        version = await self._version(create_version(wanted))
        body = create_body(wanted, version, self._child.name, self._child.by)
        ask = Ask(service="compute", method="POST", path="/servers", body=body, version=version)
        made = await self._child.item(scope, ask, "server", _Server)
        return ServerObserved(
            remote_id=made.id,
            marker=wanted.id,
            name=wanted.name,
            status="BUILD",
            vm_state="building",
            task_state="scheduling",
            metadata=dict(wanted.metadata),
        )

    #: What is done as its row says.
    verbs = CLOUD_VERBS

    async def apply(self, scope: Scope, remote_id: str, step: Step) -> None:
        """Verbs: rename, describe, set_hostname, set_metadata, and those of the table. What is so already is done."""
        match step.verb:
            case "rename":
                await self._put(scope, remote_id, {"name": step.body["name"]})
            case "describe":
                await self._put(scope, remote_id, {"description": step.body["description"] or None})
            case "set_hostname":
                await self._put(scope, remote_id, {"hostname": step.body["hostname"]})
            case "set_metadata":
                await self._set_metadata(scope, remote_id, step.body["metadata"])
            case "plug":
                await self._plug(scope, remote_id, step.body)
            case "unplug":
                await self._unplug(scope, remote_id, step.body["port_id"])
            case name if name in self.verbs:
                await self._act(scope, remote_id, self.verbs[name], step.body)
            case name:
                raise Refused(f"servers of {self._child.name} have no verb {name}")

    async def _plug(self, scope: Scope, remote_id: str, body: Mapping[str, str]) -> None:
        """Attach a port, unless it is."""
        path = f"/servers/{segment(remote_id)}/os-interface"
        version = await self._at_least("2.49", "a tag of a port") if "tag" in body else ""
        attachment = {"interfaceAttachment": dict(body)}
        ask = Ask(service="compute", method="POST", path=path, body=attachment, version=version, repeat=True)
        try:
            await self._child.send(scope, ask)
        except Refused as refusal:
            if refusal.status not in (400, 409) or await self._is_plugged(scope, path, body["port_id"]):
                if refusal.status not in (400, 409):
                    raise
                return
            await self._judge_busy(scope, remote_id, refusal)

    async def _is_plugged(self, scope: Scope, path: str, port_id: str) -> bool:
        try:
            await self._child.send(scope, Ask(service="compute", path=f"{path}/{segment(port_id)}"))
        except Missing:
            return False
        return True

    async def _unplug(self, scope: Scope, remote_id: str, port_id: str) -> None:
        """Detach a port; one that is not attached is detached."""
        path = f"/servers/{segment(remote_id)}/os-interface/{segment(port_id)}"
        try:
            await self._child.send(scope, Ask(service="compute", method="DELETE", path=path))
        except Missing:
            return
        except Refused as refusal:
            await self._judge_busy(scope, remote_id, refusal)

    async def _judge_busy(self, scope: Scope, remote_id: str, refusal: Refused) -> None:
        """What a refusal means: that it is to be asked again, where the server is busy; else that it is refused."""
        observed = await self._show(scope, remote_id)
        if refusal.status == 409 and observed.task_state is not None:
            raise Throttled(refusal.reason, after=_BUSY_SECONDS) from refusal
        raise refusal

    async def _put(self, scope: Scope, remote_id: str, changes: dict[str, Any]) -> None:
        # From 2.75 on the answer is larger, and we do not read it.
        version = ""
        if "description" in changes:
            version = await self._at_least("2.19", "a description")
        elif "hostname" in changes:
            floor = DOMAIN_NAMES if "." in changes["hostname"] else HOSTNAMES
            version = await self._at_least(floor, f"the host name {changes['hostname']!r}")
        ask = Ask(
            service="compute",
            method="PUT",
            path=f"/servers/{segment(remote_id)}",
            body={"server": changes},
            version=version,
        )
        await self._child.send(scope, ask)

    async def _act(self, scope: Scope, remote_id: str, verb: ServerVerb, args: Mapping[str, Any]) -> None:
        """An action; a 409 may say that it is done already, or that the server is busy with something else."""
        path = f"/servers/{segment(remote_id)}/action"
        if verb.makes_image:
            if await made_images.is_there(self._child, args["image_id"]):
                return
            args = made_images.request(self._child, args)
        elif "metadata" in args:
            args = {**args, "metadata": await self._with_marker(scope, remote_id, args["metadata"])}
        body, repeat = verb.request(args), not verb.again
        scope = HOME if verb.needs_admin(args) else scope
        floor = verb.version(args)
        version = await self._at_least(floor, verb.name) if floor else ""
        ask = Ask(service="compute", method="POST", path=path, body=body, version=version, repeat=repeat)
        try:
            await self._child.send(scope, ask)
        except Refused as refusal:
            if refusal.status != 409:
                raise
            if verb.makes_image:
                await self._judge_busy(scope, remote_id, refusal)
            await self._judge(scope, remote_id, verb, refusal)

    async def _judge(self, scope: Scope, remote_id: str, verb: ServerVerb, refusal: Refused) -> None:
        """Return where the refused verb has nothing left to do, else raise what the refusal means."""
        observed = await self._show(scope, remote_id)
        if observed.task_state in verb.tasks:
            return
        if observed.task_state is not None:
            raise Throttled(refusal.reason, after=_BUSY_SECONDS) from refusal
        if not verb.is_at_status(observed.status):
            raise refusal

    async def _with_marker(self, scope: Scope, remote_id: str, metadata: Mapping[str, str]) -> dict[str, str]:
        """Metadata that takes the place of what is there, with our marker, where that is there and has room."""
        path = f"/servers/{segment(remote_id)}/metadata"
        there = await self._child.item(scope, Ask(service="compute", path=path), "metadata", dict[str, str])
        plain = marks.without(dict(metadata))
        kept = marks.KEY in there and marks.has_room(plain)
        return {**plain, marks.KEY: there[marks.KEY]} if kept else plain

    async def _set_metadata(self, scope: Scope, remote_id: str, metadata: dict[str, str]) -> None:
        """Put the whole set; the marker that the server carries stays, or the tag alone where there is no room."""
        path = f"/servers/{segment(remote_id)}/metadata"
        there = await self._child.item(scope, Ask(service="compute", path=path), "metadata", dict[str, str])
        kept, metadata = {marks.KEY: there[marks.KEY]} if marks.KEY in there else {}, marks.without(metadata)
        if kept and not marks.has_room(metadata):
            if not await self._is_tagged(scope, remote_id):
                raise Refused(
                    f"{self._child.name} cannot give {len(metadata)} items of metadata beside our marker"
                )
            kept = {}
        ask = Ask(service="compute", method="PUT", path=path, body={"metadata": {**metadata, **kept}})
        await self._child.send(scope, ask)

    async def _is_tagged(self, scope: Scope, remote_id: str) -> bool:
        """Whether the server carries our marker as a tag, too."""
        version = await self._version("2.26")
        if not reaches(version, "2.26"):
            return False
        ask = Ask(service="compute", path=f"/servers/{segment(remote_id)}/tags", version=version)
        return bool(marks.from_tags(await self._child.item(scope, ask, "tags", list[str])))

    async def delete(self, scope: Scope, remote_id: str) -> None:
        """Ask for its end. A child that keeps deleted servers for a while is asked not to."""
        path = f"/servers/{segment(remote_id)}"
        try:
            await self._child.send(scope, Ask(service="compute", method="DELETE", path=path))
            return
        except Refused as refusal:
            if refusal.status != 409:
                raise
            observed = await self._show(scope, remote_id)
            if observed.status != "SOFT_DELETED":
                if observed.task_state is not None and observed.task_state != "deleting":
                    raise Throttled(refusal.reason, after=_BUSY_SECONDS) from refusal
                raise
        ask = Ask(
            service="compute", method="POST", path=f"{path}/action", body={"forceDelete": None}, repeat=True
        )
        await self._child.send(scope, ask)

    async def has_cursor(self) -> bool:
        """Nova has `changes-since`."""
        return True

    async def list_changed(self, since: str) -> AsyncIterator[ServerObserved]:
        """All servers of all projects, changed at or after the child's stamp `since`, deleted ones among them.

        In the order of their making, so that one that is made meanwhile comes at the end and is not missed.
        """
        query = {"all_tenants": "1", "sort_key": "created_at", "sort_dir": "asc"}
        if since:
            query["changes-since"] = since
        ask = Ask(service="compute", path="/servers/detail", query=query, version=await self._version(_READ))
        async for page in self._child.pages(HOME, ask, "servers", limit=_PAGE, gently=not since):
            for raw in page:
                observed = self._read(raw)
                if observed is not None:
                    yield observed
        if not since:
            for remote_id in await self._in_down_cells(HOME, {"all_tenants": "1"}, ask.version):
                yield _unread(remote_id, "its cell does not answer")

    def _read(self, raw: msgspec.Raw) -> ServerObserved | None:
        """One item of a listing; None where it does not even say its id."""
        try:
            server = msgspec.json.decode(raw, type=_Server)
        except msgspec.DecodeError as error:
            remote_id = self._child.unreadable("server", raw, error)
            return _unread(remote_id, str(error)) if remote_id else None
        if _cell_is_down(server):
            return _unread(server.id, "its cell does not answer")
        return _observed(server, self._child, self._hostnames)

    async def _version(self, at_most: str) -> str:
        newest = await self._child.services.version(DOMAIN_NAMES)
        changes = reaches(newest, HOSTNAMES)
        self._hostnames = "" if reaches(newest, DOMAIN_NAMES) else "label" if changes else "none"
        return await self._child.services.version(at_most)

    async def _at_least(self, floor: str, what: str) -> str:
        version = await self._version(floor)
        if not reaches(version, floor):
            raise Refused(
                f"{self._child.name} is too old for {what} of a server (compute {floor})", elsewhere=True
            )
        return version


def _unread(remote_id: str, why: str) -> ServerObserved:
    return ServerObserved(remote_id=remote_id, status="UNKNOWN", unread=why)


def _cell_is_down(server: _Server) -> bool:
    """Nova 2.69 prints what the API database knows of a server whose cell is down: no `updated` among it."""
    return server.status == "UNKNOWN" and not server.updated and not server.name


def _observed(server: _Server, child: Child, hostnames: Literal["", "label", "none"]) -> ServerObserved:
    fault, tags, flavor = server.fault, server.tags or [], server.flavor or {}
    return ServerObserved(
        remote_id=server.id,
        **child.judged(server.metadata.get(marks.KEY, "") or marks.from_tags(tags), marks.by_tags(tags)),
        name=server.name,
        changed_at=server.updated,
        gone=server.status == "DELETED",
        status=server.status,
        vm_state=server.vm_state,
        task_state=server.task_state,
        power_state=server.power_state,
        host=server.host or "",
        hypervisor_hostname=server.hypervisor_hostname or "",
        instance_name=server.instance_name or "",
        host_status=server.host_status,
        zone=server.zone or "",
        launched_at=server.launched_at,
        terminated_at=server.terminated_at,
        created_at=server.created,
        user_id=server.user_id or "",
        tags=marks.own(tags),
        notes=marks.user_of(tags),
        config_drive=server.config_drive or "",
        locked=server.locked,
        metadata=marks.without(server.metadata),
        root_device_name=server.root_device_name,
        hostname=server.hostname or "",
        hostnames=hostnames,
        description=server.description,
        fault=ServerFault(fault.code, fault.message, fault.created, fault.details) if fault else None,
        project_id=server.tenant_id,
        flavor_id=str(flavor.get("id", "")),
        flavor={name: value for name, value in flavor.items() if name not in ("id", "links")},
        image_id=str(server.image.get("id", "")) if isinstance(server.image, dict) else "",
        key_name=server.key_name or "",
        locked_reason=server.locked_reason,
        disk_config=server.disk_config or "",
        access_ip_v4=server.access_ip_v4 or "",
        access_ip_v6=server.access_ip_v6 or "",
        security_groups=list(dict.fromkeys(group.name for group in server.security_groups or [])),
        addresses=server.addresses or {},
        volumes=server.volumes or [],
        user_data=server.user_data or "",
        reservation_id=server.reservation_id or "",
        launch_index=server.launch_index or 0,
    )
