"""The embedded Keystone as it is: the real one, started once for this file in a directory of its own."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sqlite3
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from keystoneauth1 import loading, session

from fractus.app.keystone_limits import KeystoneLimits
from fractus.auth.calls import Caller, CallFailed
from fractus.auth.tokens import ServiceCredential
from fractus.base.clock import SystemClock
from fractus.local import keystone_setup
from fractus.local.keystone import EmbeddedKeystone
from fractus.local.keystone_catalog import SERVICES
from fractus.local.processes import group, memory
from fractus.local.supervisor import StartFailed, Supervisor
from fractus.quota.unified import UnifiedLimits
from fractus.settings import loading as settings_module
from fractus.settings.loading import Settings
from tools.ports import free_port

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]


def settings_of(state: Path, **api: Any) -> Settings:
    overrides = {"api": {"port": 1, **api}, "keystone": {"port": free_port()}}
    settings_module.remember(state, overrides)
    return settings_module.load(state, environ={})


async def bring_up(supervisor: Supervisor, keystone: EmbeddedKeystone) -> float:
    """Start it as `fractus up` does; the seconds that it took."""
    began = time.monotonic()
    keystone.configure()
    prepared = keystone.prepared()
    if not prepared:
        await keystone.set_up()
    await supervisor.start([keystone.program()])
    if not prepared:
        await keystone.fill()
    return time.monotonic() - began


def cpu_seconds(pids: list[int]) -> float:
    """What processes have spent of the CPU, however long they had to wait for it."""
    spent = 0
    for pid in pids:
        after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        spent += int(after_name[11]) + int(after_name[12])
    return spent / os.sysconf("SC_CLK_TCK")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def keystone(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EmbeddedKeystone]:
    # A dollar in the path: the configuration format would take it for a substitution.
    settings = settings_of(tmp_path_factory.mktemp("state$"))
    embedded = EmbeddedKeystone(settings)
    async with Supervisor(say=print) as supervisor:
        took = await bring_up(supervisor, embedded)
        process = supervisor.parts()[0].process
        assert process is not None
        mib = memory(group(process.pid)) / 2**20
        print(f"first start of Keystone: {took:.1f} s, {mib:.0f} MiB")
        yield embedded


async def log_in(keystone: EmbeddedKeystone, name: str, **scope: str) -> Any:
    """A keystoneauth session of a user, as clients make it, off the event loop."""
    password = keystone.passwords()[{"fractus": "service"}.get(name, name)]
    plugin = loading.get_plugin_loader("password").load_from_options(
        auth_url=keystone.url,
        username=name,
        password=password,
        user_domain_name="Default",
        project_domain_name="Default",
        **(scope or {"project_name": name}),
    )
    found = session.Session(auth=plugin)
    access = await asyncio.to_thread(plugin.get_access, found)
    return found, access


async def test_the_demo_user_is_a_plain_member_of_its_project(keystone: EmbeddedKeystone) -> None:
    _, access = await log_in(keystone, "demo")
    assert (access.project_name, set(access.role_names)) == ("demo", {"member", "reader"})


async def test_the_service_user_may_check_tokens(keystone: EmbeddedKeystone) -> None:
    _, demo = await log_in(keystone, "demo")
    service, access = await log_in(keystone, "fractus", project_name="service")
    assert {"admin", "service"} <= set(access.role_names)
    headers = {"X-Subject-Token": demo.auth_token}
    answer = await asyncio.to_thread(service.get, f"{keystone.url}/auth/tokens", headers=headers)
    assert answer.json()["token"]["user"]["name"] == "demo"


async def test_the_catalog_is_one_region_with_what_fractus_serves(keystone: EmbeddedKeystone) -> None:
    _, access = await log_in(keystone, "demo")
    catalog = access.service_catalog
    assert set(catalog.get_endpoints()) == {"identity", *(service.type for service in SERVICES)}
    for interface in ("public", "internal", "admin"):
        found = {
            kind: catalog.url_for(service_type=kind, interface=interface, region_name="fractus")
            for kind in ("identity", "compute", "network", "image", "block-storage", "volumev3")
        }
        assert found == {
            "identity": keystone.url,
            "compute": "http://127.0.0.1:1/compute/v2.1",
            "network": "http://127.0.0.1:1/network",
            "image": "http://127.0.0.1:1/image",
            "block-storage": "http://127.0.0.1:1/volume/v3",
            "volumev3": "http://127.0.0.1:1/volume/v3",
        }


async def test_a_wrong_password_is_refused(keystone: EmbeddedKeystone) -> None:
    async with Caller() as caller:
        with pytest.raises(CallFailed) as caught:
            await caller.log_in(keystone.url, "demo", "wrong", "demo")
    assert caught.value.status == 401


async def test_a_revoked_token_is_refused_at_once_whatever_is_cached(keystone: EmbeddedKeystone) -> None:
    async with Caller() as admin, Caller() as demo:
        await admin.log_in(keystone.url, "admin", keystone.passwords()["admin"], "admin")
        await demo.log_in(keystone.url, "demo", keystone.passwords()["demo"], "demo")
        await demo.call("GET", f"{keystone.url}/auth/projects")
        users = await admin.call("GET", f"{keystone.url}/users?name=demo")
        user = f"{keystone.url}/users/{users['users'][0]['id']}"
        await admin.call("PATCH", user, {"user": {"enabled": False}})
        with pytest.raises(CallFailed) as caught:
            await demo.call("GET", f"{keystone.url}/auth/projects")
        await admin.call("PATCH", user, {"user": {"enabled": True}})
    assert caught.value.status in {401, 404}


async def test_nobody_else_can_read_what_it_keeps(keystone: EmbeddedKeystone) -> None:
    assert keystone.directory.stat().st_mode & 0o077 == 0
    kept = [path for path in keystone.directory.rglob("*") if path.is_file()]
    assert {"keystone.db", "secrets.json", "keystone.conf", "0", "1"} <= {path.name for path in kept}
    assert [path for path in kept if path.stat().st_mode & 0o077] == []
    for path in kept:
        if path.name not in {"secrets.json", "keystone.db", "keystone.db-wal"}:
            assert not any(word.encode() in path.read_bytes() for word in keystone.passwords().values()), path


async def test_filling_again_changes_nothing(keystone: EmbeddedKeystone) -> None:
    async def everything() -> dict[str, Any]:
        async with Caller() as admin:
            await admin.log_in(keystone.url, "admin", keystone.passwords()["admin"], "admin")
            kinds = ("projects", "users", "roles", "regions", "services", "endpoints", "role_assignments")
            return {kind: (await admin.call("GET", f"{keystone.url}/{kind}"))[kind] for kind in kinds}

    before = await everything()
    await keystone.fill()
    assert await everything() == before


async def test_a_second_start_is_quick_and_later_ones_mend_what_moved_or_was_lost(tmp_path: Path) -> None:
    first = EmbeddedKeystone(settings_of(tmp_path), demo=False)
    async with Supervisor(say=print) as supervisor:
        await bring_up(supervisor, first)
        with pytest.raises(CallFailed):
            async with Caller() as caller:
                await caller.log_in(first.url, "demo", first.passwords()["demo"], "demo")
    again = EmbeddedKeystone(settings_module.load(tmp_path, environ={}), demo=False)
    assert again.prepared()
    async with Supervisor(say=print) as supervisor:
        took = await bring_up(supervisor, again)
        process = supervisor.parts()[0].process
        assert process is not None
        busy = cpu_seconds(group(process.pid))
        print(f"second start of Keystone: {took:.1f} s, {busy:.1f} s of them busy")
        assert busy < 10  # two on an idle machine
        await log_in(again, "admin")
    old = first.passwords()
    (first.directory / "secrets.json").unlink()
    moved = EmbeddedKeystone(settings_of(tmp_path, port=2), demo=True)
    assert not moved.prepared()
    async with Supervisor(say=print) as supervisor:
        await bring_up(supervisor, moved)
        assert not set(moved.passwords().values()) & set(old.values())
        for name, project in (("admin", "admin"), ("demo", "demo"), ("fractus", "service")):
            _, access = await log_in(moved, name, project_name=project)
            catalog = access.service_catalog
            assert catalog.url_for(service_type="compute") == "http://127.0.0.1:2/compute/v2.1"
            assert catalog.url_for(service_type="identity") == moved.url
            assert len(catalog.get_endpoints()["identity"]) == 3


async def test_a_set_up_that_fails_says_why(tmp_path: Path) -> None:
    keystone = EmbeddedKeystone(settings_of(tmp_path))
    keystone.configure()
    (keystone.directory / "keystone.db").write_bytes(b"this is no database" * 100)
    with pytest.raises(StartFailed, match="Keystone's database could not be set up") as caught:
        await keystone.set_up()
    assert "not a database" in str(caught.value)
    assert not keystone.prepared()
    json.loads((keystone.directory / "secrets.json").read_text())


async def test_limits_are_read_from_keystone_by_our_names(keystone: EmbeddedKeystone) -> None:
    await keystone.fill()
    limits = UnifiedLimits({"port": 7})
    credential = ServiceCredential(
        auth_url=keystone.url,
        username="fractus",
        password=keystone.passwords()["service"],
        user_domain="Default",
        project="service",
        project_domain="Default",
    )
    reader = KeystoneLimits(credential, "fractus", limits, SystemClock(), every=0.0)
    async with Caller() as admin:
        await admin.log_in(keystone.url, "admin", keystone.passwords()["admin"], "")
        services = (await admin.call("GET", f"{keystone.url}/services"))["services"]
        (compute,) = [one["id"] for one in services if one["type"] == "compute"]
        users = (await admin.call("GET", f"{keystone.url}/projects?name=demo"))["projects"]
        project = users[0]["id"]
        defaults = [("servers", 10, None), ("class:VCPU", 20, None), ("servers", 11, "fractus")]
        registered = [
            {"service_id": compute, "resource_name": name, "default_limit": limit, "region_id": region}
            for name, limit, region in defaults
        ]
        await admin.call("POST", f"{keystone.url}/registered_limits", {"registered_limits": registered})
        own = {
            "service_id": compute,
            "resource_name": "class:VCPU",
            "resource_limit": 3,
            "project_id": project,
        }
        await admin.call("POST", f"{keystone.url}/limits", {"limits": [own]})
    await reader.refresh_if_due()
    assert await limits.defaults(_NOWHERE) == {"port": 7, "instances": 11, "cores": 20}
    assert await limits.shown(_NOWHERE, project) == {"port": 7, "instances": 11, "cores": 3}
    assert limits.family(project) == "", "the model is flat unless an operator says otherwise"


_NOWHERE: Any = None


async def test_a_database_that_is_held_open_can_be_read_on_a_full_disk(tmp_path: Path) -> None:
    config = tmp_path / "keystone.conf"
    database = tmp_path / "$database.db"
    config.write_text(f"[database]\nconnection = sqlite:///{str(database).replace('$', '$$')}\n")
    beside = [Path(f"{database}-{name}") for name in ("wal", "shm")]
    with contextlib.closing(sqlite3.connect(database)) as one:
        one.execute("PRAGMA journal_mode=WAL")
        one.execute("CREATE TABLE note (id INTEGER)")
    assert [path.exists() for path in beside] == [False, False]
    held = keystone_setup.held_open(str(config))
    assert held is not None
    with contextlib.closing(held):
        for _ in range(2):
            # What a request opens and closes leaves there what reading needs.
            with contextlib.closing(sqlite3.connect(database)) as one:
                assert one.execute("SELECT count(*) FROM note").fetchone() == (0,)
            assert [path.exists() for path in beside] == [True, True]
    config.write_text("[database]\nconnection = mysql+pymysql://k:p@db/keystone\n")
    assert keystone_setup.held_open(str(config)) is None
    assert keystone_setup.held_open("") is None
