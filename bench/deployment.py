"""fractus as it is deployed on one node: Keystone, several API processes, several workers, each a process of its own,
over a state directory that may be filled already; and tenants with projects and tokens of that Keystone.
"""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from fractus.auth.calls import Caller
from fractus.base import log as logging
from fractus.local.keystone import ADMIN, DEMO, EmbeddedKeystone
from fractus.local.processes import free_port
from fractus.local.progress import Progress
from fractus.local.supervisor import Program, Supervisor
from fractus.local.up import Up
from fractus.settings.loading import Settings, load

#: Tokens live for an hour; a new one is asked for after so many seconds.
_TOKEN_LIFE = 1500.0


class Tenant:
    """A user with a project of the same name; `token` is always a good one after `log_in`."""

    def __init__(self, keystone_url: str, name: str, password: str, project_id: str) -> None:
        self.name, self.project_id = name, project_id
        self.token = ""
        self._keystone_url, self._password = keystone_url, password
        self._since = float("-inf")

    async def log_in(self) -> None:
        """Get a token where there is none, or an old one."""
        if time.monotonic() - self._since > _TOKEN_LIFE:
            began = time.monotonic()
            async with Caller() as caller:
                await caller.log_in(self._keystone_url, self.name, self._password, self.name)
                self.token = caller.token
            self._since = began


class Urls(NamedTuple):
    """Where the services of an endpoint of ours are, with their versions."""

    compute: str
    network: str
    image: str


def urls_of(settings: Settings) -> Urls:
    """Those of the API that these settings are for."""
    root = settings.endpoint
    return Urls(f"{root}/compute/v2.1", f"{root}/network/v2.0", f"{root}/image/v2")


class Deployment:
    """What runs. `settings_given` are its settings, as a command line would give them."""

    def __init__(
        self,
        settings: Settings,
        supervisor: Supervisor,
        progress: Progress,
        settings_given: Mapping[str, Any],
    ) -> None:
        self.settings = settings
        self.compute, self.network, self.image = urls_of(settings)
        self.keystone = EmbeddedKeystone(settings)
        self._supervisor, self._progress, self._overrides = supervisor, progress, dict(settings_given)

    async def start_keystone(self) -> None:
        """Set it up, the first time, and start it."""
        with self._progress.step("Setting up Keystone", "Keystone runs"):
            self.keystone.configure()
            fresh = not self.keystone.prepared()
            if fresh:
                await self.keystone.set_up()
            await self._supervisor.start([self.keystone.program()])
            if fresh:
                await self.keystone.fill()

    async def tenant(self, name: str) -> Tenant:
        """A project, and a user of that name in it; new, or found there with a new password."""
        password, url = secrets.token_urlsafe(16), self.keystone.url
        async with Caller() as admin:
            await admin.log_in(url, ADMIN, self.keystone.passwords()["admin"], ADMIN)
            for project in (await admin.call("GET", f"{url}/projects?name={name}"))["projects"]:
                (user,) = (await admin.call("GET", f"{url}/users?name={name}"))["users"]
                await admin.call("PATCH", f"{url}/users/{user['id']}", {"user": {"password": password}})
                return Tenant(url, name, password, project["id"])
            project = (await admin.call("POST", f"{url}/projects", {"project": {"name": name}}))["project"]
            body = {"user": {"name": name, "password": password, "default_project_id": project["id"]}}
            user = (await admin.call("POST", f"{url}/users", body))["user"]
            for role in (await admin.call("GET", f"{url}/roles"))["roles"]:
                if role["name"] in ("member", "reader"):
                    place = f"{url}/projects/{project['id']}/users/{user['id']}/roles/{role['id']}"
                    await admin.call("PUT", place)
        return Tenant(url, name, password, project["id"])

    async def demo(self) -> Tenant:
        """The user that every Keystone of ours has from the beginning."""
        password = self.keystone.passwords()[DEMO]
        async with Caller() as caller:
            await caller.log_in(self.keystone.url, DEMO, password, DEMO)
            projects = (await caller.call("GET", f"{self.keystone.url}/auth/projects"))["projects"]
        own = next(project for project in projects if project["name"] == DEMO)
        return Tenant(self.keystone.url, DEMO, password, own["id"])

    def admin(self) -> Tenant:
        """The administrator."""
        return Tenant(self.keystone.url, ADMIN, self.keystone.passwords()["admin"], "")

    async def start_api(self) -> float:
        """Start the API; the seconds until it answered."""
        began = time.monotonic()
        with self._progress.step("Starting the API", "The API runs"):
            await self._supervisor.start([self._programs()[0]])
        return time.monotonic() - began

    async def start_workers(self, number: int) -> float:
        """Start workers; the seconds until they were ready."""
        began = time.monotonic()
        base = self._programs()[1]
        programs = [_another(base, index) for index in range(number)]
        with self._progress.step(f"Starting {number} workers", "They run"):
            await self._supervisor.start(programs)
        return time.monotonic() - began

    async def start(self, programs: list[Program]) -> None:
        """Start something beside it; it is stopped with the rest."""
        await self._supervisor.start(programs)

    def _programs(self) -> list[Program]:
        return Up(self.settings, self._progress, overrides=self._overrides, demo=True).own_programs()

    def leaders(self) -> dict[str, int]:
        """The process groups of all that runs, by name."""
        return {part.name: part.process.pid for part in self._supervisor.parts() if part.process is not None}

    def restarted(self) -> dict[str, int]:
        """What ended by itself and was started again, and how often."""
        return {part.name: part.restarts for part in self._supervisor.parts() if part.restarts}


def _another(base: Program, index: int) -> Program:
    """One of several workers: those after the first have another log, and leave the metrics page to it."""
    if not index:
        return base
    name = f"{base.name}-{index + 1}"
    environ = {**base.environ, "FRACTUS_WORK_METRICS_PORT": "0"}
    log = base.log.with_name(f"{name}.log")
    return Program(
        name=name,
        argv=base.argv,
        environ=environ,
        cwd=base.cwd,
        log=log,
        ready=base.ready,
        stop_within=base.stop_within,
    )


@contextlib.asynccontextmanager
async def deployed(
    directory: Path, progress: Progress, *, api_processes: int = 1, settings: Mapping[str, Any] | None = None
) -> AsyncIterator[Deployment]:
    """A deployment over `directory/state`; nothing runs yet. Everything is stopped at the end.

    `settings`: sections with more settings.
    """
    logging.configure("warning")
    settings_given: dict[str, dict[str, Any]] = {
        "api": {"port": free_port(), "workers": api_processes},
        "keystone": {"port": free_port()},
        "work": {"metrics_port": free_port()},
        "quota": {"unlimited": True},
        # Load alone decides: benches spread the servers of one network over all clouds.
        "scheduling": {"network_affinity": "off"},
    }
    for section, fields in (settings or {}).items():
        settings_given[section] = {**settings_given.get(section, {}), **fields}
    loaded = load(directory / "state", overrides=settings_given, environ={})
    loaded.log_dir.mkdir(parents=True, exist_ok=True)
    async with Supervisor(say=progress.warn) as supervisor:
        yield Deployment(loaded, supervisor, progress, settings_given)
