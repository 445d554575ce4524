"""The same questions to a real cloud that runs on this machine (tools/realcloud), to hold ours against.

FRACTUS_REAL_CLOUDS_YAML names its clouds.yaml and FRACTUS_REAL_CLOUD the entry (east); without the former, or where the
cloud does not answer, its columns stay empty. What is made there is removed again.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import yaml

from bench.creates import creates
from bench.load import Endpoint, Figures, Processor, Refused, connections
from bench.reads import reads

CLOUD = os.environ.get("FRACTUS_REAL_CLOUD", "east")

#: Seconds a second of processor time that an idle cloud uses at most; above, others work in it, and what a call of ours
#: costs cannot be measured.
_IDLE = 0.25

#: Servers made there: a boot costs a real cloud a second or more of processor time.
SERVERS = 20

#: Seconds in which they are asked for, and then get to become ACTIVE; fewer, or some in BUILD, are good enough.
_ASKING, _BOOTING = 20.0, 20.0

#: Seconds that they get to be gone: until then their network cannot go.
_ENDING = 60.0

_IMAGE, _FLAVOR, _CIDR = "cirros", "m1.nano", "10.98.0.0/16"


class Theirs(NamedTuple):
    """Figures of the child."""

    figures: dict[str, Figures]
    page: int
    """How many servers a page of its list had: at most 100."""
    background: float
    """Processor time that it used anyway, in seconds a second; taken off its figures."""
    busy: bool
    """It used more than an idle cloud does: no processor time is reported."""


async def ask(seconds: float, *, what: tuple[str, ...]) -> Theirs | None:
    """All figures of the child, or None where it is not up."""
    async with connections() as session:
        try:
            endpoint = await endpoint_of(session)
        except (aiohttp.ClientError, TimeoutError, OSError, KeyError, Refused) as error:
            print(f"(no figures of a real cloud: {type(error).__name__}: {error})")
            return None
        if endpoint is None:
            return None
        await endpoint.processor.learn_background(3.0)
        async with network_in(endpoint) as network:
            theirs = await _figures(endpoint, network, seconds, what)
        before = theirs.background
        await endpoint.processor.learn_background(3.0)
        if max(before, endpoint.processor.background) <= _IDLE:
            return theirs
        silent = {name: one._replace(cpu=None) for name, one in theirs.figures.items()}
        return theirs._replace(figures=silent, busy=True)


async def _figures(endpoint: Endpoint, network: str, seconds: float, what: tuple[str, ...]) -> Theirs:
    figures, made = await creates(
        endpoint, *await flavor_and_image(endpoint), network, seconds=_ASKING, most=SERVERS - 1
    )
    # Its processes boot the first servers while the next ones are asked for: what accepting one costs cannot be
    # measured.
    found = {"POST /servers": figures._replace(cpu=None)}
    try:
        await _until(endpoint, made, lambda server: server["status"] != "BUILD", within=_BOOTING)
        listed = (await endpoint.read(f"{endpoint.compute}/servers/detail?limit=100"))["servers"]
        if "reads" in what:
            ports = (await endpoint.read(f"{endpoint.network}/v2.0/ports?network_id={network}"))["ports"]
            port_ids = [port["id"] for port in ports]
            found |= await reads(endpoint, made, port_ids, [len(listed)], seconds)
    finally:
        for id in made:
            await endpoint.call("DELETE", f"{endpoint.compute}/servers/{id}")
        await _until(endpoint, made, lambda server: False, within=_ENDING)
    return Theirs(found, len(listed), endpoint.processor.background, busy=False)


async def flavor_and_image(endpoint: Endpoint) -> tuple[str, str]:
    """Ids of what servers are made of there."""
    flavors = (await endpoint.read(f"{endpoint.compute}/flavors"))["flavors"]
    flavor = next(one["id"] for one in flavors if one["name"] == _FLAVOR)
    images = (await endpoint.read(f"{endpoint.image}/v2/images?name={_IMAGE}&status=active"))["images"]
    return flavor, images[0]["id"]


async def _until(
    endpoint: Endpoint, ids: list[str], done: Callable[[dict[str, Any]], bool], *, within: float
) -> None:
    """Wait until each of these servers is `done` or not there any more."""
    limit = time.monotonic() + within
    while time.monotonic() < limit:
        servers = (await endpoint.read(f"{endpoint.compute}/servers/detail?name=bench-new-"))["servers"]
        if all(done(server) for server in servers if server["id"] in ids):
            return
        await asyncio.sleep(1.0)


@contextlib.asynccontextmanager
async def network_in(endpoint: Endpoint) -> AsyncIterator[str]:
    """A network with a subnet, for as long as the block runs."""
    url = f"{endpoint.network}/v2.0"
    body = {"network": {"name": f"bench-{os.getpid()}"}}
    await endpoint.call("POST", f"{url}/networks", body)
    network = (await endpoint.read(f"{url}/networks?name=bench-{os.getpid()}"))["networks"][0]["id"]
    try:
        subnet = {"network_id": network, "ip_version": 4, "cidr": _CIDR}
        await endpoint.call("POST", f"{url}/subnets", {"subnet": subnet})
        yield network
    finally:
        await endpoint.call("DELETE", f"{url}/networks/{network}")


async def endpoint_of(session: aiohttp.ClientSession) -> Endpoint | None:
    """The child as its plain user sees it."""
    place = os.environ.get("FRACTUS_REAL_CLOUDS_YAML", "")
    if not place:
        return None
    entry = yaml.safe_load(Path(place).read_text("utf-8"))["clouds"][CLOUD]
    auth = entry["auth"]
    domain = {"name": "Default"}
    user = {"name": auth["username"], "domain": domain, "password": auth["password"]}
    project = {"name": auth["project_name"], "domain": domain}
    body = {"identity": {"methods": ["password"], "password": {"user": user}}, "scope": {"project": project}}
    url = f"{auth['auth_url']}/auth/tokens"
    async with session.post(url, json={"auth": body}, timeout=aiohttp.ClientTimeout(total=15.0)) as answer:
        if answer.status != 201:
            raise Refused(f"{url}: {answer.status}")
        token, catalog = answer.headers["X-Subject-Token"], (await answer.json())["token"]["catalog"]
    urls = {
        service["type"]: one["url"].rstrip("/")
        for service in catalog
        for one in service["endpoints"]
        if one["interface"] == "public" and one["region"] == entry["region_name"]
    }
    processor = _processor(Path(place).parent)
    endpoint = Endpoint(session, urls["compute"], urls["network"], urls["image"], token, "2.1", processor)
    endpoint.version = (await endpoint.read(endpoint.compute))["version"]["version"]
    return endpoint


def _processor(home: Path) -> Processor:
    """The processes of the cloud and of its Keystone, where realcloud keeps their pid files. Not those of data base and
    broker, which several clouds share.
    """
    own_keystone = (home / "clouds" / CLOUD / "run" / "keystone.pid").exists()
    places = [f"clouds/{CLOUD}"] if own_keystone else [f"clouds/{CLOUD}", "keystone"]
    files = [file for place in places for file in (home / place / "run").glob("*.pid")]
    return Processor(int(file.read_text().split()[0]) for file in files)
