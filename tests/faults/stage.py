"""Everything that runs in the fault suite, as processes: fractus on one node, and the children behind their proxies.

    tenants -> API processes -> store <- workers -> proxy -> child (fractus over a simulated cloud)

Each process leads a group of its own, so that it is killed, stopped and continued as a whole. All of them die with the
suite.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import sys
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import aiohttp

from fractus.app import wiring
from fractus.operations import adoption, cloud_rows
from fractus.operations.parts import OperatorParts
from fractus.reconcile.adopt import adopt
from fractus.settings.loading import load
from tests.faults.identity import Identity, id_of
from tests.faults.launch import set_clock
from tests.faults.own import Own
from tests.faults.proxy import Proxy
from tests.faults.shortages import Limited, sorts
from tools.ports import free_port

#: Seconds that a call to a child may take, and that its proxy knows callers to wait.
CALL_TIMEOUT = 5.0

#: The external network of every child.
PUBLIC = "public"

#: Seconds in which a process answers, also on a machine that has far too much to do.
_START = 240.0


class Keystone(Protocol):
    """Who knows users: the suite's own, or a real one."""

    url: str

    async def token(self, user: str, project: str) -> str:
        """A token for somebody in a project, by names."""
        ...


class Badly(Protocol):
    """A program that may be treated badly."""

    async def start(self) -> None:
        """Start it, unless it runs."""
        ...

    async def kill(self) -> None:
        """SIGKILL, to all of it."""
        ...

    async def end(self) -> None:
        """SIGTERM, and wait for its end."""
        ...

    def pause(self) -> None:
        """SIGSTOP."""
        ...

    def resume(self) -> None:
        """SIGCONT."""
        ...

    def jump(self, seconds: float) -> None:
        """Its wall clock is so far ahead from now on."""
        ...


class TooLate(Exception):
    """The run is over before an accident began, because it had to wait for others."""


class Process:
    """One process (and what it starts) that the suite may treat badly."""

    def __init__(self, name: str, role: str, directory: Path, environ: Mapping[str, str], port: int) -> None:
        self.name = name
        self.port = port
        self.paused = False
        self._role = role
        self._log = directory / f"{name}.log"
        self.clock = directory / f"{name}.clock"
        self._environ = {**environ, "FAULTS_CLOCK": str(self.clock)}
        self._process: asyncio.subprocess.Process | None = None
        set_clock(self.clock, 0.0)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def runs(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def start(self) -> None:
        """Start it, unless it runs."""
        if self.runs:
            return
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "tests.faults.launch",
                self._role,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._environ,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """Of the leader of its group; 0 where it does not run."""
        return self._process.pid if self._process is not None and self.runs else 0

    def _signal(self, number: int) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)

    async def kill(self) -> None:
        """SIGKILL, to all of it."""
        self._signal(signal.SIGKILL)
        self.paused = False
        if self._process is not None:
            await self._process.wait()
            self._signal(signal.SIGKILL)
            self._process = None

    async def end(self) -> None:
        """SIGTERM, and SIGKILL for what is left after some seconds."""
        self.resume()
        self._signal(signal.SIGTERM)
        if self._process is not None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), 15.0)
        await self.kill()

    def pause(self) -> None:
        self.paused = True
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self.paused = False
        self._signal(signal.SIGCONT)

    def jump(self, seconds: float) -> None:
        """Its wall clock is so far ahead from now on."""
        set_clock(self.clock, seconds)


class Child:
    """One child: its process, its files, the proxy before it and the Keystone that it believes."""

    def __init__(self, name: str, process: Process, state: Path, proxy: Proxy, identity: Keystone) -> None:
        self.name = name
        self.process = process
        self.proxy = proxy
        self.identity = identity
        self._state = state
        self._backup = state.with_name(state.name + ".backup")
        self.backup_at = 0.0

    @property
    def url(self) -> str:
        """Past the proxy."""
        return self.process.url

    @property
    def records(self) -> Path:
        """The file of the simulated cloud at the very bottom."""
        return self._state / "simulated" / f"{self.name}-below.sqlite"

    def back_up(self) -> None:
        """Copy all its files at one moment, as a backup of its machine would."""
        self.process.pause()
        try:
            shutil.rmtree(self._backup, ignore_errors=True)
            shutil.copytree(self._state, self._backup)
            self.backup_at = time.time()
        finally:
            self.process.resume()

    async def restore(self) -> float:
        """Forget everything since the last backup; the moment of that backup."""
        await self.process.kill()
        shutil.rmtree(self._state)
        shutil.copytree(self._backup, self._state)
        await self.process.start()
        return self.backup_at


class Stage:
    """All of it."""

    def __init__(
        self,
        directory: Path,
        seed: int,
        *,
        children: Mapping[str, str],
        apis: int = 2,
        workers: int = 2,
        environ: Mapping[str, str] | None = None,
        full_sweep: float = 15.0,
        host: str = "127.0.0.1",
    ) -> None:
        """`children`: name -> `shared` or `own` identity. `environ`: more settings of fractus (a store, a broker).
        `host`: where the children, that is their proxies and Keystones, are found by workers.
        """
        self.directory = directory
        self.seed = seed
        self.state = directory / "state"
        self._kinds = dict(children)
        self.more = dict(environ or {})
        self._full_sweep = full_sweep
        self._ports = [free_port() for _ in range(3 * len(children) + apis + 1)]
        self._host = host
        self.identity: Keystone
        self.password = "faults"
        """Of our own user, in every Keystone."""
        self.children: dict[str, Child] = {}
        self.apis: dict[str, Badly] = {}
        self.workers: dict[str, Badly] = {}
        self.accidents: Mapping[str, Own] = {}
        """Sorts that only this stage has."""
        self.wrongs: list[str] = []
        """Promises that were seen broken while it raged, as sentences that begin with the promise."""
        self.by_hand: Counter[str] = Counter()
        """What had to be mended as an operator would."""
        self.over = False
        """No accident begins any more."""
        self.limited: Mapping[str, Limited] = {}
        """Our processes, as what they may have can be limited."""
        self._keystones: list[Identity] = []
        self._tokens: dict[str, str] = {}
        self._counts = (apis, workers)

    @property
    def urls(self) -> list[str]:
        """Where tenants find the API."""
        return [one.url for one in self.apis.values() if isinstance(one, Process)]

    @property
    def processes(self) -> dict[str, Badly]:
        """Ours, by name: API processes and workers."""
        return {**self.apis, **self.workers}

    async def start(self) -> None:
        """Children first, then ours."""
        self.directory.mkdir(parents=True, exist_ok=True)
        proxies = {name: self._ports.pop() for name in self._kinds}
        regions = {name: f"http://{self._host}:{port}" for name, port in proxies.items()}
        self.identity = await self._meet_keystone(regions)
        for name, identity in self._kinds.items():
            await self._add_child(name, identity, proxies[name], regions[name])
        await asyncio.gather(*(child.process.start() for child in self.children.values()))
        await self._make_ours()
        for process in self.processes.values():
            await process.start()
        await self._all_answer()

    async def _all_answer(self) -> None:
        """Wait until API and children do."""
        await asyncio.gather(
            *(_answers(url) for url in [*self.urls, *(child.url for child in self.children.values())])
        )

    async def _meet_keystone(self, regions: Mapping[str, str]) -> Keystone:
        """The Keystone of our users, in whose catalog the children are: region -> base URL."""
        return await self._own_keystone(regions)

    async def _own_keystone(self, regions: Mapping[str, str]) -> Identity:
        identity = Identity(regions)
        await identity.start(self._ports.pop(), self._host)
        self._keystones.append(identity)
        return identity

    async def _add_child(self, name: str, kind: str, proxy_port: int, url: str) -> None:
        identity = self.identity if kind == "shared" else await self._own_keystone({name: url})
        port = self._ports.pop()
        state = self.directory / f"child-{name}"
        environ = self._environ(state, port, identity.url, f"child-{name}")
        # As an operator gives the project that we work in: what a tenant may have is for us to say.
        environ["FRACTUS_QUOTA_UNLIMITED"] = "true"
        outside = {PUBLIC: f"198.18.{len(self.children)}.0/24"}
        await _prepare(
            environ, clouds={f"{name}-below": {"boot_seconds": 1.5, "hosts": 40, "external": outside}}
        )
        proxy = Proxy(name, self.seed, patience=CALL_TIMEOUT, host=self._host)
        await proxy.start(proxy_port, port)
        process = Process(f"child-{name}", "child", self.directory, environ, port)
        self.children[name] = Child(name, process, state, proxy, identity)

    async def _make_ours(self) -> None:
        apis, workers = self._counts
        environ = await self._add_clouds()
        for number in range(apis):
            port = self._ports.pop()
            name = f"api{number + 1}"
            mine = {**environ, "FRACTUS_API_PORT": str(port)}
            self.apis[name] = Process(name, "api", self.directory, mine, port)
        for number in range(workers):
            name = f"worker{number + 1}"
            self.workers[name] = Process(name, "worker", self.directory, environ, 0)
        self.limited = {
            name: Limited(lambda one=one: one.pid)  # type: ignore[misc]
            for name, one in self.processes.items()
            if isinstance(one, Process)
        }
        self.accidents = sorts(self.limited)

    async def _add_clouds(self) -> dict[str, str]:
        """Make the children known in our store; the environment of our processes."""
        environ = self._environ(self.state, 1, self.identity.url, "fractus") | self.more
        rows = {}
        for child in self.children.values():
            auth = {
                "auth_url": child.identity.url,
                "username": "fractus",
                "password": self.password,
                "project_name": "service",
                "user_domain_name": "Default",
                "project_domain_name": "Default",
            }
            rows[child.name] = {"auth_type": "password", "auth": auth, "region_name": child.name}
        settings = {"connect_timeout": 2.0, "call_timeout": CALL_TIMEOUT, "max_calls": 8}
        await _prepare(environ, entries=rows, identities=self._kinds, settings=settings)
        return environ

    def _environ(self, state: Path, port: int, keystone: str, region: str) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("OS_", "FRACTUS_"))}
        root = str(Path(__file__).parents[2])
        return kept | {
            "PYTHONPATH": os.pathsep.join(filter(None, [root, kept.get("PYTHONPATH", "")])),
            "PYTHONUNBUFFERED": "1",
            "FRACTUS_STATE": str(state),
            "FRACTUS_API_PORT": str(port),
            "FRACTUS_KEYSTONE_MODE": "external",
            "FRACTUS_KEYSTONE_URL": keystone,
            "FRACTUS_KEYSTONE_REGION": region,
            "FRACTUS_KEYSTONE_PASSWORD": self.password,
            "FRACTUS_WORK_METRICS_PORT": "0",
            "FRACTUS_WORK_FULL_SWEEP_INTERVAL": str(self._full_sweep),
            "FRACTUS_LOG_LEVEL": "warning",
        }

    async def take_external(self) -> None:
        """The children's external networks, of one name, are one of ours."""
        parts = await wiring.operator_parts(self.settings())
        try:
            for name in self.children:
                await take_external(parts, name)
        finally:
            await parts.close()

    async def token(self, tenant: str) -> str:
        """What a tenant calls with now; ask before each call, for it may be another one later."""
        if tenant not in self._tokens:
            self._tokens[tenant] = await self.identity.token(tenant, project_of(tenant))
        return self._tokens[tenant]

    def project(self, tenant: str) -> str:
        """The id of a tenant's project."""
        return id_of("project", project_of(tenant))

    def settings(self) -> Any:
        """Ours, to look into the store with."""
        environ = self._environ(self.state, 1, self.identity.url, "fractus") | self.more
        return load(self.state, environ=environ)

    async def heal(self) -> None:
        """Everything runs, answers and tells the right time again."""
        for child in self.children.values():
            await child.proxy.clear()
        everyone: list[Badly] = [
            *self.processes.values(),
            *(child.process for child in self.children.values()),
        ]
        for limited in self.limited.values():
            limited.lift()
        for process in everyone:
            process.jump(0.0)
            process.resume()
            await process.start()
        await self._all_answer()

    async def close(self) -> None:
        """Stop everything."""
        for process in [*self.processes.values(), *(child.process for child in self.children.values())]:
            await process.kill()
        for child in self.children.values():
            await child.proxy.close()
        for identity in self._keystones:
            await identity.close()


def project_of(tenant: str) -> str:
    """The name of a tenant's project."""
    return "admin" if tenant == "admin" else f"project-{tenant}"


async def _prepare(
    environ: Mapping[str, str],
    *,
    clouds: Mapping[str, Mapping[str, Any]] | None = None,
    entries: Mapping[str, Mapping[str, Any]] | None = None,
    identities: Mapping[str, str] | None = None,
    settings: Mapping[str, Any] | None = None,
) -> None:
    """Make a store with its clouds in it: simulated ones, or OpenStack clouds by their entries."""
    parts = await wiring.operator_parts(load(Path(environ["FRACTUS_STATE"]), environ=environ))
    try:
        for name, shape in (clouds or {}).items():
            await cloud_rows.add(
                parts.store,
                parts.vault,
                name=name,
                driver="simulated",
                identity="shared",
                settings=shape,
                auth={},
            )
        for name, entry in (entries or {}).items():
            await cloud_rows.add(
                parts.store, parts.vault, name=name, driver="openstack", identity=(identities or {})[name],
                settings=settings or {}, auth=entry,
            )  # fmt: skip
        for name in clouds or {}:
            await take_external(parts, name)
    finally:
        await parts.close()


async def take_external(parts: OperatorParts, cloud: str) -> None:
    """Take over the external networks that a cloud has, as its operator does."""
    _, child = await adoption.child_of(parts, cloud)
    found = await adopt.survey(child, parts.adoptions)
    report = await adopt.adopt(parts, found, adopt.IdentityMapping(), only=adoption.external_networks(found))
    assert not report.conflicts, report.conflicts


async def _answers(url: str) -> None:
    """Wait until an API answers there."""
    until = time.monotonic() + _START
    async with aiohttp.ClientSession() as session:
        while True:
            try:
                async with session.get(f"{url}/compute/", timeout=aiohttp.ClientTimeout(total=5)) as answer:
                    if answer.status < 500:
                        return
            except (aiohttp.ClientError, TimeoutError, OSError):
                pass
            if time.monotonic() > until:
                raise TimeoutError(f"nothing answers at {url}")
            await asyncio.sleep(0.2)
