"""Creating servers: everything is checked and written in one transaction, so a refusal leaves nothing behind."""

from __future__ import annotations

import secrets
import string
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from fractus.base.ids import is_uuid, new_id
from fractus.model.errors import Conflict, Forbidden, Invalid, NotFound, QuotaExceeded
from fractus.model.network import NicRequest, ServerPort
from fractus.model.resource import AWAIT, Need, Resource
from fractus.quota.costs import Room
from fractus.services.compute.dialect.view import links, roots
from fractus.services.compute.servers import policy, view
from fractus.services.compute.servers.api import disks as server_disks
from fractus.services.compute.servers.api.access import CREATE, Dependencies, bound, record
from fractus.services.compute.servers.api.disks import DiskPlanning, Disks
from fractus.services.compute.servers.api.hints import check_members, read_hints
from fractus.services.compute.servers.api.passwords import first_password, sealed
from fractus.services.compute.servers.api.refusals import refuse_unsupported
from fractus.services.compute.servers.costs import refuse
from fractus.services.compute.servers.schema import block_devices, bodies
from fractus.services.compute.servers.schema.hints import KEYS, check_hints
from fractus.services.compute.servers.versions import REQUESTS
from fractus.store import clouds
from fractus.store.transaction import Transaction
from fractus.web.microversion import Version
from fractus.web.routing import Call, Reply, Route

_GIB = 1 << 30


def _check(body: Any, version: Version) -> None:
    REQUESTS.request_check(body, version, "create")
    of_devices = REQUESTS.behaviour("tags_of_devices", version)
    again = REQUESTS.behaviour("tags_of_devices_again", version)
    bodies.check_create(
        body,
        networks_required=REQUESTS.behaviour("networks_required", version),
        nic_tags=again or (of_devices and not REQUESTS.behaviour("no_tags_of_nics", version)),
        disk_tags=again or (of_devices and not REQUESTS.behaviour("no_tags_of_disks", version)),
        domain_name=REQUESTS.behaviour("hostname_is_domain_name", version),
    )
    for at in KEYS:
        check_hints(body.get(at, {}))


class Creating:
    """POST of servers."""

    def __init__(self, given: Dependencies) -> None:
        self._given = given

    def routes(self) -> list[Route]:
        """Rows of the route table."""
        return [
            Route(
                method="POST",
                path="/servers",
                handler=self.create,
                rule=policy.CREATE,
                schema=_check,
                summary="Create one or more servers.",
                bounded=("server.tags", "server.trusted_image_certificates"),
            )
        ]

    async def create(self, call: Call) -> Reply:
        """One or more servers of one description."""
        asked: dict[str, Any] = call.body["server"]
        least, most = _counts(asked)
        keeper = self._given.secrets
        refuse_unsupported(call, call.body, passwords=keeper is not None)
        password = first_password(asked) if keeper is not None else ""
        _refuse_many(asked, most)
        await self._allocate(call, asked)
        made: list[Resource] = []
        async with self._given.store.transaction() as tx:
            common, needs, disks = await self._common(call, tx, asked, most)
            hints = await read_hints(self._given, call, tx, common["zone"])
            common |= hints.desired
            needs += hints.needs
            common["admin_pass"] = sealed(keeper, password) if keeper is not None else ""
            nics = await self._nics(call, tx, asked)
            number = await self._fit(call, tx, common, nics, least, most)
            await check_members(self._given, call, tx, hints, number)
            for index in range(number):
                made.append(await self._one(call, tx, asked, common, needs, disks, nics, index, number))
        if bodies.truth(asked.get("return_reservation_id", False)):
            return Reply(202, {"reservation_id": common["reservation_id"]})
        server = made[0]
        own_links = links(roots(call), "servers", server.id)
        answer = {
            "id": server.id,
            "links": own_links,
            "OS-DCF:diskConfig": common["disk_config"],
            "security_groups": asked.get("security_groups", [{"name": "default"}]),
            **({"adminPass": password} if password else {}),
        }
        return Reply(202, {"server": answer}, {"Location": own_links[0]["href"]})

    # --- what all of them have in common ---------------------------------------------------------

    async def _common(
        self, call: Call, tx: Transaction, asked: Mapping[str, Any], most: int
    ) -> tuple[dict[str, Any], list[Need], Disks]:
        """What is desired of each server but for its name, ports and volumes, what it needs, and its disks."""
        who = call.principal
        flavor = await self._flavor(call, tx, str(asked["flavorRef"]).rsplit("/", 1)[-1])
        zone = await _zone(call, tx, asked.get("availability_zone") or "")
        image, disks = await self._disks(call, tx, asked, flavor.desired, zone, most)
        key_name = asked.get("key_name") or ""
        keypair = await self._given.keypairs.by_name(tx, who.user_id, key_name) if key_name else None
        if key_name and keypair is None:
            raise Invalid("Invalid key_name provided.")
        metadata = asked.get("metadata", {})
        if metadata and len(metadata) > (
            most := await bound(
                self._given, tx, who.project_id, "metadata_items", self._given.limits.metadata
            )
        ):
            raise QuotaExceeded(f"Maximum number of metadata items exceeds {most}")
        disk_config = disk_config_of(asked, image)
        check_fit(call, flavor.desired, image, on_volume=disks.on_volume)
        needs = [Need("flavor", flavor.id)]
        # Nova looks at an image that is named beside a volume to boot from. One that only names volumes stays here.
        looked_at = not disks.on_volume or "block_device_mapping" not in image.desired.get("properties", {})
        needs += [Need("image", image.id)] if image.id and looked_at else []
        needs += [Need("keypair", keypair.id)] if keypair is not None else []
        properties = image.desired.get("properties", {})
        common = {
            "flavor": flavor_document(flavor),
            "flavor_need": flavor.id,
            "image_id": image.id,
            "image_properties": view.shown_properties(properties),
            "key_name": key_name,
            "keypair_id": keypair.id if keypair is not None else "",
            "user_data": asked.get("user_data") or "",
            "metadata": metadata,
            "config_drive": bodies.truth(asked.get("config_drive", False)),
            "zone": zone,
            "tags": list(dict.fromkeys(asked.get("tags", []))),
            "disk_config": disk_config,
            "personality": await check_files(self._given, call, tx, asked),
            "access_ip_v4": asked.get("accessIPv4", ""),
            "access_ip_v6": bodies.access_address(asked.get("accessIPv6", "")),
            "reservation_id": "r-" + "".join(secrets.choice(_RESERVATION) for _ in range(8)),
            "locked": False,
            "locked_by": "",
            "locked_reason": None,
        }
        return common, needs, disks

    async def _disks(
        self,
        call: Call,
        tx: Transaction,
        asked: Mapping[str, Any],
        flavor: Mapping[str, Any],
        zone: str,
        most: int,
    ) -> tuple[Resource, Disks]:
        """The image that it is built of, or what tells as much, and its block devices where it has any of its own."""
        devices = server_disks.named(call, asked)
        planning = DiskPlanning(self._given, call, tx)
        if asked.get("imageRef"):
            image = await usable_image(self._given, call, tx, asked["imageRef"])
        else:
            image = await planning.root(asked, devices)
        properties = image.desired.get("properties", {})
        if not devices and "block_device_mapping" not in properties and "mappings" not in properties:
            return image, Disks()
        every = block_devices.merged(asked, devices, properties, flavor, most)
        least = int(image.desired.get("min_disk") or 0)
        for one in every:
            if one.is_root:
                block_devices.check_least(one, least)
        return image, await planning.all(every, flavor, zone)

    async def _flavor(self, call: Call, tx: Transaction, flavor_id: str) -> Resource:
        missing = f"Flavor {flavor_id} could not be found."
        try:
            flavor = await self._given.flavors.usable(tx, call.principal, flavor_id)
        except NotFound as error:
            raise Invalid(error.message or missing) from None
        if flavor.desired["disabled"]:
            raise Invalid(missing)
        return flavor

    # --- networks --------------------------------------------------------------------------------

    async def _allocate(self, call: Call, asked: Mapping[str, Any]) -> None:
        """Where `auto` is asked for by a project without networks it gets one, in a transaction of its own: it is the
        project's, whatever becomes of the server.
        """
        given = self._given
        if asked.get("networks") != "auto" or await given.ports.networks_for(given.store, call.principal):
            return
        refused = Invalid(
            f"Unable to automatically allocate a network for project {call.principal.project_id}"
        )
        if given.topologies is None:
            raise refused
        try:
            await given.topologies.allocate(call)
        except Conflict as error:
            raise refused from error

    async def _nics(self, call: Call, tx: Transaction, asked: Mapping[str, Any]) -> list[NicRequest]:
        """The network devices of each server, by Nova's rules."""
        networks = asked.get("networks")
        if networks == "none":
            return []
        if not networks or networks == "auto":
            known = await self._given.ports.networks_for(tx, call.principal)
            if len(known) > 1:
                raise Conflict("Multiple possible networks found, use a Network ID to be more specific.")
            return [NicRequest(network_id=network.id) for network in known]
        call.enforce(policy.ATTACH_NETWORK)
        return [_nic(entry) for entry in networks]

    async def _ports(
        self,
        call: Call,
        tx: Transaction,
        server_id: str,
        zone: str,
        nics: list[NicRequest],
        groups: list[str],
        hostname: str,
    ) -> list[ServerPort]:
        try:
            return await self._given.ports.for_server(
                tx, call.principal, server_id, zone, nics, groups, hostname=hostname
            )
        except NotFound as error:
            # Of a part of the body: Nova says 400 here.
            raise Invalid(error.message) from None

    # --- each of them ----------------------------------------------------------------------------

    async def _fit(
        self,
        call: Call,
        tx: Transaction,
        common: Mapping[str, Any],
        nics: Sequence[NicRequest],
        least: int,
        most: int,
    ) -> int:
        """As many as quota allows of what was asked for; at least `least`, or none at all."""
        limits = self._given.limits
        if most > limits.at_once:
            if least > limits.at_once:
                raise QuotaExceeded(
                    f"Quota exceeded for instances: Requested {least}, but {limits.at_once} can be asked for at once"
                )
            most = limits.at_once
        flavor = common["flavor"]
        each = {"instances": 1, "cores": flavor["vcpus"], "ram": flavor["ram"]}
        room = await self._room(call, tx, "server", each, most)
        if room.allowed < least:
            asked = str(least) if least == most else f"{least}-{most}"
            overs = [
                msgspec.structs.replace(over, requested=asked) if over.name == "instances" else over
                for over in room.overs
            ]
            raise refuse(call.principal.project_id, overs)
        most = room.allowed
        made = sum(not nic.port_id for nic in nics)
        room = await self._room(call, tx, "port", {"port": made}, most)
        if room.allowed < least:
            raise QuotaExceeded("Maximum number of ports exceeded")
        return room.allowed

    async def _room(self, call: Call, tx: Transaction, kind: str, each: Mapping[str, int], most: int) -> Room:
        who, quota = call.principal, self._given.quota
        if quota is None:
            return Room(most)
        return await quota.room(tx, kind, who.project_id, who.user_id, each, most)

    async def _one(
        self,
        call: Call,
        tx: Transaction,
        asked: Mapping[str, Any],
        common: Mapping[str, Any],
        needs: Sequence[Need],
        disks: Disks,
        nics: list[NicRequest],
        index: int,
        number: int,
    ) -> Resource:
        """Write one server."""
        id, who = new_id(), call.principal
        name = asked["name"].strip()
        hostname = asked.get("hostname") or view.hostname_of(name) or f"Server-{id}"
        if number > 1:
            name = f"{name}-{index + 1}"
            hostname = hostname if hostname == f"Server-{id}" else f"{hostname}-{index + 1}"
        groups = list(
            dict.fromkeys(group["name"] for group in asked.get("security_groups", []) if group.get("name"))
        )
        ports = await self._ports(call, tx, id, common["zone"], nics, groups or ["default"], hostname)
        apart = REQUESTS.behaviour("description_apart", call.version)
        desired = {
            **common,
            "name": name,
            "description": asked.get("description") if apart else asked["name"].strip(),
            "hostname": hostname,
            "hostname_given": "hostname" in asked,
            "launch_index": index,
            "ports": [port.port_id for port in ports],
            "networks": list(dict.fromkeys(port.network_id for port in ports)),
            "port_tags": [nic.tag for nic in nics] if any(nic.tag for nic in nics) else [],
            "addresses": view.addresses_of(ports),
            "security_groups": view.groups_of(ports),
        }
        server = Resource(
            kind="server",
            id=id,
            project_id=who.project_id,
            user_id=who.user_id,
            name=name,
            desired=desired,
            request_id=call.request_id,
            created_at=tx.now(),
            updated_at=tx.now(),
        )
        await record(call, tx, server, CREATE)
        every = [*needs, *(Need("port", port.port_id, exclusive=True) for port in ports)]
        if disks.devices:
            every += await server_disks.write(self._given, call, tx, server, disks)
        # Most clouds make no trunk of a port that a server has.
        every += [Need("trunk", port.trunk_id, mode=AWAIT) for port in ports if port.trunk_id]
        return await self._given.ledger.create(tx, server, view.summarise(server, []), every, assign=True)


_RESERVATION = string.ascii_lowercase + string.digits


async def usable_image(given: Dependencies, call: Call, tx: Transaction, image_id: str) -> Resource:
    """The image that a request names, where a server can be built of it."""
    try:
        image = await given.images.usable(tx, call.principal, image_id)
    except (NotFound, Forbidden):
        raise Invalid("Can not find requested image") from None
    if image.status != "active":
        raise Invalid(f"Image {image.id} is not active.")
    return image


async def check_files(
    given: Dependencies, call: Call, tx: Transaction, asked: Mapping[str, Any]
) -> list[dict[str, str]]:
    """Files to be put into the server."""
    files: list[dict[str, str]] = asked.get("personality", [])
    if not files:
        return files
    limits, project_id = given.limits, call.principal.project_id
    longest = await bound(given, tx, project_id, "injected_file_path_bytes", limits.file_path)
    largest = await bound(given, tx, project_id, "injected_file_content_bytes", limits.file_bytes)
    if len(files) > await bound(given, tx, project_id, "injected_files", limits.files):
        raise QuotaExceeded("Personality file limit exceeded")
    for file in files:
        for name in ("path", "contents"):
            if name not in file:
                raise Invalid(f"Bad personality format: missing {name}")
        if len(file["path"]) > longest:
            raise QuotaExceeded(f"Personality file path exceeds maximum {longest}")
        if len(file["contents"]) > largest:
            raise QuotaExceeded(f"Personality file content exceeds maximum {largest}")
    return files


def _counts(asked: Mapping[str, Any]) -> tuple[int, int]:
    least = int(asked.get("min_count", 1))
    most = int(asked.get("max_count", least))
    if least > most:
        raise Invalid("min_count must be <= max_count")
    return least, most


def _refuse_many(asked: Mapping[str, Any], most: int) -> None:
    """What only one server can have."""
    if most < 2:
        return
    networks = asked.get("networks")
    for entry in networks if isinstance(networks, list) else []:
        if entry.get("port"):
            raise Invalid(
                "Failed to launch instances: Unable to launch multiple instances with a single configured port ID."
                " Please launch your instance one by one with different ports."
            )
        if entry.get("fixed_ip"):
            raise Invalid(
                "Failed to launch instances: max_count cannot be greater than 1 if an fixed_ip is specified."
            )
    if asked.get("hostname"):
        raise Invalid("Unable to allocate a single hostname to multiple instances")


async def _zone(call: Call, tx: Transaction, asked: str) -> str:
    """The cloud that the user chose, or nothing."""
    zone, colon, _ = asked.partition(":")
    if colon:
        if asked.count(":") > 2:
            raise Invalid("Invalid input received: Unable to parse availability_zone")
        call.enforce(policy.FORCED_HOST)
        raise Invalid(
            f"availability_zone {asked!r} names a host, which fractus cannot hand on; name the zone alone."
        )
    if zone and zone not in await clouds.enabled(tx):
        row = await clouds.fetch(tx, zone)
        why = f": {zone} {row.closed}" if row is not None and row.enabled else ""
        raise Invalid(f"The requested availability zone is not available{why}")
    return zone


def disk_config_of(asked: Mapping[str, Any], image: Resource) -> str:
    """As asked, else as the image says, else MANUAL: Nova's rule."""
    says = str(image.desired.get("properties", {}).get("auto_disk_config", "")).lower()
    wanted: str | None = asked.get("OS-DCF:diskConfig")
    if wanted == "AUTO" and says == "disabled":
        raise Invalid(f"Requested image {image.id} has automatic disk resize disabled.")
    if wanted is not None:
        return wanted
    return "AUTO" if says in ("1", "t", "true", "on", "y", "yes") else "MANUAL"


def check_fit(call: Call, flavor: Mapping[str, Any], image: Resource, *, on_volume: bool = False) -> None:
    """Whether the image fits into the flavor, which says nothing of a root disk `on_volume`."""
    about, properties = image.desired, image.desired.get("properties", {})
    if properties.get("cinder_encryption_key_id") and image.id:
        raise Invalid(
            f"Image {image.id} is unacceptable: Direct booting of an image uploaded from an encrypted volume is"
            " unsupported."
        )
    drive = properties.get("img_config_drive", "optional")
    if drive not in ("optional", "mandatory"):
        raise Invalid(f"Image's config drive option '{drive}' is invalid")
    if flavor["ram"] < int(about.get("min_ram") or 0):
        raise Invalid("Flavor's memory is too small for requested image.")
    if on_volume:
        return
    disk, size = flavor["disk"] * _GIB, int(about.get("size") or 0)
    least = int(about.get("min_disk") or 0) * _GIB
    if not disk:
        if not call.allows(policy.ZERO_DISK):
            raise Forbidden("Only volume-backed servers are allowed for flavors with zero disk.")
        return
    if size > disk:
        raise Invalid(
            f"Flavor's disk is too small for requested image. Flavor disk is {disk} bytes, image is {size} bytes."
        )
    if least > disk:
        raise Invalid(
            "Flavor's disk is smaller than the minimum size specified in image metadata."
            f" Flavor disk is {disk} bytes, minimum size is {least} bytes."
        )


def check_minimums(flavor: Mapping[str, Any], image: Mapping[str, Any]) -> None:
    """Whether a flavor has what a server's image asks for, when the server is to be resized to it. Both as desired."""
    if flavor["ram"] < int(image.get("min_ram") or 0):
        raise Invalid("Flavor's memory is too small for requested image.")
    disk, least = flavor["disk"] * _GIB, int(image.get("min_disk") or 0) * _GIB
    if disk and least > disk:
        raise Invalid(
            "Flavor's disk is smaller than the minimum size specified in image metadata."
            f" Flavor disk is {disk} bytes, minimum size is {least} bytes."
        )


def flavor_document(flavor: Resource) -> dict[str, Any]:
    """The flavor as its servers show it; with the id that users know, for older versions."""
    desired = flavor.desired
    return {
        "id": desired.get("flavorid", flavor.id),
        "vcpus": desired["vcpus"],
        "ram": desired["ram"],
        "disk": desired["disk"],
        "ephemeral": desired["ephemeral"],
        "swap": desired["swap"],
        "original_name": desired["name"],
        "extra_specs": desired["extra_specs"],
    }


def _nic(entry: Mapping[str, Any]) -> NicRequest:
    port, address, tag = entry.get("port") or "", entry.get("fixed_ip") or "", entry.get("tag") or ""
    if port:
        if address:
            raise Invalid(
                f"Specified Fixed IP '{address}' cannot be used with port '{port}': the two cannot be specified"
                " together."
            )
        return NicRequest(port_id=port, tag=tag)
    if "uuid" not in entry:
        raise Invalid("Bad network format: missing 'uuid'")
    if not is_uuid(entry["uuid"]):
        raise Invalid(f"Bad networks format: network uuid is not in proper format ({entry['uuid']})")
    return NicRequest(network_id=entry["uuid"], fixed_ip=address, tag=tag)
