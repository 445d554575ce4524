"""What tenants do all day: read in every way there is, and make, change and delete servers and what is around them.

Each actor checks what it is answered: what was just written is read back at once, over another connection and so
mostly by another process; what was accepted comes true within a limit; what was deleted is gone.
"""

from __future__ import annotations

import asyncio
import datetime
import random
import time
from collections.abc import Awaitable, Callable
from typing import Any

from bench.calling import Caller, Tally
from bench.deployment import Deployment

#: Seconds after which something that was accepted and has not come true counts as never coming true.
PATIENCE = 300.0

#: A name that nothing else has.
PREFIX = "soak-"


class Pace:
    """How fast all of them go: seconds of rest are multiplied by `factor`; `over` ends everything."""

    def __init__(self) -> None:
        self.factor = 1.0
        self.over = asyncio.Event()

    async def rest(self, seconds: float) -> None:
        """A pause of about so long, or until all is over."""
        length = seconds * self.factor * random.uniform(0.5, 1.5)
        try:
            await asyncio.wait_for(self.over.wait(), length)
        except TimeoutError:
            return


class Reader:
    """Reads the lists of one project, first pages and deep ones, in all orders, and single things from them."""

    def __init__(self, caller: Caller, at: Deployment, *, admin: bool = False) -> None:
        self._caller, self._at, self._admin = caller, at, admin
        self._servers: list[dict[str, Any]] = []
        self._ports: list[str] = []
        self._next = ""

    async def run(self, pace: Pace, rest: float) -> None:
        """Until it is over."""
        while not pace.over.is_set():
            await random.choice(self._ways())()
            await pace.rest(rest)

    def _ways(self) -> list[Callable[[], Awaitable[None]]]:
        ways = [self._page, self._page, self._deeper, self._deeper, self._searched, self._other, self._other]
        if self._servers:
            ways += [self._one, self._one, self._one, self._jump]
        return [*ways, self._port_page, *([self._port] if self._ports else [])]

    def _all(self, url: str) -> str:
        return f"{url}&all_tenants=1" if self._admin else url

    async def _page(self) -> None:
        await self._read(self._all(f"{self._at.compute}/servers/detail?limit=100"))

    async def _deeper(self) -> None:
        await self._read(self._next or self._all(f"{self._at.compute}/servers/detail?limit=100"))

    async def _jump(self) -> None:
        marker = random.choice(self._servers)["id"]
        await self._read(self._all(f"{self._at.compute}/servers/detail?limit=100&marker={marker}"))

    async def _searched(self) -> None:
        minute = datetime.datetime.now(datetime.UTC) - datetime.timedelta(minutes=1)
        queries = [
            "status=ACTIVE", "status=SHUTOFF", "status=ERROR",
            "sort_key=display_name&sort_dir=asc", f"changes-since={minute:%Y-%m-%dT%H:%M:%SZ}",
        ]  # fmt: skip
        if self._servers:
            one = random.choice(self._servers)
            queries += [f"name=^{one['name']}$", f"availability_zone={one['OS-EXT-AZ:availability_zone']}"]
            if self._admin:
                queries.append(f"host={one.get('OS-EXT-SRV-ATTR:host', '')}")
        await self._read(self._all(f"{self._at.compute}/servers/detail?limit=100&{random.choice(queries)}"))

    async def _read(self, url: str, expect: tuple[int, ...] = ()) -> None:
        body = await self._caller.get(url, expect=expect)
        servers = body.get("servers", [])
        links = {link["rel"]: link["href"] for link in body.get("servers_links", [])}
        self._next = links.get("next", "")
        if self._next and len(servers) != 100:
            self._caller.tally.amiss(
                "unexpected", f"{url}: a page of {len(servers)} with another one after it"
            )
        mine = [server for server in servers if not server["name"].startswith(PREFIX)]
        self._servers = (random.sample(mine, min(len(mine), 20)) + self._servers)[:200]

    async def _one(self) -> None:
        server = random.choice(self._servers)
        answer = await self._caller.call("GET", f"{self._at.compute}/servers/{server['id']}")
        if answer.status == 200 and answer.body["server"]["id"] != server["id"]:
            self._caller.tally.amiss("lost", f"asked for {server['id']}, got {answer.body['server']['id']}")

    async def _port_page(self) -> None:
        ports = (await self._caller.get(f"{self._at.network}/ports?limit=100&sort_key=id&sort_dir=asc")).get(
            "ports", []
        )
        stable = [port["id"] for port in ports if not port["name"].startswith(PREFIX)]
        self._ports = (random.sample(stable, min(len(stable), 20)) + self._ports)[:200]

    async def _port(self) -> None:
        # The ports of our own servers come and go.
        await self._caller.call(
            "GET", f"{self._at.network}/ports/{random.choice(self._ports)}", expect=(200, 404)
        )

    async def _other(self) -> None:
        at, project = self._at, self._caller.tenant.project_id
        urls = [
            f"{at.compute}/limits", f"{at.compute}/flavors/detail", f"{at.compute}/os-keypairs",
            f"{at.compute}/os-availability-zone", f"{at.image}/images", f"{at.network}/networks",
            f"{at.network}/subnets", f"{at.network}/security-groups",
        ]  # fmt: skip
        if project:
            urls += [f"{at.compute}/os-quota-sets/{project}", f"{at.network}/quotas/{project}"]
        if self._servers:
            urls.append(f"{at.network}/ports?device_id={random.choice(self._servers)['id']}")
        await self._caller.get(random.choice(urls))


class Maker:
    """Makes a server or two, changes them, deletes them, and all again; sometimes with a network of their own."""

    def __init__(
        self, caller: Caller, at: Deployment, number: int, *, flavor: str, image: str, network: str
    ) -> None:
        self._caller, self._at, self._number = caller, at, number
        self._flavor, self._image, self._network = flavor, image, network
        self._made = 0
        self.lives = 0
        """Servers that were made, came true, and were deleted again."""

    async def run(self, pace: Pace, rest: float) -> None:
        """Until it is over; what was begun is finished."""
        while not pace.over.is_set():
            if random.random() < 0.3:
                await self._with_network(pace, rest)
            else:
                await self._life(pace, rest, [self._network], [])
            await pace.rest(rest)

    @property
    def _tally(self) -> Tally:
        return self._caller.tally

    def _name(self, what: str) -> str:
        self._made += 1
        return f"{PREFIX}{what}-{self._number}-{self._made}"

    # ------------------------------------------------------------------ servers

    async def _life(self, pace: Pace, rest: float, networks: list[str], groups: list[str]) -> None:
        compute = self._at.compute
        server: dict[str, Any] = {
            "name": self._name("server"), "flavorRef": self._flavor, "imageRef": self._image,
            "networks": [{"uuid": network} for network in networks],
        }  # fmt: skip
        if groups:
            server["security_groups"] = [{"name": group} for group in groups]
        began = time.monotonic()
        answer = await self._caller.call("POST", f"{compute}/servers", {"server": server}, expect=(202,))
        if answer.status != 202:
            return
        url = f"{compute}/servers/{answer.body['server']['id']}"
        if await self._until(url, "status", "ACTIVE"):
            self._tally.took("to ACTIVE", time.monotonic() - began)
            for change in random.sample([self._rename, self._stop_and_start, self._label, self._reboot], 2):
                await pace.rest(rest)
                await change(url)
        await pace.rest(rest)
        began = time.monotonic()
        await self._caller.call("DELETE", url, expect=(204,))
        if await self._until(url, "", ""):
            self._tally.took("to gone", time.monotonic() - began)
            self.lives += 1

    async def _rename(self, url: str) -> None:
        name = self._name("renamed")
        if (await self._caller.call("PUT", url, {"server": {"name": name}})).status == 200:
            await self._shows(url, "name", name)

    async def _label(self, url: str) -> None:
        metadata = {"colour": random.choice(["red", "green", "blue"]), "made": str(self._made)}
        if (await self._caller.call("PUT", f"{url}/metadata", {"metadata": metadata})).status == 200:
            await self._shows(url, "metadata", metadata)

    async def _stop_and_start(self, url: str) -> None:
        for action, status in (("os-stop", "SHUTOFF"), ("os-start", "ACTIVE")):
            began = time.monotonic()
            await self._caller.call("POST", f"{url}/action", {action: None}, expect=(202,))
            if not await self._until(url, "status", status):
                return
            self._tally.took("to stopped or started", time.monotonic() - began)

    async def _reboot(self, url: str) -> None:
        await self._caller.call("POST", f"{url}/action", {"reboot": {"type": "SOFT"}}, expect=(202,))
        await self._until(url, "OS-EXT-STS:task_state", None)

    async def _shows(self, url: str, field: str, value: Any) -> None:
        """What was just written is read, by whichever process answers."""
        shown = (await self._caller.get(url)).get("server", {})
        if shown.get(field) != value:
            self._tally.amiss(
                "lost", f"{url}: {field} is {shown.get(field)!r} right after it was set to {value!r}"
            )

    async def _until(self, url: str, field: str, value: Any) -> bool:
        """Wait until a field of a server has a value, or without a field until it is gone."""
        limit, pause, seen = time.monotonic() + PATIENCE, 0.3, "nothing"
        while time.monotonic() < limit:
            answer = await self._caller.call("GET", url, expect=(200, 404) if not field else (200,))
            if answer.status == 404 and not field:
                return True
            if answer.status == 404:
                self._tally.amiss("lost", f"{url} was accepted and is not there")
                return False
            if answer.status == 200:
                server = answer.body["server"]
                if field and server[field] == value:
                    return True
                seen = server["status"]
                if seen == "ERROR" and field:
                    self._tally.amiss("unexpected", f"{url} is in ERROR: {server.get('fault')}")
                    return False
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, 3.0)
        self._tally.amiss(
            "unsettled", f"{url}: {field or 'gone'} {value} not after {PATIENCE:.0f} s, but {seen}"
        )
        return False

    # ------------------------------------------------------------------ networks

    async def _with_network(self, pace: Pace, rest: float) -> None:
        """A network, a subnet, a group with a rule and a port; a server on two networks; and all away again."""
        made: list[tuple[str, str]] = []
        network = await self._makes(made, "networks", "network", name=self._name("net"))
        if network:
            cidr = f"10.{random.randrange(100, 200)}.{random.randrange(256)}.0/24"
            await self._makes(made, "subnets", "subnet", network_id=network, ip_version=4, cidr=cidr)
            name = self._name("group")
            group = await self._makes(made, "security-groups", "security_group", name=name)
            rule = {"direction": "ingress", "protocol": "tcp", "port_range_min": 80, "port_range_max": 80}
            await self._makes(
                [], "security-group-rules", "security_group_rule", security_group_id=group, **rule
            )
            await self._makes(
                made, "ports", "port", network_id=network, name=self._name("port"), security_groups=[group]
            )
            await self._renames_network(network)
            await self._life(pace, rest, [self._network, network], [name])
        for path, id in reversed(made):
            await self._removes(path, id)

    async def _makes(self, made: list[tuple[str, str]], path: str, what: str, **fields: Any) -> str:
        answer = await self._caller.call("POST", f"{self._at.network}/{path}", {what: fields}, expect=(201,))
        if answer.status != 201:
            return ""
        id = str(answer.body[what]["id"])
        made.append((path, id))
        shown = await self._caller.get(f"{self._at.network}/{path}/{id}")
        if shown.get(what, {}).get("id") != id:
            self._tally.amiss("lost", f"{what} {id} was made and is not there")
        return id

    async def _renames_network(self, id: str) -> None:
        name, url = self._name("renamed"), f"{self._at.network}/networks/{id}"
        await self._caller.call("PUT", url, {"network": {"name": name}})
        if (await self._caller.get(url)).get("network", {}).get("name") != name:
            self._tally.amiss("lost", f"{url}: not called {name} right after it was renamed")

    async def _removes(self, path: str, id: str) -> None:
        """A port of a server that is going may still be there: as with Neutron, that is a 409 for a while."""
        limit = time.monotonic() + PATIENCE
        url = f"{self._at.network}/{path}/{id}"
        while time.monotonic() < limit:
            answer = await self._caller.call("DELETE", url, expect=(204, 404, 409))
            if answer.status != 409:
                await self._caller.call("GET", url, expect=(404,))
                return
            await asyncio.sleep(1.0)
        self._tally.amiss("unsettled", f"{url}: still in use after {PATIENCE:.0f} s")
