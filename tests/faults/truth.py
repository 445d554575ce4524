"""What is, by everybody who knows: our API, each child's own API (past its proxy), and the stores themselves."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
from sqlalchemy import select

from fractus.app import wiring
from fractus.quota.recount import recount
from fractus.store import findings
from fractus.store.schema import PRESENCE, WORK
from fractus.store.transaction import Query
from tests.faults import declared
from tests.faults.stage import Child, Stage

Documents = dict[str, list[dict[str, Any]]]

_LISTINGS = {
    "server": ("/compute/v2.1/servers/detail?all_tenants=1&limit=500", "servers"),
    "flavor": ("/compute/v2.1/flavors/detail?is_public=None&limit=500", "flavors"),
    "network": ("/network/v2.0/networks", "networks"),
    "subnet": ("/network/v2.0/subnets", "subnets"),
    "port": ("/network/v2.0/ports", "ports"),
    "group": ("/network/v2.0/security-groups", "security_groups"),
    "image": ("/image/v2/images?limit=500", "images"),
    **{name: (declared.ROOTS[name], kind.collection) for name, kind in declared.KINDS.items()},
    **{
        name: (f"{declared.ROOTS[name]}/detail?all_tenants=1&limit=500", declared.KINDS[name].collection)
        for name in declared.STORED
    },
    "reservation": ("/volume/v3/attachments?all_tenants=1&limit=500", "attachments"),
}
_COMPUTE_QUOTAS = ("instances", "cores", "ram")
_NETWORK_QUOTAS = ("network", "subnet", "port", "security_group", "security_group_rule", *declared.COUNTED)
_STORAGE_QUOTAS = ("volumes", "gigabytes", "snapshots", "backups", "backup_gigabytes")
_OWN = {
    "keypair": ("/compute/v2.1/os-keypairs", "keypairs"),
    "volume_type": ("/volume/v3/types?is_public=None", "volume_types"),
}


class Held(NamedTuple):
    """A presence as our store has it."""

    kind: str
    id: str
    cloud: str
    remote_id: str | None
    wanted: bool
    state: str
    error: str
    memory: dict[str, Any]


class Truth(NamedTuple):
    """Everything at one moment of rest."""

    api: Documents
    keypairs: dict[str, list[str]]
    """Tenant -> names."""
    children: dict[str, Documents]
    held: list[Held]
    used: dict[str, dict[str, int]]
    """Project -> resource -> how many of it the quotas say are used."""
    boots: dict[str, dict[str, int]]
    """Cloud -> id of a server there -> how often it began to run, from the very bottom."""
    recounted: list[tuple[str, str, str]] = []
    """(project, resource, what) where a recount finds another number than is held."""
    orphans: frozenset[tuple[str, str, str]] = frozenset()
    """(kind of a presence, cloud, id there) of what operators are shown as an orphan."""
    doubled: Mapping[tuple[str, str], int] = {}
    """(kind, cloud) -> how many creates of the kind its network delivered twice, of kinds of block storage."""


async def listed(url: str, token: str, paths: dict[str, tuple[str, str]]) -> Documents:
    """All documents of each kind, page by page."""
    found: Documents = {}
    async with aiohttp.ClientSession() as session:
        for kind, (path, key) in paths.items():
            items: list[dict[str, Any]] = []
            while True:
                mark = f"&marker={items[-1]['id']}" if items else ""
                page = (await _get(session, url + path + mark, token))[key]
                items += page
                if len(page) < 500 or "limit" not in path:
                    break
            found[kind] = items
    # What servers have is shown with their volumes.
    if "reservation" in found:
        found["reservation"] = [one for one in found["reservation"] if one["status"] == "reserved"]
    return found


async def _get(session: aiohttp.ClientSession, url: str, token: str) -> Any:
    version = "volume 3.71" if "/volume/" in url else "compute 2.79"
    headers = {"X-Auth-Token": token, "OpenStack-API-Version": version}
    for last in (False, False, True):
        try:
            async with session.get(url, headers=headers, timeout=aiohttp.ClientTimeout(total=30)) as answer:
                answer.raise_for_status()
                return await answer.json()
        except (aiohttp.ClientError, TimeoutError):
            if last:
                raise
            await asyncio.sleep(1.0)
    raise AssertionError


async def of_child(child: Child) -> Documents:
    """What a child has, by its own API."""
    token = await child.identity.token("fractus", "service")
    found = await listed(child.url, token, _LISTINGS)
    keys = await listed(child.url, token, _OWN)
    found["keypair"] = [one["keypair"] for one in keys["keypair"]]
    found["volume_type"] = keys["volume_type"]
    return found


def boots_of(records: Path) -> dict[str, int]:
    """How often each server began to run, from the file of the simulated cloud below a child; by the child's id."""
    with sqlite3.connect(f"file:{records}?mode=ro", uri=True) as db:
        rows = [
            json.loads(doc) for (doc,) in db.execute("SELECT doc FROM thing WHERE kind='server' AND gone=0")
        ]
    return {row.get("marker", ""): len(row.get("boots", [])) for row in rows}


async def learn(stage: Stage, tenants: dict[str, str]) -> Truth:
    """Ask everybody. `tenants`: name -> token."""
    url = stage.urls[0]
    admin = await stage.identity.token("admin", "admin")
    keypairs, used = {}, {}
    async with aiohttp.ClientSession() as session:
        for name, token in tenants.items():
            keys = await _get(session, f"{url}/compute/v2.1/os-keypairs", token)
            keypairs[name] = [one["keypair"]["name"] for one in keys["keypairs"]]
            project = stage.project(name)
            reported = await _get(session, f"{url}/compute/v2.1/os-quota-sets/{project}/detail", admin)
            used[project] = {what: reported["quota_set"][what]["in_use"] for what in _COMPUTE_QUOTAS}
            reported = await _get(session, f"{url}/network/v2.0/quotas/{project}/details", admin)
            used[project] |= {what: reported["quota"][what]["used"] for what in _NETWORK_QUOTAS}
            reported = await _get(session, f"{url}/volume/v3/os-quota-sets/{project}?usage=true", admin)
            used[project] |= {what: reported["quota_set"][what]["in_use"] for what in _STORAGE_QUOTAS}
    children = {name: await of_child(child) for name, child in stage.children.items()}
    boots = {name: boots_of(child.records) for name, child in stage.children.items()}
    api = await listed(url, admin, _LISTINGS)
    doubled = {
        (kind, name): child.proxy.doubled[declared.KINDS[kind].collection]
        for name, child in stage.children.items()
        for kind in declared.STORED
    }
    return Truth(
        api,
        keypairs,
        children,
        await _held(stage),
        used,
        boots,
        await _recounted(stage),
        await _orphans(stage),
        doubled,
    )


_presences = Query(
    select(
        PRESENCE.c.kind, PRESENCE.c.id, PRESENCE.c.cloud, PRESENCE.c.remote_id, PRESENCE.c.wanted, PRESENCE.c.state,
        PRESENCE.c.error, PRESENCE.c.memory,
    )
)  # fmt: skip
_work = Query(
    select(
        WORK.c.kind, WORK.c.id, WORK.c.cloud, WORK.c.due_at, WORK.c.attempts, WORK.c.claimed_by, WORK.c.waits_on,
        WORK.c.reason,
    )
)  # fmt: skip


async def _recounted(stage: Stage) -> list[tuple[str, str, str]]:
    parts = wiring.core(stage.settings())
    try:
        return [
            (one.owner, one.name, f"{one.held} are held, a recount finds {one.counted}")
            async for found in recount(parts.store, parts.quota, dry_run=True)
            for one in found
        ]
    finally:
        await parts.close()


async def _held(stage: Stage) -> list[Held]:
    parts = wiring.core(stage.settings())
    try:
        rows = await parts.store.rows(_presences)
    finally:
        await parts.close()
    return [
        Held(kind, id, cloud, remote, bool(wanted), state, error, json.loads(memory))
        for kind, id, cloud, remote, wanted, state, error, memory in rows
    ]


async def _orphans(stage: Stage) -> frozenset[tuple[str, str, str]]:
    parts = wiring.core(stage.settings())
    try:
        found = await findings.page(parts.store, {"what": findings.ORPHAN}, limit=10_000)
    finally:
        await parts.close()
    return frozenset((one.kind, one.cloud, one.remote_id) for one in found)


async def pending(stage: Stage) -> list[str]:
    """Work that is under way, has failed, or is due within a minute: nothing rests while there is any."""
    parts = wiring.core(stage.settings())
    try:
        now = parts.now()
        return [
            f"{kind} {id} in {cloud or '(whole)'}: due in {due - now:.0f} s, {attempts} failures,"
            f" waits on {on or 'nothing'}: {reason}"
            for kind, id, cloud, due, attempts, by, on, reason in await parts.store.rows(_work)
            # A port is looked at for a while in case its cloud binds it yet: that of a server that is off stays so.
            if by or attempts or (due <= now + 30.0 and "has not bound it" not in reason)
        ]
    finally:
        await parts.close()
