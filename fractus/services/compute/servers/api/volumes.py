"""The volumes of a server: attached while it is there, and detached. Its cloud is asked by the machine."""

from __future__ import annotations

import string
from typing import Any

import msgspec

from fractus.model.errors import Conflict, Forbidden, Invalid, NotFound
from fractus.model.resource import Resource
from fractus.services.compute import only
from fractus.services.compute.servers import policy, view
from fractus.services.compute.servers.api.access import (
    Dependencies,
    check_state,
    check_unlocked,
    find,
    record,
    shown,
    target_of,
)
from fractus.services.compute.servers.api.disks import check_reservable
from fractus.services.compute.servers.schema import attaching, search
from fractus.services.compute.servers.schema.bodies import truth
from fractus.services.compute.servers.versions import (
    ATTACHMENT,
    CREATED_ATTACHMENT,
    PARTS,
    REQUESTS,
)
from fractus.store import presences
from fractus.store.transaction import Transaction
from fractus.web.microversion import Version
from fractus.web.routing import Call, Reply, Route

#: States in which Nova attaches and detaches; the latter two since 2.20.
_STATES = ("active", "paused", "stopped", "resized", "soft-delete", "shelved", "shelved_offloaded")
_SHELVED = _STATES[-2:]


def _check_attach(body: Any, version: Version) -> None:
    REQUESTS.request_check(body, version, "attach")
    attaching.check_attach(body)


def _check_update(body: Any, version: Version) -> None:
    REQUESTS.request_check(body, version, "reattach")
    attaching.check_update(body)


class Volumes:
    """The routes of `/servers/{server_id}/os-volume_attachments`."""

    def __init__(self, given: Dependencies) -> None:
        self._given = given

    def routes(self) -> list[Route]:
        """Rows of the route table."""
        path = "/servers/{server_id}/os-volume_attachments"
        one = f"{path}/{{volume_id}}"
        rows: list[tuple[str, str, Any, str, Any, str]] = [
            ("GET", path, self.index, policy.ATTACHMENTS_LIST, None, "List the volumes of a server."),
            ("GET", one, self.show, policy.ATTACHMENTS_SHOW, None, "Show a volume of a server."),
            ("POST", path, self.attach, policy.ATTACHMENTS_CREATE, _check_attach, "Attach a volume to a server."),
            (
                "PUT", one, self.update, policy.ATTACHMENTS_UPDATE, _check_update,
                "Say whether a volume ends with its server.",
            ),
            ("DELETE", one, self.detach, policy.ATTACHMENTS_DELETE, None, "Detach a volume from a server."),
        ]  # fmt: skip
        return [
            Route(method=method, path=path, handler=handler, rule=rule, schema=schema, summary=summary)
            for method, path, handler, rule, schema, summary in rows
        ]

    # --- reading ---------------------------------------------------------------------------------

    async def index(self, call: Call) -> Reply:
        """All of them, or a part of the list."""
        if PARTS.behaviour("strict_attachments", call.version):
            only(call.query.names(), ("limit", "offset"))
        limit, offset = (_number(call, name) for name in ("limit", "offset"))
        server = await find(self._given, call, policy.ATTACHMENTS_LIST)
        most = self._given.limits.page if limit is None else min(limit, self._given.limits.page)
        start = offset or 0
        found = [self._document(call, server, one) for one in _entries(server)[start : start + most]]
        return Reply(200, {"volumeAttachments": found})

    async def show(self, call: Call) -> Reply:
        """One of them."""
        if PARTS.behaviour("strict", call.version):
            only(call.query.names(), ())
        server = await find(self._given, call, policy.ATTACHMENTS_SHOW)
        return Reply(200, {"volumeAttachment": self._document(call, server, self._entry(call, server))})

    def _entry(self, call: Call, server: Resource) -> dict[str, Any]:
        for one in _entries(server):
            if one["id"] == call.params["volume_id"]:
                return one
        raise NotFound(f"Instance {server.id} is not attached to volume {call.params['volume_id']}")

    @staticmethod
    def _document(call: Call, server: Resource, entry: dict[str, Any]) -> dict[str, Any]:
        document = {
            "volumeId": entry["id"],
            "serverId": server.id,
            "tag": entry["tag"],
            "delete_on_termination": entry["delete_on_termination"],
            "attachment_id": entry["attachment_id"],
            "bdm_uuid": entry["bdm_uuid"],
        }
        if entry["device"]:
            document["device"] = entry["device"]
        return ATTACHMENT.response_down(document, call.version)

    # --- attaching -------------------------------------------------------------------------------

    async def attach(self, call: Call) -> Reply:
        """A volume of the caller's; it is in the server's cloud."""
        asked: dict[str, Any] = dict(call.body["volumeAttachment"])
        asked["delete_on_termination"] = truth(asked.get("delete_on_termination", False))
        async with self._given.store.transaction() as tx:
            server = await self._found(call, tx, policy.ATTACHMENTS_CREATE, "attach_volume")
            volume = await self._volume(call, tx, asked["volumeId"])
            await self._check_fit(call, tx, server, volume)
            device = asked.get("device") or _free_device(server)
            self._check_free(server, asked.get("device"))
            await record(call, tx, server, "attach_volume")
            server.request_id = call.request_id
            await self._given.attachments.attach(tx, server, volume, asked, device)
            await self._save(tx, server)
        if REQUESTS.behaviour("attach_without_device", call.version):
            return Reply(202)
        document = {
            "id": volume.id,
            "serverId": server.id,
            "volumeId": volume.id,
            "device": device,
            "tag": asked.get("tag"),
            "delete_on_termination": asked["delete_on_termination"],
        }
        return Reply(200, {"volumeAttachment": CREATED_ATTACHMENT.response_down(document, call.version)})

    async def _found(self, call: Call, tx: Transaction, rule: str, action: str) -> Resource:
        server = await find(self._given, call, rule, tx)
        document = shown(server)
        vm_state = document["OS-EXT-STS:vm_state"]
        if vm_state in _SHELVED and not REQUESTS.behaviour("attach_while_shelved", call.version):
            raise Conflict(f"Cannot '{action}' instance {server.id} while it is in vm_state {vm_state}")
        check_unlocked(call, server, document)
        check_state(server, document, action, _STATES)
        return server

    async def _volume(self, call: Call, tx: Transaction, id: str) -> Resource:
        who = call.principal
        volume = await self._given.attachments.volume(tx, None if who.is_admin else who.project_id, id)
        if volume is None:
            raise NotFound(f"Volume {id} could not be found.")
        return volume

    async def _check_fit(self, call: Call, tx: Transaction, server: Resource, volume: Resource) -> None:
        """Refuse a volume that is used already, is elsewhere, or is not ready; in Nova's order."""
        held = [one["server_id"] for one in volume.desired.get("attached", ())]
        many = msgspec.json.decode(volume.summary)["multiattach"]
        if held and not many:
            instances = " ".join(held)
            raise Invalid(f"Invalid volume: volume {volume.id} is already attached to instances: {instances}")
        if server.id in held:
            raise Invalid(f"Invalid volume: volume {volume.id} already attached")
        zone = shown(server)["OS-EXT-AZ:availability_zone"]
        there = await self._given.attachments.zone_of(tx, volume)
        if there and there != zone and not await self._given.attachments.movable(tx, volume):
            raise Conflict(
                f"Instance {server.id} and volume {volume.id} are not in the same availability_zone. Instance is in"
                f" {zone}. Volume is in {there}. Create the volume in {zone}, or the server in {there}."
            )
        check_reservable(call, volume, "Invalid input received")

    @staticmethod
    def _check_free(server: Resource, device: str | None) -> None:
        if device and any(one["device"] == device for one in _entries(server)):
            raise Conflict(f"The supplied device path ({device}) is in use.")

    # --- changing --------------------------------------------------------------------------------

    async def update(self, call: Call) -> Reply:
        """Whether the volume ends with its server. Another volume in its place only a service may ask for."""
        asked: dict[str, Any] = call.body["volumeAttachment"]
        id, regular = call.params["volume_id"], REQUESTS.behaviour("attachment_changes", call.version)
        async with self._given.store.transaction() as tx:
            swaps = not regular or asked["volumeId"] != id
            server = await find(self._given, call, policy.ATTACHMENTS_UPDATE, tx)
            if swaps:
                call.enforce(policy.ATTACHMENTS_SWAP, target_of(server))
            if regular:
                entry = self._entry(call, server)
                _check_same(server, entry, asked)
                if "delete_on_termination" in asked:
                    await self._keep(tx, server, entry, truth(asked["delete_on_termination"]))
            if swaps:
                await self._volume(call, tx, id)
                raise Conflict(f"volume {id} is not migrating; this API should only be called by Cinder")
        return Reply(202)

    async def _keep(self, tx: Transaction, server: Resource, entry: dict[str, Any], ends: bool) -> None:
        changed = {**entry, "delete_on_termination": ends}
        server.desired["volumes"] = [changed if one is entry else one for one in _entries(server)]
        await self._given.attachments.keep(tx, entry["attachment_id"], delete_on_termination=ends)
        await self._save(tx, server)

    # --- detaching -------------------------------------------------------------------------------

    async def detach(self, call: Call) -> Reply:
        """It is shown until its cloud has done it."""
        async with self._given.store.transaction() as tx:
            server = await find(self._given, call, policy.ATTACHMENTS_DELETE, tx)
            vm_state = shown(server)["OS-EXT-STS:vm_state"]
            if vm_state in _SHELVED and not REQUESTS.behaviour("attach_while_shelved", call.version):
                raise Conflict(
                    f"Cannot 'detach_volume' instance {server.id} while it is in vm_state {vm_state}"
                )
            volume = await self._volume(call, tx, call.params["volume_id"])
            entry = self._entry(call, server)
            if entry.get("root"):
                raise Forbidden("Cannot detach a root device volume")
            check_unlocked(call, server, shown(server))
            check_state(server, shown(server), "detach_volume", _STATES)
            if volume.status != "in-use":
                raise Invalid(
                    "Invalid volume: Invalid input received: Invalid volume: Unable to detach volume. Volume status"
                    " must be 'in-use' and attach_status must be 'attached' to detach. (HTTP 400) (Request-ID:"
                    f" {call.request_id})"
                )
            await record(call, tx, server, "detach_volume")
            await self._given.attachments.detach(tx, entry["attachment_id"])
            await self._save(tx, server)
        return Reply(202)

    async def _save(self, tx: Transaction, server: Resource) -> None:
        server.updated_at = tx.now()
        every = await presences.of_resource(tx, "server", server.id)
        await self._given.ledger.resources.save(tx, server, view.summarise(server, every))


def _entries(server: Resource) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = server.desired.get("volumes", [])
    return found


def _free_device(server: Resource) -> str:
    """The next one after the server's disk: what its cloud makes of it is shown when it has."""
    extra: dict[str, Any] = msgspec.json.decode(server.extra or b"{}")
    root: str = extra.get("OS-EXT-SRV-ATTR:root_device_name") or "/dev/vda"
    taken = {root, *(one["device"] for one in _entries(server))}
    names = (root.rstrip(string.digits)[:-1] + letter for letter in string.ascii_lowercase)
    return next((name for name in names if name not in taken), "")


def _number(call: Call, name: str) -> int | None:
    text = call.query.one(name)
    if text is None:
        return None
    if not text.isascii() or not text.isdigit():
        raise Invalid(
            f"Invalid input for query parameters {name}. Value: {text}. {text!r} does not match '^[0-9]*$'"
        )
    if len(text) > search.DIGITS:
        raise Invalid(f"Invalid input for query parameters {name}. Value: {text}. {text!r} is too long")
    return int(text)


def _check_same(server: Resource, entry: dict[str, Any], asked: dict[str, Any]) -> None:
    there = {"id": entry["id"], "serverId": server.id, "device": entry["device"], "tag": entry["tag"]}
    for name, value in there.items():
        if name in asked and asked[name] != value:
            raise Invalid(f"The {name} property is not mutable")
