"""The fault suite's stage in a laboratory: three nodes with Galera, RabbitMQ and memcached, two balancers, a Keystone.

    tenants -> VIP -> API on n1, n2, n3 -> VIP -> Galera <- workers on n1, n2, n3 -> proxies -> children

The suite itself, with the children and their proxies, runs in the client's namespace, where the nodes are reached and
reach it. What the nodes are sent goes past their network, so it is heard while they are cut off.
"""

from __future__ import annotations

import asyncio
import time
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fractus.auth.calls import Caller, CallFailed
from fractus.local.keystone_catalog import IDENTITY, SERVICES, Catalog, Service, User
from tests.faults.lab_accidents import Accidents
from tests.faults.stage import Badly, Keystone, Stage, project_of
from tools.lab import measure, net, standing
from tools.lab.node import send_command
from tools.lab.place import ADDRESSES, CLIENT, NODES, VIP, Place

ENDPOINT, KEYSTONE = f"http://{VIP}:8780", f"http://{VIP}:5000/v3"

#: More of the inventory. Sweeps as often as in the suite's other stage, for what is behind our back is looked for too.
SETTINGS = """
[settings.work]
full_sweep_interval = 15.0

[settings.log]
level = "warning"
"""

#: Seconds that a token is used for: it is good for an hour.
_TOKEN = 1200.0

#: What the suite leaves to its other stage: clocks of nodes are the machine's own.
WITHOUT = ("clock forwards", "clock backwards")

#: Accidents at the same time: some of them are not over before a broker or a database has come back.
AT_ONCE = 12


class RealKeystone:
    """The laboratory's Keystone, behind the VIP. Tokens are kept for a while, as clients do."""

    def __init__(self, passwords: Mapping[str, str]) -> None:
        """`passwords`: of users that are not tenants."""
        self.url = KEYSTONE
        self.projects: dict[str, str] = {}
        """Name -> id."""
        self._passwords = dict(passwords)
        self._tokens: dict[tuple[str, str], tuple[str, float]] = {}

    async def fill(self, tenants: list[str], regions: Mapping[str, str]) -> None:
        """Make tenants with a project each, and the children's regions in the catalog."""
        async with Caller() as admin:
            await admin.log_in(self.url, "admin", self._passwords["admin"], "admin")
            catalog = Catalog(admin, self.url)
            for name in tenants:
                user = User(name, self._password(name), project_of(name), ("member", "reader"))
                await catalog.fill([user], "lab", ENDPOINT, ())
            for region, url in regions.items():
                served = [Service(one.type, one.name, f"/{one.type}") for one in SERVICES]
                await catalog.fill([], region, url, served)
                await catalog.fill([], region, self.url, [IDENTITY])
            every = (await admin.call("GET", f"{self.url}/projects"))["projects"]
            self.projects = {one["name"]: one["id"] for one in every}

    def _password(self, user: str) -> str:
        return self._passwords.get(user, "faults-faults")

    async def token(self, user: str, project: str) -> str:
        """A token for somebody in a project; the one from before while none is to be had."""
        kept, since = self._tokens.get((user, project), ("", 0.0))
        if kept and time.monotonic() - since < _TOKEN:
            return kept
        for patience in (1.0, 2.0, 4.0, 8.0, 0.0):
            try:
                async with Caller() as caller:
                    await caller.log_in(self.url, user, self._password(user), project)
                    self._tokens[user, project] = caller.token, time.monotonic()
                    return caller.token
            except (CallFailed, OSError, TimeoutError):
                if kept:
                    return kept
                if not patience:
                    raise
                await asyncio.sleep(patience)
        raise AssertionError


class OnNode:
    """A program of ours on a node."""

    def __init__(self, place: Place, node: str, service: str) -> None:
        self._place, self._node, self._service = place, node, service

    async def _send(self, do: str) -> None:
        await asyncio.to_thread(send_command, self._place, self._node, do, self._service)

    async def start(self) -> None:
        """Start it, unless it runs."""
        await self._send("start")

    async def kill(self) -> None:
        """SIGKILL; it stays dead until it is started."""
        await self._send("kill")

    async def end(self) -> None:
        """Stop it as systemd would."""
        await self._send("stop")

    def pause(self) -> None:
        """SIGSTOP."""
        send_command(self._place, self._node, "pause", self._service)

    def resume(self) -> None:
        """SIGCONT; and a start, for it may have been killed as well meanwhile."""
        send_command(self._place, self._node, "start", self._service)

    def jump(self, seconds: float) -> None:
        """Not here."""


class LabStage(Stage):
    """Nodes that are up already, and children of the suite's own."""

    def __init__(
        self, directory: Path, seed: int, *, place: Place, children: Mapping[str, str], tenants: list[str]
    ) -> None:
        """`tenants`: those who get a project in Keystone."""
        super().__init__(directory, seed, children=children, apis=0, workers=0, host=CLIENT)
        self.place = place
        self._tenants = tenants
        self._secrets = standing.secrets_of(place)
        state = place.rendered / NODES[0] / "root/var/lib/fractus"
        reported: dict[str, Any] = tomllib.loads((state / "fractus.toml").read_text())
        self.password = reported["keystone"]["password"]
        self.more = {
            "FRACTUS_STORE_URL": reported["store"]["url"],
            "FRACTUS_AUTH_KEY_FILE": str(state / "vault.key"),
        }
        self._lab = Accidents(place, self._admin_token, self.wrongs, lambda: self.over)
        self.accidents = self._lab.sorts()
        self.by_hand = self._lab.by_hand
        self._keystone: RealKeystone

    @property
    def urls(self) -> list[str]:
        """One address, whatever is behind it."""
        return [ENDPOINT]

    @property
    def of_nodes(self) -> list[str]:
        """The API of each node by itself."""
        return [f"http://{ADDRESSES[name]}:8780" for name in NODES]

    def project(self, tenant: str) -> str:
        """The id of a tenant's project."""
        return self._keystone.projects[project_of(tenant)]

    async def token(self, tenant: str) -> str:
        """The Keystone's, new from time to time."""
        return await self.identity.token(tenant, project_of(tenant))

    async def _admin_token(self) -> str:
        return await self.identity.token("admin", "admin")

    async def _meet_keystone(self, regions: Mapping[str, str]) -> Keystone:
        passwords = {"admin": self._secrets["keystone-admin"], "fractus": self.password}
        self._keystone = RealKeystone(passwords)
        await self._keystone.fill(self._tenants, regions)
        return self._keystone

    async def _make_ours(self) -> None:
        await self._add_clouds()
        apis: dict[str, Badly] = {f"api {name}": OnNode(self.place, name, "api") for name in NODES}
        workers: dict[str, Badly] = {f"worker {name}": OnNode(self.place, name, "worker") for name in NODES}
        self.apis |= apis
        self.workers |= workers

    async def heal(self) -> None:
        """The laboratory is well, with a hand where an operator would lend one, and the children are."""
        for name in ADDRESSES:
            await asyncio.to_thread(net.unblock, self.place, name)
        await asyncio.to_thread(measure.until_well, self.place)
        await super().heal()

    async def close(self) -> None:
        """Stop the children. The laboratory stays up for who stood it up."""
        self.apis.clear()
        self.workers.clear()
        await super().close()
