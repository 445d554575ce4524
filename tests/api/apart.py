"""Real processes of fractus for tests, with a token for each of two people and no Keystone: `apart.py api PORT|work`.

They share nothing but the state directory, which FRACTUS_STATE names.
"""

from __future__ import annotations

import asyncio
import signal
import sys

import uvicorn

from fractus.app import wiring
from fractus.auth.principal import Principal
from fractus.auth.projects import AnyProject
from fractus.base import log as logging
from fractus.model.cloud import HOME, Scope
from fractus.model.errors import Unauthorized
from fractus.notify import node
from fractus.reconcile.machine import Pace
from fractus.settings.loading import load

PROJECT = "5" * 32


def _person(name: str, *roles: str) -> Principal:
    return Principal(
        user_id=name * 8,
        user_name=name,
        user_domain_id="default",
        user_domain_name="Default",
        project_id=PROJECT if name == "anna" else "6" * 32,
        project_name=name,
        project_domain_id="default",
        project_domain_name="Default",
        roles=frozenset(roles),
        is_admin="admin" in roles,
    )


PEOPLE = {"anna": _person("anna", "member", "reader"), "root": _person("root", "admin", "member", "reader")}


class Tokens:
    """The token of everybody is their name."""

    async def check(self, token: str, peer: str = "") -> Principal:
        if token not in PEOPLE:
            raise Unauthorized("The request you have made requires authentication.")
        return PEOPLE[token]


async def _scope_of(project_id: str) -> Scope:
    return Scope(project_id, "anna") if project_id else HOME


def api(port: int) -> None:
    app = wiring.api(wiring.core(load(), crowded=True), Tokens(), AnyProject())
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning", lifespan="off")


async def work() -> None:
    notifier = node.LocalNotifier()
    core = wiring.core(load(), notifier=notifier)
    await core.children.refresh(core.store)
    worker = wiring.worker(core, notifier, _scope_of, Pace(lease=3.0, sweep=0.5, sweep_busy=0.2))
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await worker.run(stop)


if __name__ == "__main__":
    logging.configure("warning")
    if sys.argv[1] == "api":
        api(int(sys.argv[2]))
    else:
        asyncio.run(work())
