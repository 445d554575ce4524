"""fractus as `fractus up` runs it (Keystone, API under Granian), over a filled store, without a worker.

Without a worker, because the copied servers are in no cloud: a sweep would find them missing.
"""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from rich.console import Console

from bench.filling import Filled, Plan, filled, keep, seen_until
from bench.load import Endpoint, Processor, connections
from fractus.auth.calls import Caller
from fractus.base import log as logging
from fractus.local.keystone import ADMIN, DEMO, EmbeddedKeystone
from fractus.local.processes import free_port
from fractus.local.progress import Progress
from fractus.local.supervisor import Supervisor
from fractus.local.up import Up
from fractus.services import compute
from fractus.settings.loading import Settings, load
from fractus.simulation.ids import PROJECTS

#: A project with few servers, beside one with very many: the first one of the tail.
SMALL = "small"


class Stand(NamedTuple):
    """What stands, and what is in it."""

    endpoint: Endpoint
    """As a user of project 1."""
    filled: Filled
    plan: Plan
    small: Endpoint
    """As a user of a project with few servers, where the plan has one."""
    admin: Endpoint
    settings: Settings
    pid: int
    """Of the API's first process, which leads the group of the others."""
    ready_after: float
    """Seconds that the API took to start."""


@contextlib.asynccontextmanager
async def stand(
    directory: Path,
    servers: int,
    progress: Progress,
    *,
    plan: Plan | None = None,
    overrides: dict[str, dict[str, Any]] | None = None,
) -> AsyncIterator[Stand]:
    """Stand it up in a directory, and stop it at the end. The store has `servers` servers of the project demo alone;
    or it is filled as `plan` says, unless the directory holds that already, and demo is the plan's project 1.
    `overrides`: settings beside those that a bench needs.
    """
    logging.configure("warning")
    settings_given: dict[str, dict[str, Any]] = {
        "api": {"port": free_port()},
        "keystone": {"port": free_port()},
        "work": {"metrics_port": 0},
        "quota": {"unlimited": True},
        # Load alone decides: benches spread the servers of one network over all clouds.
        "scheduling": {"network_affinity": "off"},
    }
    for section, given in (overrides or {}).items():
        settings_given[section] = {**settings_given.get(section, {}), **given}
    settings = load(directory / "state", overrides=settings_given, environ={})
    settings.log_dir.mkdir(parents=True, exist_ok=True)
    keystone = EmbeddedKeystone(settings)
    api = Up(settings, progress, overrides=settings_given, demo=True).own_programs()[0]
    async with Supervisor(say=progress.warn) as supervisor, connections() as session:
        with progress.step("Setting up Keystone", "Keystone runs"):
            keystone.configure()
            await keystone.set_up()
            await supervisor.start([keystone.program()])
            await keystone.fill()
            tokens, projects = await _log_in(keystone)
        if plan is None:
            plan = Plan(servers=servers, clouds=2, alone=True)
        plan = msgspec.structs.replace(plan, projects={1: projects[DEMO], PROJECTS + 1: projects[SMALL]})
        with progress.step(f"Filling the store with {plan.total} servers", "The store is filled"):
            await keep(directory, plan)
        # No sweep runs here that would say it: the clouds have answered, and will have for a day.
        seen_until(directory / "state" / "fractus.db", time.time() + 86400.0)
        began = time.monotonic()
        with progress.step("Starting the API", "The API runs"):
            await supervisor.start([api])
        ready = time.monotonic() - began
        process = supervisor.parts()[-1].process
        assert process is not None
        ours = Endpoint(
            session,
            f"{settings.endpoint}/compute/v2.1",
            f"{settings.endpoint}/network",
            f"{settings.endpoint}/image",
            tokens[DEMO],
            str(compute.RANGE.max),
            Processor([process.pid]),
        )
        small, admin = (dataclasses.replace(ours, token=tokens[who]) for who in (SMALL, ADMIN))
        yield Stand(ours, filled(), plan, small, admin, settings, process.pid, ready)


async def _log_in(keystone: EmbeddedKeystone) -> tuple[dict[str, str], dict[str, str]]:
    """Tokens of the user demo for the projects demo and small, and of the admin; and the ids of those projects."""
    passwords, url = keystone.passwords(), keystone.url
    async with Caller() as caller:
        await caller.log_in(url, ADMIN, passwords[ADMIN], ADMIN)
        tokens = {ADMIN: caller.token}
        projects = {
            one["name"]: one["id"] for one in (await caller.call("GET", f"{url}/projects"))["projects"]
        }
        if SMALL not in projects:
            body = {"project": {"name": SMALL, "domain_id": "default"}}
            projects[SMALL] = (await caller.call("POST", f"{url}/projects", body))["project"]["id"]
        (user,) = (await caller.call("GET", f"{url}/users?name={DEMO}"))["users"]
        (role,) = (await caller.call("GET", f"{url}/roles?name=member"))["roles"]
        place = f"{url}/projects/{projects[SMALL]}/users/{user['id']}/roles/{role['id']}"
        await caller.call("PUT", place)
        for project in (DEMO, SMALL):
            await caller.log_in(url, DEMO, passwords[DEMO], project)
            tokens[project] = caller.token
    return tokens, projects


def said() -> Progress:
    """Progress on standard error: the table alone goes to standard output."""
    return Progress(Console(stderr=True))
