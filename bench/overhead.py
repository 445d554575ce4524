"""What fractus adds to one create on an idle real cloud, against asking that cloud directly; the two take turns.

    FRACTUS_REAL_CLOUDS_YAML=$(tools/realcloud/realcloud clouds-yaml) python -m bench.overhead [--full] [--creates N]

fractus stands before the real cloud `east` (FRACTUS_REAL_CLOUD names another), in its Keystone, in a region of its own
that is removed again. Of each server that fractus makes it is watched when the cloud has it ACTIVE, and when fractus
says so. Beside those of one project, whose network, image and flavor the cloud has already, some are the first of a new
project there: network, subnet, security group and port come to the cloud with them.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import dataclasses
import os
import secrets
import sqlite3
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import yaml

from bench import child, first_use, report
from bench.creates import server_body
from bench.load import Endpoint, connections
from bench.report import Options, Report, Row
from bench.stand import said
from fractus.local.processes import free_port

REGION = os.environ.get("FRACTUS_KEYSTONE_REGION", "fractus-overhead")
SERVICE = "fractus-overhead"

#: Seconds between two looks at a server: ours cost little, those at the cloud take away from what it builds with.
_OUR_LOOK, _THEIR_LOOK = 0.01, 0.1
_WITHIN = 120.0
#: Seconds that the cloud gets to forget what was carried there.
_TIDY = 30.0

_FLAVOR = {"name": "m1.overhead", "vcpus": 1, "ram": 128, "disk": 1}


class Taken(NamedTuple):
    """Of one server, in seconds since it was asked for."""

    accepted: float
    there: float
    """The cloud itself says ACTIVE."""
    here: float
    """Whoever was asked says ACTIVE."""


class Side(NamedTuple):
    """Who is asked, and what with."""

    endpoint: Endpoint
    flavor: str
    image: str
    network: str


async def run(options: Options) -> Report:
    """Stand fractus before the cloud; make servers in turns; take all away again."""
    number = options.given.creates or (20 if options.full else 5)
    progress = said()
    async with connections() as session:
        theirs = await child.endpoint_of(session)
        if theirs is None:
            raise SystemExit("FRACTUS_REAL_CLOUDS_YAML is not set: see tools/realcloud/README.md.")
        ours_taken: list[Taken] = []
        theirs_taken: list[Taken] = []
        with progress.step("Standing fractus before the cloud", "fractus stands before the cloud"):
            stack = contextlib.AsyncExitStack()
            before = await stack.enter_async_context(_standing(options.scratch, theirs, session))
        async with stack, child.network_in(theirs) as network:
            direct = Side(theirs, *await child.flavor_and_image(theirs), network)
            await _one(before, theirs, before.database, "first")
            with progress.step(f"Making {number} servers each way", "The servers were made"):
                for at in range(number):
                    theirs_taken.append(await _one(direct, theirs, None, f"direct-{at}"))
                    ours_taken.append(await _one(before, theirs, before.database, f"ours-{at}"))
            with progress.step(
                f"Making the first server of {number} projects", "The first servers were made"
            ):
                firsts = [await _first(before, theirs, session) for _ in range(number)]
    return _report(ours_taken, theirs_taken, firsts)


async def _first(before: Ours, theirs: Endpoint, session: aiohttp.ClientSession) -> Taken:
    """The first server of a new project."""
    real = yaml.safe_load(Path(os.environ["FRACTUS_REAL_CLOUDS_YAML"]).read_text("utf-8"))["clouds"]
    admin, user = real[f"{child.CLOUD}-admin"]["auth"], real[child.CLOUD]["auth"]
    url = admin["auth_url"]
    boss = await _token(session, url, admin)
    async with first_use.project(session, url, boss, user["username"], user["password"]) as token:
        endpoint = dataclasses.replace(before.endpoint, token=token)
        async with first_use.network(endpoint) as network:
            side = before._replace(endpoint=endpoint, network=network)
            return await _one(side, dataclasses.replace(theirs, token=token), before.database, "new")


class Ours(NamedTuple):
    """As `Side`, and the store, where the cloud's ids are found."""

    endpoint: Endpoint
    flavor: str
    image: str
    network: str
    database: Path


async def _one(side: Side | Ours, cloud: Endpoint, database: Path | None, name: str) -> Taken:
    """Make a server, watch it become ACTIVE, delete it, and wait until it is gone."""
    body = server_body(f"overhead-{name}", side.flavor, side.image, side.network)
    began = time.monotonic()
    made = await side.endpoint.sends("POST", f"{side.endpoint.compute}/servers", body)
    accepted = time.monotonic() - began
    ours = f"{side.endpoint.compute}/servers/{made['server']['id']}"
    there = asyncio.create_task(_active_there(cloud, database, made["server"]["id"], began))
    here = await _active(side.endpoint, ours, began, _OUR_LOOK) if database else await there
    found = Taken(accepted, await there, here)
    await side.endpoint.call("DELETE", ours)
    while await _status(side.endpoint, ours):
        await asyncio.sleep(0.2)
    await asyncio.sleep(1.0)
    return found


async def _active_there(cloud: Endpoint, database: Path | None, id: str, began: float) -> float:
    """When the cloud says ACTIVE."""
    remote = id if database is None else await _remote_id(database, id)
    return await _active(cloud, f"{cloud.compute}/servers/{remote}", began, _THEIR_LOOK)


async def _remote_id(database: Path, id: str) -> str:
    while True:
        with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as db:
            row = db.execute(
                "SELECT remote_id FROM presence WHERE kind = 'server' AND id = ?", (id,)
            ).fetchone()
        if row and row[0]:
            return str(row[0])
        await asyncio.sleep(0.02)


async def _active(endpoint: Endpoint, url: str, began: float, look: float) -> float:
    while (status := await _status(endpoint, url)) != "ACTIVE":
        if status == "ERROR" or time.monotonic() - began > _WITHIN:
            raise TimeoutError(f"{url} is {status} after {time.monotonic() - began:.0f} s")
        await asyncio.sleep(look)
    return time.monotonic() - began


async def _status(endpoint: Endpoint, url: str) -> str:
    """Empty where it is not there any more."""
    headers = {"X-Auth-Token": endpoint.token, "OpenStack-API-Version": "compute 2.79"}
    async with endpoint.session.get(url, headers=headers) as answer:
        if answer.status == 404:
            return ""
        return str((await answer.json())["server"]["status"])


# --- fractus before the cloud ---------------------------------------------------------------------


@contextlib.asynccontextmanager
async def _standing(scratch: Path, theirs: Endpoint, session: aiohttp.ClientSession) -> AsyncIterator[Ours]:
    """`fractus up` with the cloud's own Keystone, and the cloud beneath it."""
    real = os.environ["FRACTUS_REAL_CLOUDS_YAML"]
    entry = yaml.safe_load(Path(real).read_text("utf-8"))["clouds"][f"{child.CLOUD}-admin"]
    state, port = scratch / "state", free_port()
    state.mkdir()
    url = entry["auth"]["auth_url"]
    (state / "fractus.toml").write_text(
        f'[keystone]\nmode = "external"\nurl = "{url}"\nregion = "{REGION}"\n'
        f'username = "{SERVICE}"\npassword = "{secrets.token_urlsafe(16)}"\n'
        f"[api]\nport = {port}\n[work]\nmetrics_port = {free_port()}\n[quota]\nunlimited = true\n"
    )
    credentials = ("--os-cloud", f"{child.CLOUD}-admin", "--clouds-yaml", real)
    await _fractus(state, "keystone", "register", *credentials)
    try:
        await _fractus(state, "up", "--detach", "--no-demo")
        try:
            await _fractus(state, "cloud", "add", child.CLOUD, *credentials)
            boss, ours = await _ours(f"http://127.0.0.1:{port}", theirs, session, entry["auth"], state)
            try:
                yield ours
            finally:
                await _tidy(boss, ours)
        finally:
            await _fractus(state, "down")
    finally:
        await _unregister(session, url, await _token(session, url, entry["auth"]))


async def _ours(
    root: str, theirs: Endpoint, session: aiohttp.ClientSession, admin: Mapping[str, Any], state: Path
) -> tuple[Endpoint, Ours]:
    """The administrator; and a flavor, an image, a network of the very user that asks the cloud directly."""
    auth_url = admin["auth_url"]
    token = await _token(session, auth_url, admin)
    compute, network, image = f"{root}/compute/v2.1", f"{root}/network", f"{root}/image"
    ours = Endpoint(session, compute, network, image, theirs.token, "2.79", theirs.processor)
    boss = Endpoint(session, compute, network, image, token, "2.79", theirs.processor)
    flavor = await boss.sends("POST", f"{compute}/flavors", {"flavor": _FLAVOR})
    body = {"name": "overhead", "disk_format": "raw", "container_format": "bare", "visibility": "public"}
    made = await boss.sends("POST", f"{image}/v2/images", body)
    headers = {"X-Auth-Token": token, "Content-Type": "application/octet-stream"}
    async with session.put(
        f"{image}/v2/images/{made['id']}/file", data=bytes(8192), headers=headers
    ) as answer:
        answer.raise_for_status()
    net = await ours.sends("POST", f"{network}/v2.0/networks", {"network": {"name": "overhead"}})
    subnet = {"network_id": net["network"]["id"], "ip_version": 4, "cidr": "10.97.0.0/16"}
    await ours.sends("POST", f"{network}/v2.0/subnets", {"subnet": subnet})
    return boss, Ours(ours, flavor["flavor"]["id"], made["id"], net["network"]["id"], state / "fractus.db")


async def _tidy(boss: Endpoint, ours: Ours) -> None:
    """Delete what servers were made with, and wait until the cloud has nothing of it any more."""
    await ours.endpoint.call("DELETE", f"{ours.endpoint.network}/v2.0/networks/{ours.network}")
    await boss.call("DELETE", f"{boss.image}/v2/images/{ours.image}")
    await boss.call("DELETE", f"{boss.compute}/flavors/{ours.flavor}")
    limit = time.monotonic() + _TIDY
    while time.monotonic() < limit:
        with contextlib.closing(sqlite3.connect(f"file:{ours.database}?mode=ro", uri=True)) as db:
            (left,) = db.execute(
                "SELECT count(*) FROM presence WHERE kind IN ('network', 'image', 'flavor')"
            ).fetchone()
        if not left:
            return
        await asyncio.sleep(0.5)


async def _fractus(state: Path, *words: str) -> None:
    """The command, over this state directory; nothing of another fractus or of a client is in its environment."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("FRACTUS_", "OS_"))}
    command = [sys.executable, "-m", "fractus", *words]
    run = await asyncio.create_subprocess_exec(
        *command, env={**kept, "FRACTUS_STATE": str(state)}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    said, _ = await run.communicate()
    if run.returncode:
        raise SystemExit(f"fractus {' '.join(words)}: {said.decode()}")


async def _token(session: aiohttp.ClientSession, url: str, auth: Mapping[str, Any]) -> str:
    domain = {"name": "Default"}
    user = {"name": auth["username"], "domain": domain, "password": auth["password"]}
    scope = {"project": {"name": auth["project_name"], "domain": domain}}
    body = {"auth": {"identity": {"methods": ["password"], "password": {"user": user}}, "scope": scope}}
    async with session.post(f"{url}/auth/tokens", json=body) as answer:
        answer.raise_for_status()
        return answer.headers["X-Subject-Token"]


async def _unregister(session: aiohttp.ClientSession, url: str, token: str) -> None:
    """Take our region, its endpoints and our user out of the cloud's Keystone again."""
    headers = {"X-Auth-Token": token}

    async def listed(path: str, what: str) -> list[dict[str, Any]]:
        async with session.get(f"{url}/{path}", headers=headers) as answer:
            found: list[dict[str, Any]] = (await answer.json())[what]
            return found

    gone = [f"endpoints/{one['id']}" for one in await listed(f"endpoints?region_id={REGION}", "endpoints")]
    gone += [f"regions/{REGION}"]
    gone += [f"users/{one['id']}" for one in await listed(f"users?name={SERVICE}", "users")]
    for path in gone:
        async with session.delete(f"{url}/{path}", headers=headers) as answer:
            await answer.read()


# --- what is shown --------------------------------------------------------------------------------


_LATE = (
    "a cloud does not say when it is done: the server is asked for by itself, a quarter of a second or twice what"
    " the last answer took after it (an eighth of its age, once that is more), so that it costs the cloud a third of"
    " one caller's time; on a busy machine answers take longer. Notifications of its broker would end the waiting."
)


def _report(ours: list[Taken], theirs: list[Taken], firsts: list[Taken]) -> Report:
    own = statistics.median(one.here for one in theirs)
    late = [(one.here - one.there) * 1000 for one in ours]
    accepted = [one.accepted * 1000 for one in ours]
    directly = [one.accepted * 1000 for one in theirs]
    rows = [
        Row(what="a create is accepted", unit="ms", values=accepted, at_most=30.0),
        Row(what="the cloud itself, asked directly, accepts it", unit="ms", values=directly),
        Row(
            what="ACTIVE here, after it is ACTIVE in the cloud",
            unit="ms",
            values=late,
            at_most=300.0,
            why=_LATE,
        ),
        Row(what="ACTIVE here, after it was asked for", unit="s", values=[one.here for one in ours]),
        Row(what="ACTIVE in the cloud, asked through fractus", unit="s", values=[one.there for one in ours]),
        Row(what="ACTIVE in the cloud, asked directly", unit="s", values=[one.here for one in theirs]),
        Row(
            what="a project's first server ACTIVE here, beyond the cloud's own time",
            unit="s",
            values=[one.here - own for one in firsts],
            at_most=3.0,
            why="its project, network, subnet, security group and port are made in the cloud one after the other where"
            " one needs the other; on a busy machine each takes longer.",
        ),
        Row(
            what="a later server ACTIVE here, beyond the cloud's own time",
            unit="s",
            values=[one.here - own for one in ours],
            at_most=0.3,
            why="the port is made before the server, which the cloud's own create does meanwhile.",
        ),
    ]
    return Report(
        title="What fractus adds to a create",
        about=f"A real cloud (Nova, Neutron, Glance, Keystone on this machine), otherwise idle; {len(ours)} servers"
        " through fractus and as many directly, in turns; each is deleted before the next. The cloud is looked at"
        f" every {_THEIR_LOOK * 1000:.0f} ms, which is how exactly its own ACTIVE is known.",
        rows=rows,
    )


def arguments(parser: argparse.ArgumentParser) -> None:
    """How many."""
    parser.add_argument("--creates", type=int, help="servers each way (5; --full: 20)")


if __name__ == "__main__":
    report.alone("overhead", run, arguments)
