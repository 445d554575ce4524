"""Rebuilding: a server is built anew, on its host and with its ports, from an image, and with what else is asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from fractus.model.errors import Invalid, QuotaExceeded
from fractus.model.resource import Need, Resource
from fractus.model.server_verbs import ServerVerb
from fractus.services.compute.servers import policy, queries, view
from fractus.services.compute.servers.api.access import (
    Dependencies,
    asked_for,
    bound,
    change,
    missing,
    record,
    target_of,
)
from fractus.services.compute.servers.api.creating import check_files, check_fit, disk_config_of, usable_image
from fractus.services.compute.servers.api.passwords import first_password, sealed
from fractus.services.compute.servers.api.showing import Showing
from fractus.services.compute.servers.schema import acting, bodies
from fractus.services.compute.servers.versions import REBUILT, REQUESTS
from fractus.store.transaction import Transaction
from fractus.web.microversion import Version
from fractus.web.routing import Call, Reply

#: What the request to the cloud says as it was asked; texts and metadata follow by themselves.
_PASSED = ("OS-DCF:diskConfig", "preserve_ephemeral", "personality", "user_data")


def check_rebuild(body: Any, version: Version) -> None:
    """The body, at a microversion."""
    REQUESTS.request_check(body, version, "rebuild")
    acting.check_rebuild(body, domain_name=REQUESTS.behaviour("hostname_is_domain_name", version))


class Rebuilding:
    """The action rebuild."""

    def __init__(self, given: Dependencies, showing: Showing) -> None:
        self._given = given
        self._showing = showing

    async def rebuild(self, verb: ServerVerb, call: Call) -> Reply:
        """The answer shows the server, with the password of the new one."""
        asked: dict[str, Any] = call.body[verb.key]
        keeper = self._given.secrets
        if asked.get("adminPass") and keeper is None:
            raise Invalid(
                "adminPass is not carried to the clouds by fractus; set a password through user_data."
            )
        if asked.get("trusted_image_certificates"):
            call.enforce(policy.TRUSTED_CERTS)
            raise Invalid("trusted_image_certificates are not carried to the clouds by fractus.")
        password = first_password(asked)
        async with self._given.store.transaction() as tx:
            server = await asked_for(self._given, call, tx, verb, {})
            args, needs = await self._take(call, tx, server, asked)
            if keeper is not None:
                args[verb.secret] = sealed(keeper, password)
            await record(call, tx, server, verb.name, args)
            await change(self._given, call, tx, server, needs)
            row = await queries.server_shown(tx, server.id)
        if row is None:
            raise missing(server.id)
        body, headers = await self._showing.one(call, row, target_of(server), REBUILT)
        document: dict[str, Any] = msgspec.json.decode(body)["server"]
        # It has a name of its own in this answer.
        document.pop("OS-EXT-SRV-ATTR:user_data", None)
        if keeper is not None:
            document["adminPass"] = password
        if REQUESTS.behaviour("rebuild_tells_user_data", call.version):
            document["user_data"] = server.desired["user_data"] or None
        return Reply(202, {"server": document}, headers)

    async def _take(
        self, call: Call, tx: Transaction, server: Resource, asked: Mapping[str, Any]
    ) -> tuple[dict[str, Any], Sequence[Need]]:
        """Put what is asked into what is desired: what the cloud is sent, and what the server needs from now on."""
        desired = server.desired
        image = await usable_image(self._given, call, tx, asked["imageRef"])
        on_volume = bool(desired.get("volume_rooted"))
        if on_volume:
            await self._check_same_image(tx, server, image)
        check_fit(call, desired["flavor"], image, on_volume=on_volume)
        if "OS-DCF:diskConfig" in asked:
            desired["disk_config"] = disk_config_of(asked, image)
        metadata = asked.get("metadata", {})
        most = await bound(self._given, tx, server.project_id, "metadata_items", self._given.limits.metadata)
        if len(metadata) > most:
            raise QuotaExceeded(f"Maximum number of metadata items exceeds {most}")
        args: dict[str, Any] = {"imageRef": image.id}
        args |= {name: asked[name] for name in _PASSED if name in asked}
        if "personality" in args:
            await check_files(self._given, call, tx, asked)
        if "preserve_ephemeral" in args:
            args["preserve_ephemeral"] = bodies.truth(args["preserve_ephemeral"])
        if "metadata" in asked:
            desired["metadata"] = args["metadata"] = metadata
        more = [Need("image", image.id)]
        if "key_name" in asked:
            more += await self._key(call, tx, server, args, asked["key_name"])
        _texts(server, asked)
        if not on_volume:
            properties = image.desired.get("properties", {})
            desired.update(image_id=image.id, image_properties=view.shown_properties(properties))
        if "user_data" in asked:
            desired["user_data"] = asked["user_data"] or ""
        known = await self._given.ledger.resources.needs(tx, "server", server.id)
        kept = [
            one
            for one in known
            if one.kind != "image" and not ("key_name" in asked and one.kind == "keypair")
        ]
        return args, [*kept, *more]

    async def _check_same_image(self, tx: Transaction, server: Resource, image: Resource) -> None:
        """A root disk that is a volume is rebuilt from no other image."""
        roots = [one["id"] for one in server.desired.get("volumes", ()) if one.get("root")]
        volume = await self._given.attachments.volume(tx, None, roots[0]) if roots else None
        if volume is None or volume.desired.get("image_id") != image.id:
            raise Invalid(
                f"Image {image.id} is unacceptable: Unable to rebuild with a different image for a volume-backed"
                " server."
            )

    async def _key(
        self, call: Call, tx: Transaction, server: Resource, args: dict[str, Any], name: str | None
    ) -> list[Need]:
        """The caller's key of this name; None: no key."""
        args["key_name"] = None
        server.desired.update(key_name="", keypair_id="")
        if name is None:
            return []
        key = await self._given.keypairs.by_name(tx, call.principal.user_id, name)
        if key is None:
            raise Invalid("Invalid key_name provided.")
        args["key_name"] = key.id
        server.desired.update(key_name=name, keypair_id=key.id)
        return [Need("keypair", key.id)]


def _texts(server: Resource, asked: Mapping[str, Any]) -> None:
    desired = server.desired
    if "name" in asked:
        server.name = desired["name"] = asked["name"].strip()
    if "description" in asked:
        desired["description"] = asked["description"]
    if "accessIPv4" in asked:
        desired["access_ip_v4"] = asked["accessIPv4"]
    if "accessIPv6" in asked:
        desired["access_ip_v6"] = bodies.access_address(asked["accessIPv6"])
    if "hostname" in asked:
        desired.update(hostname=asked["hostname"], hostname_given=True)
