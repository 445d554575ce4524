"""A user of a `World`: calls to the API with their token, and the usual things made with valid defaults."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Protocol
from urllib.parse import urlencode

import msgspec
from msgspec import Struct

from fractus.auth.principal import Principal
from fractus.testing.asgi import App, HttpReply, call

COMPUTE, NETWORK, IMAGE, VOLUME = "/compute/v2.1", "/network/v2.0", "/image/v2", "/volume/v3"

#: A key that every service takes for one; nobody has its other half.
PUBLIC_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHs0v9GLLbl3GXzP7G0nG0q4NvyjcJbhyXyD2F1Vh0zm world"

BITS = b"An image for simulated clouds.\n" * 64


class Surroundings(Protocol):
    """What a user needs of the world."""

    @property
    def app(self) -> App:
        """The API."""
        ...

    async def default_flavor(self) -> str:
        """A small flavor that everybody may use."""
        ...

    async def default_image(self) -> str:
        """An image that everybody may use."""
        ...


class MadeNetwork(Struct, frozen=True):
    """A network with one subnet."""

    id: str
    subnet_id: str


class User:
    """Somebody with a token for one project."""

    def __init__(self, world: Surroundings, principal: Principal, token: str) -> None:
        """Made by `World.user`."""
        self._world = world
        self.principal = principal
        self.token = token
        self._network: MadeNetwork | None = None

    @property
    def project_id(self) -> str:
        """The project that the token is for."""
        return self.principal.project_id

    # ------------------------------------------------------------------ calls

    async def call(
        self,
        method: str,
        path: str,
        json: Any = None,
        *,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        version: str = "",
        query: Mapping[str, Any] | None = None,
    ) -> HttpReply:
        """One request. `version` is a microversion of the service whose path it is."""
        sent = {"X-Auth-Token": self.token, "Accept": "application/json", **(headers or {})}
        if json is not None:
            body = msgspec.json.encode(json)
            sent.setdefault("Content-Type", "application/json")
        if version:
            sent["OpenStack-API-Version"] = f"{path.split('/')[1]} {version}"
        url = f"{path}?{urlencode(query, doseq=True)}" if query else path
        return await call(self._world.app, method, url, headers=sent, body=body)

    async def get(self, path: str, *, version: str = "", **query: Any) -> HttpReply:
        """GET; further arguments are the query."""
        return await self.call("GET", path, version=version, query=query)

    async def post(self, path: str, json: Any = None, *, version: str = "") -> HttpReply:
        """POST."""
        return await self.call("POST", path, json, version=version)

    async def put(self, path: str, json: Any = None, *, version: str = "") -> HttpReply:
        """PUT."""
        return await self.call("PUT", path, json, version=version)

    async def patch(
        self, path: str, json: Any = None, *, headers: Mapping[str, str] | None = None
    ) -> HttpReply:
        """PATCH."""
        return await self.call("PATCH", path, json, headers=headers)

    async def delete(self, path: str, *, version: str = "") -> HttpReply:
        """DELETE."""
        return await self.call("DELETE", path, version=version)

    # ------------------------------------------------------------------ what they see

    async def server(self, server_id: str, version: str = "2.90") -> dict[str, Any]:
        """A server, in full."""
        body = (await self.get(f"{COMPUTE}/servers/{server_id}", version=version)).ok()
        shown: dict[str, Any] = body["server"]
        return shown

    async def volume(self, volume_id: str, version: str = "3.71") -> dict[str, Any]:
        """A volume."""
        body = (await self.get(f"{VOLUME}/volumes/{volume_id}", version=version)).ok()
        shown: dict[str, Any] = body["volume"]
        return shown

    async def makes_volume(self, name: str = "v", size: int = 1, **more: Any) -> str:
        """The id of a new volume; `zone`: in that cloud."""
        zone = {"availability_zone": more.pop("zone")} if "zone" in more else {}
        asked = {"name": name, "size": size, **zone, **more}
        body = (await self.post(f"{VOLUME}/volumes", {"volume": asked}, version="3.71")).ok()
        made: str = body["volume"]["id"]
        return made

    async def makes_snapshot(self, volume_id: str, name: str = "s", **more: Any) -> str:
        """The id of a new snapshot of a volume."""
        asked = {"name": name, "volume_id": volume_id, **more}
        body = (await self.post(f"{VOLUME}/snapshots", {"snapshot": asked}, version="3.71")).ok()
        made: str = body["snapshot"]["id"]
        return made

    async def servers(self, version: str = "2.90", **query: Any) -> list[dict[str, Any]]:
        """Their servers, in full."""
        body = (await self.get(f"{COMPUTE}/servers/detail", version=version, **query)).ok()
        shown: list[dict[str, Any]] = body["servers"]
        return shown

    async def listed(self, path: str, **query: Any) -> list[dict[str, Any]]:
        """A listing whose only member is a list; links to further pages are passed over."""
        body = (await self.get(path, **query)).ok()
        lists = [
            value for key, value in body.items() if isinstance(value, list) and not key.endswith("_links")
        ]
        found: list[dict[str, Any]] = lists[0]
        return found

    # ------------------------------------------------------------------ what they make

    async def makes_flavor(
        self, name: str = "m1.tiny", *, vcpus: int = 1, ram: int = 512, disk: int = 1, **more: Any
    ) -> str:
        """A flavor; only an administrator may. Its id."""
        body = {"name": name, "vcpus": vcpus, "ram": ram, "disk": disk, **more}
        made = (await self.post(f"{COMPUTE}/flavors", {"flavor": body})).ok()
        return str(made["flavor"]["id"])

    async def makes_image(
        self, name: str = "cirros", *, bits: bytes = BITS, visibility: str = "private", **more: Any
    ) -> str:
        """An image with its bits. Its id."""
        body = {
            "name": name,
            "disk_format": "raw",
            "container_format": "bare",
            "visibility": visibility,
            **more,
        }
        made = (await self.post(f"{IMAGE}/images", body)).ok()
        headers = {"Content-Type": "application/octet-stream"}
        (await self.call("PUT", f"{IMAGE}/images/{made['id']}/file", body=bits, headers=headers)).ok()
        return str(made["id"])

    async def makes_network(
        self,
        name: str = "net",
        *,
        cidr: str = "10.0.0.0/24",
        subnet: Mapping[str, Any] | None = None,
        **more: Any,
    ) -> MadeNetwork:
        """A network with one subnet."""
        network = (await self.post(f"{NETWORK}/networks", {"network": {"name": name, **more}})).ok()[
            "network"
        ]
        body = {
            "network_id": network["id"],
            "ip_version": 4,
            "cidr": cidr,
            "name": f"{name}-subnet",
            **(subnet or {}),
        }
        made = (await self.post(f"{NETWORK}/subnets", {"subnet": body})).ok()["subnet"]
        return MadeNetwork(network["id"], made["id"])

    async def makes_port(self, network: MadeNetwork, name: str = "port", **more: Any) -> dict[str, Any]:
        """A port, in full."""
        body = {"port": {"network_id": network.id, "name": name, **more}}
        made: dict[str, Any] = (await self.post(f"{NETWORK}/ports", body)).ok()["port"]
        return made

    async def makes_keypair(self, name: str = "key", public_key: str = PUBLIC_KEY) -> str:
        """An imported public key. Its name."""
        body = {"keypair": {"name": name, "public_key": public_key}}
        made = (await self.post(f"{COMPUTE}/os-keypairs", body, version="2.2")).ok()
        return str(made["keypair"]["name"])

    async def makes_security_group(
        self, name: str = "web", rules: Sequence[Mapping[str, Any]] = ({"protocol": "tcp", "port": 80},)
    ) -> str:
        """A security group with ingress rules; `port` stands for both ends of a range. Its id."""
        group = (await self.post(f"{NETWORK}/security-groups", {"security_group": {"name": name}})).ok()
        group_id = str(group["security_group"]["id"])
        for rule in rules:
            body = {"direction": "ingress", "ethertype": "IPv4", "security_group_id": group_id, **rule}
            if "port" in body:
                body["port_range_min"] = body["port_range_max"] = body.pop("port")
            (await self.post(f"{NETWORK}/security-group-rules", {"security_group_rule": body})).ok()
        return group_id

    async def boots_server(
        self,
        name: str = "vm",
        *,
        flavor: str = "",
        image: str = "",
        network: MadeNetwork | None = None,
        key: str = "",
        groups: Sequence[str] = (),
        zone: str = "",
        version: str = "2.90",
        **more: Any,
    ) -> str:
        """A server; what is not given is made, once for each user. `groups` are names. Its id."""
        reply = await self.asks_for_server(
            name,
            flavor=flavor,
            image=image,
            network=network,
            key=key,
            groups=groups,
            zone=zone,
            version=version,
            **more,
        )
        return str(reply.ok()["server"]["id"])

    async def asks_for_server(
        self,
        name: str = "vm",
        *,
        flavor: str = "",
        image: str = "",
        network: MadeNetwork | None = None,
        key: str = "",
        groups: Sequence[str] = (),
        zone: str = "",
        version: str = "2.90",
        **more: Any,
    ) -> HttpReply:
        """As `boots_server`; the answer whatever it is. Further arguments go into the body as they are."""
        server: dict[str, Any] = {
            "name": name,
            "flavorRef": flavor or await self._world.default_flavor(),
            "imageRef": image or await self._world.default_image(),
        }
        if "networks" not in more:
            server["networks"] = [{"uuid": (network or await self.own_network()).id}]
        if key:
            server["key_name"] = key
        if groups:
            server["security_groups"] = [{"name": group} for group in groups]
        if zone:
            server["availability_zone"] = zone
        return await self.post(f"{COMPUTE}/servers", {"server": {**server, **more}}, version=version)

    async def own_network(self) -> MadeNetwork:
        """The network that servers are put on where none is named."""
        if self._network is None:
            self._network = await self.makes_network("own", cidr="10.99.0.0/24")
        return self._network

    async def acts(
        self, server_id: str, action: str, argument: Any = None, version: str = "2.90"
    ) -> HttpReply:
        """One action of a server: `os-stop`, `reboot` ..."""
        return await self.post(f"{COMPUTE}/servers/{server_id}/action", {action: argument}, version=version)

    async def deletes_server(self, server_id: str) -> None:
        """Ask for its end."""
        (await self.delete(f"{COMPUTE}/servers/{server_id}")).ok()

    async def deletes_network(self, network: MadeNetwork) -> None:
        """The network, and its subnet with it."""
        (await self.delete(f"{NETWORK}/networks/{network.id}")).ok()


def user_id_of(name: str) -> str:
    """The id that Keystone might have given to a user of this name."""
    return hashlib.md5(f"user {name}".encode(), usedforsecurity=False).hexdigest()


def project_id_of(name: str) -> str:
    """The same for a project."""
    return hashlib.md5(f"project {name}".encode(), usedforsecurity=False).hexdigest()
