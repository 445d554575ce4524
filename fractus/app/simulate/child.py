"""One simulated OpenStack: a fractus over one simulated cloud, with a Keystone beside it, all in this process."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import shutil
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry

from fractus.app import cloud_rows, wiring
from fractus.app import simulate_ids as ids
from fractus.app.bell import LocalBell
from fractus.app.settings import Settings, load
from fractus.app.simulate import IDENTITY, INSIDE
from fractus.app.simulate.identity import Identity
from fractus.app.simulate.identity_api import application as identity_application
from fractus.app.simulate.plan import Plan
from fractus.app.simulate.pulse import Pulse
from fractus.auth.vault import Vault
from fractus.base.clock import Clock
from fractus.clouds.simulated.cloud import SimulatedCloud
from fractus.reconcile.machine import Pace
from fractus.store import clouds, opening
from fractus.store.brakes import OPEN
from fractus.store.migrate import upgrade
from fractus.store.sqlite import SqliteStore

#: Longer than anything runs. Seconds.
_NEVER = 1e9

#: Nobody else rings, and nothing is lost between two parts of one process: it looks by itself almost never.
_PACE = Pace(poll=600.0, sweep=_NEVER, sweep_busy=_NEVER, inventory=_NEVER, drain=2.0, lease=600.0)

#: Pages of a store that are kept in memory. KiB.
_CACHE = 2048

#: An empty store, in the directory of the whole.
_BLANK = "blank.db"

#: Before a process was killed its last sweep may not have been written: so much is looked at again. Seconds.
_BEFORE = 60.0


class Child:
    """One cloud. `start` it before it is called, and `close` it."""

    def __init__(self, state: Path, plan: Plan, cloud: int, clock: Clock) -> None:
        """`state` is the directory of the whole simulation."""
        self.name = ids.cloud_name(cloud)
        self.number = cloud
        self.plan = plan
        self.url = plan.url_of(cloud)
        self.directory = state / self.name
        self._clock = clock
        self._running: list[asyncio.Task[None]] = []
        self._stop = asyncio.Event()
        self.directory.mkdir(exist_ok=True)
        self.identity = Identity(self.directory / "identity.json", self.name, self.url, clock)

    @property
    def shelf(self) -> Path:
        """The file of what is in the simulated cloud below."""
        return self.directory / "simulated" / f"{INSIDE}.sqlite"

    def settings(self) -> Settings:
        """Of the fractus in it."""
        return load(
            self.directory,
            overrides={
                "api": {"public_endpoint": self.url},
                "keystone": {"mode": "external", "url": f"{self.url}{IDENTITY}/v3"},
                "quota": {"unlimited": True},
                # It is told of every change, so what it shows is never stale.
                "work": {"stale_after": _NEVER},
            },
            environ={},
        )

    def found(self, password: str = "") -> None:
        """Make its administrator, the first time."""
        if self.identity.empty:
            self.identity.found(password or secrets.token_urlsafe(24))

    async def start(self) -> None:
        """Open everything; it may be called from then on."""
        settings = self.settings()
        vault = _prepared(settings)
        bell = LocalBell()
        store = opening.open_store(settings.store.url, self._clock)
        assert isinstance(store, SqliteStore)
        store.relax(_CACHE)
        self.parts = wiring.Core(settings, store, vault, self._clock, bell, CollectorRegistry())
        await self._know_inside()
        await self.parts.children.refresh(store)
        inside = self.parts.children.get(INSIDE)
        assert isinstance(inside, SimulatedCloud)
        self.inside = inside
        self.worker = wiring.worker(self.parts, bell, self.identity.scope_of, _PACE)
        self.pulse = Pulse(self.worker.machine, inside, self._last_change())
        self._api = wiring.api(self.parts, self.identity)
        self._keystone = identity_application(self.identity)
        self._running = [
            asyncio.create_task(self.worker.run(self._stop)),
            asyncio.create_task(self.pulse.run()),
        ]

    async def _know_inside(self) -> None:
        store = self.parts.store
        if await clouds.fetch(store, INSIDE) is not None:
            return
        shape = {"hosts": self.plan.hosts, "path": str(self.shelf)}
        await cloud_rows.add(
            store,
            self.parts.vault,
            name=INSIDE,
            driver="simulated",
            identity="shared",
            settings={"weight": 1.0, **shape},
            auth={},
        )
        async with store.transaction() as tx:
            # The pulse sweeps it; it has answered, and will.
            await clouds.brake(tx, INSIDE, OPEN, unswept=True)
            await clouds.seen(tx, INSIDE, {})

    def _last_change(self) -> float:
        try:
            return min(self.shelf.stat().st_mtime, self._clock.now()) - _BEFORE
        except FileNotFoundError:
            return self._clock.now() - _BEFORE

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """ASGI."""
        if scope["path"].startswith(IDENTITY):
            await self._keystone(scope, receive, send)
        else:
            await self._api(scope, receive, send)

    async def close(self) -> None:
        """Finish what is under way, and let go of everything."""
        self._stop.set()
        if self._running:
            working, beating = self._running
            await asyncio.wait([working])
            beating.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await beating
            await self.parts.close()


def _prepared(settings: Settings) -> Vault:
    path, blank = opening.path_of(settings.store.url), settings.state_dir.parent / _BLANK
    if not path.exists() and blank.exists():
        shutil.copyfile(blank, path)
    upgrade(settings.store.url, migrate=True)
    if not blank.exists():
        # All begin alike: the others need not be migrated one by one.
        fresh = blank.with_name(f"{blank.name}.{settings.state_dir.name}")
        shutil.copyfile(path, fresh)
        fresh.replace(blank)
    Path(settings.images.directory).mkdir(parents=True, exist_ok=True)
    return Vault.load(Path(settings.auth.key_file), create=True)
