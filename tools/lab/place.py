"""Where a laboratory is: its directory, its namespaces, its nodes and addresses.

The directory is $FRACTUS_LAB, else /var/tmp/fractus-lab. Everything that the laboratory writes is in it. Two of them
may run at once: each has a directory, and namespaces named after it.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

DEFAULT = Path("/var/tmp/fractus-lab")

#: Only inside the namespaces, which nothing outside is connected to: the same in every laboratory.
NETWORK = "10.99.0.0/24"
VIP = "10.99.0.10"
CLIENT = "10.99.0.100"
ADDRESSES = {
    "n1": "10.99.0.11",
    "n2": "10.99.0.12",
    "n3": "10.99.0.13",
    "lb1": "10.99.0.21",
    "lb2": "10.99.0.22",
}
NODES = ("n1", "n2", "n3")
BALANCERS = ("lb1", "lb2")

#: Short names of services, and the units behind them.
UNITS = {
    "database": "mariadb.service",
    "health": "fractus-database-health.service",
    "broker": "rabbitmq-server.service",
    "cache": "memcached.service",
    "identity": "fractus-keystone.service",
    "api": "fractus-api.service",
    "worker": "fractus-worker.service",
    "haproxy": "haproxy.service",
    "keepalived": "keepalived.service",
}
OF_NODE = ("database", "health", "broker", "cache", "identity", "api", "worker")
OF_BALANCER = ("haproxy", "keepalived")


def services_of(node: str) -> tuple[str, ...]:
    """What runs on a node, in the order of its start."""
    return OF_BALANCER if node in BALANCERS else OF_NODE


@dataclass(frozen=True)
class Place:
    """One laboratory."""

    directory: Path

    @property
    def prefix(self) -> str:
        """What the names of its namespaces begin with."""
        if self.directory == DEFAULT:
            return "lab"
        return "lab" + hashlib.sha256(str(self.directory).encode()).hexdigest()[:4]

    def namespace(self, node: str) -> str:
        return f"{self.prefix}-{node}"

    def home(self, node: str) -> Path:
        """What a node wrote, and what was installed on it."""
        return self.directory / "nodes" / node

    def socket(self, node: str) -> Path:
        return self.home(node) / "control.sock"

    @property
    def inventory(self) -> Path:
        return self.directory / "inventory.toml"

    @property
    def rendered(self) -> Path:
        return self.directory / "rendered"

    @property
    def clouds_yaml(self) -> Path:
        """For clients: the entries `lab` (a user) and `lab-admin`."""
        return self.directory / "clouds.yaml"

    def user_password(self) -> str:
        """Of the user `lab`; made once."""
        path = self.directory / "user-password"
        if not path.exists():
            path.touch(mode=0o600)
            path.write_text(secrets.token_urlsafe(24))
        return path.read_text()


def here() -> Place:
    """The laboratory of this environment."""
    return Place(Path(os.environ.get("FRACTUS_LAB") or DEFAULT).absolute())
