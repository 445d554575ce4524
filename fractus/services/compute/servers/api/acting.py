"""Verbs whose bodies have fields of their own, or whose answers have a body."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from fractus.model.errors import Conflict, Forbidden, Invalid, NotFound
from fractus.model.resource import Need, Resource
from fractus.model.server_verbs import ServerVerb
from fractus.services.compute.servers import policy
from fractus.services.compute.servers.api.access import (
    Dependencies,
    accept,
    asked_for,
    change,
    check_unlocked,
    find,
    record,
    shown,
)
from fractus.services.compute.servers.api.creating import check_minimums, flavor_document
from fractus.services.compute.servers.api.passwords import first_password, sealed
from fractus.services.compute.servers.schema import acting
from fractus.services.compute.servers.versions import REQUESTS
from fractus.store import clouds
from fractus.store.transaction import Transaction
from fractus.web.microversion import Version
from fractus.web.routing import Call, Handler, Reply, Route, Schema

Answers = Callable[[ServerVerb, Call], Awaitable[Reply]]

#: Later versions have no actions of what is the network API's own.
_PROXIES_UNTIL = Version(2, 43)


class Acting:
    """Handlers of verbs, by the verb's name."""

    def __init__(self, given: Dependencies) -> None:
        self._given = given

    def routes(self) -> list[Route]:
        """Actions that are no verbs: what they change is not the server's own."""
        group, floating, fixed = acting.check_group, acting.check_floating_ip, acting.check_fixed_ip
        rows: list[tuple[str, Handler, str, Schema, str]] = [
            (
                "addSecurityGroup",
                self.add_group,
                policy.GROUPS_ADD,
                group,
                "Put a server into a security group.",
            ),
            (
                "removeSecurityGroup",
                self.remove_group,
                policy.GROUPS_REMOVE,
                group,
                "Take a server out of a security group.",
            ),
            (
                "addFloatingIp",
                self.add_floating_ip,
                policy.FLOATING_ADD,
                floating,
                "Have a floating IP lead to a server.",
            ),
            (
                "removeFloatingIp",
                self.remove_floating_ip,
                policy.FLOATING_REMOVE,
                floating,
                "Have a floating IP lead to a server no longer.",
            ),
            (
                "addFixedIp",
                self.add_fixed_ip,
                policy.FIXED_ADD,
                fixed,
                "Give a server one address more on one of its networks.",
            ),
            (
                "removeFixedIp",
                self.remove_fixed_ip,
                policy.FIXED_REMOVE,
                fixed,
                "Take an address from a server.",
            ),
        ]
        return [
            Route(
                method="POST",
                path="/servers/{server_id}/action",
                action=key,
                handler=handler,
                rule=rule,
                schema=schema,
                max_version=_PROXIES_UNTIL if key.endswith("Ip") else None,
                summary=summary,
            )
            for key, handler, rule, schema, summary in rows
        ]

    async def add_group(self, call: Call) -> Reply:
        """All its ports are in the group from now on."""
        name = call.body["addSecurityGroup"]["name"]
        async with self._given.store.transaction() as tx:
            server = await find(self._given, call, policy.GROUPS_ADD, tx)
            await self._given.plugging.add_group(tx, call.principal.project_id, server.id, name)
        return Reply(202)

    async def remove_group(self, call: Call) -> Reply:
        """None of its ports is."""
        name = call.body["removeSecurityGroup"]["name"]
        async with self._given.store.transaction() as tx:
            server = await find(self._given, call, policy.GROUPS_REMOVE, tx)
            await self._given.plugging.remove_group(tx, call.principal.project_id, server.id, name)
        return Reply(202)

    async def add_floating_ip(self, call: Call) -> Reply:
        """A floating IP leads to it, wherever it led before."""
        asked = call.body["addFloatingIp"]
        async with self._given.store.transaction() as tx:
            server = await find(self._given, call, policy.FLOATING_ADD, tx)
            ends = asked["address"], asked.get("fixed_address", "")
            await self._given.floating.associate(tx, call.principal, server.id, *ends)
        return Reply(202)

    async def remove_floating_ip(self, call: Call) -> Reply:
        """It leads nowhere."""
        address = call.body["removeFloatingIp"]["address"]
        async with self._given.store.transaction() as tx:
            server = await find(self._given, call, policy.FLOATING_REMOVE, tx)
            await self._given.floating.disassociate(tx, call.principal, server.id, address)
        return Reply(202)

    async def add_fixed_ip(self, call: Call) -> Reply:
        """One address more, which its guest has to learn by itself."""
        network_id = str(call.body["addFixedIp"]["networkId"])
        async with self._given.store.transaction() as tx:
            server = await find(self._given, call, policy.FIXED_ADD, tx)
            check_unlocked(call, server, shown(server))
            await self._given.plugging.add_address(tx, server.id, network_id)
        return Reply(202)

    async def remove_fixed_ip(self, call: Call) -> Reply:
        """One address less."""
        address = call.body["removeFixedIp"]["address"]
        async with self._given.store.transaction() as tx:
            server = await find(self._given, call, policy.FIXED_REMOVE, tx)
            check_unlocked(call, server, shown(server))
            await self._given.plugging.remove_address(tx, server.id, address)
        return Reply(202)

    def handlers(self) -> Mapping[str, Answers]:
        """What answers to each of them."""
        return {
            "changePassword": self.change_password,
            "rescue": self.rescue,
            "resize": self.resize,
            "unshelve": self.unshelve,
        }

    async def change_password(self, verb: ServerVerb, call: Call) -> Reply:
        """The new password is kept sealed until its cloud has it."""
        keeper = self._given.secrets
        if keeper is None:
            raise Invalid(
                "adminPass is not carried to the clouds by fractus; set a password through user_data."
            )
        args = {verb.secret: sealed(keeper, call.body[verb.key]["adminPass"])}
        async with self._given.store.transaction() as tx:
            server = await asked_for(self._given, call, tx, verb, args)
            await accept(self._given, call, tx, server, verb, args)
        return Reply(202)

    async def resize(self, verb: ServerVerb, call: Call) -> Reply:
        """Quota is spent for the larger of the two flavors until it is settled which one the server keeps."""
        asked: dict[str, Any] = call.body[verb.key]
        async with self._given.store.transaction() as tx:
            server = await asked_for(self._given, call, tx, verb, {})
            flavor = await self._flavor(call, tx, str(asked["flavorRef"]).rsplit("/", 1)[-1])
            document = flavor_document(flavor)
            if flavor.id == server.desired["flavor_need"]:
                raise Invalid("When resizing, instances must change flavor!")
            if document["disk"] == 0 and server.desired["flavor"]["disk"]:
                raise Invalid(
                    "Server disk was unable to be resized because: Resize to zero disk flavor is not allowed."
                )
            image = await self._given.ledger.resources.fetch(tx, "image", server.desired["image_id"])
            if image is not None:
                check_minimums(document, image.desired)
            args = {"flavorRef": flavor.id}
            args |= {name: asked[name] for name in ("OS-DCF:diskConfig",) if name in asked}
            await record(call, tx, server, verb.name, args)
            token = server.desired["token"]
            server.desired["resize"] = {"token": token, "flavor": document, "flavor_need": flavor.id}
            if "OS-DCF:diskConfig" in asked:
                server.desired["disk_config"] = asked["OS-DCF:diskConfig"]
            await self._need(call, tx, server, Need("flavor", flavor.id))
        return Reply(verb.answer)

    async def _flavor(self, call: Call, tx: Transaction, flavor_id: str) -> Resource:
        missing = f"Flavor {flavor_id} could not be found."
        try:
            flavor = await self._given.flavors.usable(tx, call.principal, flavor_id)
        except NotFound as error:
            raise Invalid(error.message or missing) from None
        if flavor.desired["disabled"]:
            raise Invalid(missing)
        return flavor

    async def rescue(self, verb: ServerVerb, call: Call) -> Reply:
        """The answer has the password of the rescued server, as Nova's has. Its own image, where none is named."""
        asked: dict[str, Any] = call.body[verb.key] or {}
        keeper = self._given.secrets
        if asked.get("adminPass") and keeper is None:
            raise Invalid(
                "adminPass is not carried to the clouds by fractus; set a password through user_data."
            )
        args: dict[str, Any] = {}
        password = first_password(asked)
        if keeper is not None:
            args[verb.secret] = sealed(keeper, password)
        async with self._given.store.transaction() as tx:
            server = await asked_for(self._given, call, tx, verb, args)
            if server.desired.get("volume_rooted"):
                raise Invalid(
                    f"Instance {server.id} cannot be rescued: Cannot rescue a volume-backed instance"
                )
            image = asked.get("rescue_image_ref")
            if image:
                args["rescue_image_ref"] = await self._rescue_image(call, tx, image)
                await record(call, tx, server, verb.name, args)
                await self._need(call, tx, server, Need("image", args["rescue_image_ref"]))
            else:
                await accept(self._given, call, tx, server, verb, args)
        return Reply(200, {"adminPass": password} if keeper is not None else {})

    async def _rescue_image(self, call: Call, tx: Transaction, image_id: str) -> str:
        try:
            image = await self._given.images.usable(tx, call.principal, image_id)
        except (NotFound, Forbidden):
            image = None
        if image is None or image.status != "active":
            raise Invalid(f"Requested rescue image '{image_id}' is not supported")
        return image.id

    async def _need(self, call: Call, tx: Transaction, server: Resource, more: Need) -> None:
        """Write the server, which needs one thing more from now on."""
        known = await self._given.ledger.resources.needs(tx, "server", server.id)
        needs = known if any((one.kind, one.id) == (more.kind, more.id) for one in known) else [*known, more]
        await change(self._given, call, tx, server, needs)

    async def unshelve(self, verb: ServerVerb, call: Call) -> Reply:
        """A zone pins the server; None unpins it. A host is one of its own cloud's."""
        asked: dict[str, Any] = {}
        if REQUESTS.behaviour("unshelve_to_zone", call.version):
            asked = call.body[verb.key] or {}
        args: dict[str, Any] = {}
        async with self._given.store.transaction() as tx:
            server = await asked_for(self._given, call, tx, verb, args)
            zone_named, host = "availability_zone" in asked, asked.get("host", "")
            state = shown(server)["OS-EXT-STS:vm_state"]
            if (zone_named or host) and state != "shelved_offloaded":
                raise Conflict(
                    f'Specifying an availability zone or a host when unshelving server "{server.id}"'
                    f' with status "{state}" is not supported. The server status must be SHELVED_OFFLOADED.'
                )
            if zone_named:
                await self._to_zone(tx, server, asked["availability_zone"])
            if host:
                call.enforce(policy.UNSHELVE_TO_HOST, {"project_id": server.project_id})
                place = await self._given.names.host(host)
                zone = shown(server)["OS-EXT-AZ:availability_zone"]
                args["host"] = place[1] if place is not None else host.removeprefix(f"{zone}:")
            await accept(self._given, call, tx, server, verb, args)
        return Reply(202)

    async def _to_zone(self, tx: Transaction, server: Resource, zone: str | None) -> None:
        if zone is not None and zone not in await clouds.enabled(tx):
            raise Invalid("The requested availability zone is not available")
        here = shown(server)["OS-EXT-AZ:availability_zone"]
        if zone and zone != here:
            raise Conflict(
                f"Server {server.id} was shelved in {here}, where its disk is, and cannot be unshelved in {zone}:"
                f" create an image of it and a server of that image in {zone}."
            )
        server.desired["zone"] = zone or ""
