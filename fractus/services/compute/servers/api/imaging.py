"""Images and backups of servers: the image is ours at once, and its bits are in the server's cloud first."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec

from fractus.model.errors import Forbidden, Invalid
from fractus.model.images import SHELVED, Asked, Source
from fractus.model.resource import Resource, at_home
from fractus.model.server_verbs import ServerVerb
from fractus.services.compute import PREFIX
from fractus.services.compute.servers import policy
from fractus.services.compute.servers.actions import SHELVED_IMAGE
from fractus.services.compute.servers.api.access import (
    Dependencies,
    accept,
    asked_for,
    bound,
    change,
    find,
    record,
    shown,
    target_of,
)
from fractus.services.compute.servers.schema.block_devices import snapshot_mapping
from fractus.services.compute.servers.versions import REQUESTS
from fractus.store import presences
from fractus.store.transaction import Transaction
from fractus.web.routing import Call, Reply

#: Where images are served, beside compute.
_IMAGES = "/image/v2/images"


class Imaging:
    """Handlers of verbs of which an image comes."""

    def __init__(self, given: Dependencies) -> None:
        self._given = given

    def handlers(self) -> Mapping[str, Callable[[ServerVerb, Call], Awaitable[Reply]]]:
        """What answers to each of them."""
        return {"createImage": self.image, "createBackup": self.backup, "shelve": self.shelve}

    async def image(self, verb: ServerVerb, call: Call) -> Reply:
        """Make an image of a server."""
        asked: dict[str, Any] = call.body[verb.key]
        async with self._given.store.transaction() as tx:
            server = await self._server(tx, call, verb, asked)
            if server.desired.get("volume_rooted") or not server.desired["image_id"]:
                call.enforce(policy.IMAGE_OF_VOLUME, target_of(server))
                image = await self._of_volumes(tx, call, verb, server, asked)
            else:
                image = await self._make(tx, call, verb, server, asked, {"image_type": "snapshot"}, {})
        root = call.base_url.removesuffix(PREFIX)
        return _answer(call, image, f"{root}{_IMAGES}/{image.id}")

    async def backup(self, verb: ServerVerb, call: Call) -> Reply:
        """Make a backup of a server; when it is made, only so many of its type are kept."""
        asked: dict[str, Any] = call.body[verb.key]
        rotation = int(asked["rotation"])
        async with self._given.store.transaction() as tx:
            server = await self._server(tx, call, verb, asked)
            if server.desired.get("volume_rooted") or not server.desired["image_id"]:
                raise Invalid("Backup is not supported for volume-backed instances.")
            kind = asked["backup_type"]
            about = {"image_type": "backup", "backup_type": kind}
            args = {"backup_type": kind, "rotation": rotation}
            image = await self._make(tx, call, verb, server, asked, about, args)
        # So does Nova: below itself, where images were until 2.35.
        return _answer(call, image, f"{call.base_url}{call.mount}/images/{image.id}" if rotation else "")

    async def shelve(self, verb: ServerVerb, call: Call) -> Reply:
        """Its disk is an image of its project until it is unshelved or deleted, unless it is a volume."""
        async with self._given.store.transaction() as tx:
            server = await asked_for(self._given, call, tx, verb, {})
            args: dict[str, Any] = {}
            here = at_home(server.home, await presences.of_resource(tx, "server", server.id))
            if here is not None and server.desired["image_id"] and not server.desired.get("volume_rooted"):
                image = await self._given.maker.make(
                    tx,
                    Source("server", server.id, here.cloud, server.project_id, shelved=here.remote_id or ""),
                    Asked(
                        name=f"{server.desired['name']}{SHELVED}",
                        project_id=server.project_id,
                        user_id=call.principal.user_id,
                        request_id=call.request_id,
                        translated=_written(call, server, {"image_type": "snapshot"}),
                    ),
                )
                args["image_id"] = server.desired[SHELVED_IMAGE] = image.id
            await accept(self._given, call, tx, server, verb, args)
        return Reply(verb.answer)

    async def _server(
        self, tx: Transaction, call: Call, verb: ServerVerb, asked: Mapping[str, Any]
    ) -> Resource:
        """The server, in Nova's order of checks: up to 2.38 there may be only so many properties."""
        if not REQUESTS.behaviour("properties_of_images_unbounded", call.version):
            await find(self._given, call, verb.rule, tx)
            limits = self._given.limits
            project_id = call.principal.project_id
            most = await bound(self._given, tx, project_id, "metadata_items", limits.metadata)
            if len(asked.get("metadata", {})) > most:
                raise Forbidden("Image metadata limit exceeded")
        return await asked_for(self._given, call, tx, verb, {})

    async def _of_volumes(
        self, tx: Transaction, call: Call, verb: ServerVerb, server: Resource, asked: Mapping[str, Any]
    ) -> Resource:
        """Snapshots of its volumes, and an image that names them: a server of it gets volumes of these snapshots."""
        who, name, desired = call.principal, asked["name"].strip(), server.desired
        disks = {one["volume_id"]: one for one in desired.get("disks", ()) if one["volume_id"]}
        mapping = []
        for one in desired.get("volumes", ()):
            snapshot = await self._given.snapshots.of_volume(
                tx, who, call.request_id, one["id"], f"snapshot for {name}"
            )
            mapping.append(snapshot_mapping(snapshot, one, disks.get(one["id"], {})))
        if not any(one["boot_index"] == 0 for one in mapping):
            raise Invalid("fractus does not hold the root volume of this server: take it over first.")
        root = next(one["device"] for one in desired["volumes"] if one.get("root"))
        written = {
            "base_image_ref": "",
            "block_device_mapping": msgspec.json.encode(mapping).decode(),
            "bdm_v2": "True",
            **({"root_device_name": root} if root else {}),
        }
        metadata = dict(asked.get("metadata", {}))
        image = await self._given.maker.without_bits(
            tx,
            Asked(
                name=name,
                project_id=who.project_id,
                user_id=who.user_id,
                request_id=call.request_id,
                visibility="private",
                properties={**written, **metadata},
            ),
        )
        await record(call, tx, server, verb.name, {"image_id": image.id}, done=True)
        await change(self._given, call, tx, server)
        return image

    async def _make(
        self,
        tx: Transaction,
        call: Call,
        verb: ServerVerb,
        server: Resource,
        asked: Mapping[str, Any],
        about: Mapping[str, str],
        args: dict[str, Any],
    ) -> Resource:
        """The image and the action, written together. It belongs to the caller, as with Nova, and is shared with the
        server's project where that is another.
        """
        who, name = call.principal, asked["name"].strip()
        metadata = dict(asked.get("metadata", {}))
        others = who.project_id != server.project_id
        given = {**metadata, **({"instance_owner": server.project_id} if others else {})}
        written = _written(call, server, about)
        image = await self._given.maker.make(
            tx,
            Source(
                kind="server",
                id=server.id,
                cloud=shown(server)["OS-EXT-AZ:availability_zone"],
                project_id=server.project_id,
            ),
            Asked(
                name=name,
                project_id=who.project_id,
                user_id=who.user_id,
                request_id=call.request_id,
                visibility="shared" if others else "private",
                properties=given,
                translated={one: value for one, value in written.items() if one not in metadata},
                members=[server.project_id] if others else [],
            ),
        )
        if "rotation" in args:
            made = server.desired.setdefault("backups", {}).setdefault(args["backup_type"], [])
            made.append(image.id)
        await accept(
            self._given,
            call,
            tx,
            server,
            verb,
            {**args, "image_id": image.id, "name": name, "metadata": metadata},
        )
        return image


def _written(call: Call, server: Resource, about: Mapping[str, str]) -> dict[str, str]:
    """Properties that Nova gives an image of a server."""
    return {
        "instance_uuid": server.id,
        "user_id": call.principal.user_id,
        "base_image_ref": server.desired["image_id"],
        **about,
    }


def _answer(call: Call, image: Resource, location: str) -> Reply:
    if REQUESTS.behaviour("image_id_in_body", call.version):
        return Reply(202, {"image_id": image.id})
    return Reply(202, None, {"Location": location} if location else {})
