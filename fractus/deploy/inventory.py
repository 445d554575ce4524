"""The inventory: the one file (TOML) that an operator writes about a deployment.

    [deployment]
    region = "fractus"
    network = "10.20.0.0/24"        # of the nodes' own addresses

    [vip]
    address = "10.20.0.10"
    interface = "eth0"

    [[node]]
    name = "n1"
    address = "10.20.0.11"
    rack = "a"
    roles = ["database", "broker", "cache", "identity", "api", "worker", "balancer"]

Every other section has defaults. A key that does not exist is refused, as in the settings: it would be a silent
default.
"""

from __future__ import annotations

import ipaddress
import re
import tomllib
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

Role = Literal["database", "broker", "cache", "identity", "api", "worker", "balancer"]
Port = Annotated[int, Meta(ge=1, le=65535)]

_NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")


class InventoryError(Exception):
    """The inventory is wrong; the message is one sentence that says where and why."""


class Deployment(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is true of the whole."""

    network: str
    """The network of the nodes' addresses, as in 10.20.0.0/24."""
    name: str = "fractus"
    region: str = "fractus"
    endpoint: str = ""
    """The URL that users reach the API by. Empty: follows from the VIP and whether there is a certificate."""
    identity_endpoint: str = ""
    """The same of Keystone, with /v3."""
    images: str = "/srv/fractus/images"
    """The directory of image data: the same one on every node that has the role api or worker."""
    images_shared: bool = False
    """Whether that directory is one file system that all nodes mount. Only the operator can say so."""
    variant: Literal["keepalived", "pacemaker"] = "keepalived"
    """Who moves the VIP."""
    secrets: str = "secrets.toml"
    """The file of passwords and keys, beside the inventory. Made once, mode 0600."""


class Vip(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The address that everything is reached by."""

    address: str
    interface: str
    router_id: Annotated[int, Meta(ge=1, le=255)] = 51
    """Of VRRP: no other pair on the same network may have it."""


class Fence(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a node is switched off from outside (Pacemaker)."""

    agent: str
    """As in fence_ipmilan."""
    options: dict[str, str] = {}
    """The options of the agent, but for the password, which is `fence-<node>` in the secrets."""


class Node(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One machine."""

    name: str
    address: str
    roles: list[Role]
    rack: str = ""
    """What fails together: a rack, a room, a power line."""
    interface: str = ""
    """Where the VIP is put on this node, if not [vip] interface."""
    fence: Fence | None = None


class Paths(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where things are on the nodes."""

    python: str = "/opt/fractus/bin/python"
    """The Python of the environment that fractus is installed in, with its extra `keystone`."""
    state: str = "/var/lib/fractus"
    user: str = "fractus"


class Tls(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Certificates on the nodes. Rendering copies none."""

    endpoint: str = ""
    """On balancers: certificate and key of the public endpoint, one PEM file. Empty: plain HTTP."""
    endpoint_ca: str = ""
    """On nodes: the authority that signed it, where it is not one that the operating system knows."""
    ca: str = ""
    certificate: str = ""
    key: str = ""
    """On database nodes: PEM files that encrypt what the database nodes say to each other."""


class Ports(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ports of the VIP and of the nodes."""

    api: Port = 8780
    identity: Port = 5000
    database: Port = 3306
    database_check: Port = 9200
    broker: Port = 5672
    broker_management: Port = 15672
    cache: Port = 11211
    statistics: Port = 8404
    peers: Port = 10000


class Database(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """MariaDB Galera."""

    buffer_pool: str = "2G"
    log_size: str = "512M"
    gcache: str = "1G"
    """What a node may miss and still catch up without a full copy."""
    max_connections: int = 1000
    sst: Literal["mariabackup", "rsync", "mysqldump"] = "mariabackup"
    suspect_timeout: float = 3.0
    """Seconds of silence after which the others no longer wait for a database node."""


class Broker(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """RabbitMQ."""

    memory: str = "1GiB"
    """Above this it takes no more messages until some are gone."""
    disk_free: str = "2GB"
    schedulers: int = 0
    """Erlang's schedulers; 0: one per core."""
    heartbeat: int = 5
    net_ticktime: int = 12
    """Seconds after which a silent broker is gone for the others."""
    partitions: Literal["pause_minority", "autoheal", "ignore"] = "pause_minority"


class Cache(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """memcached."""

    memory: int = 64
    """MiB on each node."""


class Balancer(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """HAProxy."""

    connections: int = 20000
    """The most that one takes at a time; each has two ends."""


class Programs(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """fractus and Keystone themselves."""

    api_processes: int = 2
    keystone_processes: int = 2
    keystone_threads: int = 4
    store_connections: int = 20
    """The most that one process of fractus opens to the database."""


class Timeouts(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Seconds. The defaults fit each other; `fractus deploy check` says where changed ones do not."""

    connect: int = 3
    request: int = 60
    """HAProxy to the API and to Keystone: the longest silence inside one request."""
    database: int = 5400
    """HAProxy to the database: the longest that a pooled connection may lie idle."""
    check_interval: float = 1.0
    check_falls: int = 2
    """Failed checks after which HAProxy drops a database node."""
    api_check_falls: int = 4
    """The same for the API and Keystone: later, so that they are not all dropped while the database changes hands."""
    drain: int = 60
    """What fractus gets to finish what is under way before systemd kills it."""


class Inventory(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole file."""

    deployment: Deployment
    vip: Vip
    node: list[Node]
    paths: Paths = Paths()
    tls: Tls = Tls()
    ports: Ports = Ports()
    database: Database = Database()
    broker: Broker = Broker()
    cache: Cache = Cache()
    balancer: Balancer = Balancer()
    programs: Programs = Programs()
    timeouts: Timeouts = Timeouts()
    settings: dict[str, dict[str, str | int | float | bool]] = {}
    """More of fractus.toml, by section: [settings.quota] unlimited = true."""
    accepted: dict[str, str] = {}
    """Findings of `fractus deploy check` that the operator takes on, with the reason: "one-rack" = "a test"."""

    def having(self, role: Role) -> list[Node]:
        """The nodes of a role, in the order of the file."""
        return [node for node in self.node if role in node.roles]

    @property
    def endpoint(self) -> str:
        """The URL of the API, without a slash at its end."""
        if self.deployment.endpoint:
            return self.deployment.endpoint.rstrip("/")
        return f"{self.scheme}://{bracketed(self.vip.address)}:{self.ports.api}"

    @property
    def identity(self) -> str:
        """The URL of Keystone, with /v3."""
        if self.deployment.identity_endpoint:
            return self.deployment.identity_endpoint.rstrip("/")
        return f"{self.scheme}://{bracketed(self.vip.address)}:{self.ports.identity}/v3"

    @property
    def scheme(self) -> str:
        """What the balancers speak to users."""
        return "https" if self.tls.endpoint else "http"


def bracketed(address: str) -> str:
    """An address as it is written before a port."""
    return f"[{address}]" if ":" in address else address


def load(path: Path) -> Inventory:
    """Read an inventory. `InventoryError` with one sentence where it is wrong."""
    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise InventoryError(f"The inventory {path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise InventoryError(f"The inventory {path} is not TOML: {error}.") from error
    try:
        inventory = msgspec.convert(document, Inventory)
    except msgspec.ValidationError as error:
        raise InventoryError(f"The inventory {path} is wrong: {error}.") from error
    for sentence in _wrong(inventory):
        raise InventoryError(f"The inventory {path} is wrong: {sentence}")
    return inventory


def _wrong(inventory: Inventory) -> list[str]:
    """What no file can be rendered from; what is merely unsafe is `fractus.deploy.check`'s."""
    said: list[str] = []
    names = [node.name for node in inventory.node]
    addresses = [node.address for node in inventory.node]
    for name in names:
        if not _NAME.fullmatch(name):
            said.append(f"{name!r} is no name of a node: small letters, digits and dashes.")
    said += [f"two nodes are called {name}." for name in sorted(set(names)) if names.count(name) > 1]
    said += [
        f"two nodes have the address {one}." for one in sorted(set(addresses)) if addresses.count(one) > 1
    ]
    for what, address in [("vip.address", inventory.vip.address), *zip(names, addresses, strict=True)]:
        try:
            ipaddress.ip_address(address)
        except ValueError:
            said.append(f"{what}: {address!r} is not an address.")
    try:
        ipaddress.ip_network(inventory.deployment.network)
    except ValueError:
        said.append(
            f"deployment.network: {inventory.deployment.network!r} is not a network, as 10.20.0.0/24 is."
        )
    return said
