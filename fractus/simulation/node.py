"""One fractus in this process: API, worker and Keystone over a store of its own. What its clouds are, others say."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry

from fractus.app import wiring
from fractus.auth.vault import Vault
from fractus.base.clock import Clock
from fractus.notify.node import LocalNotifier
from fractus.reconcile.machine import Pace
from fractus.reconcile.queue.loop import Worker
from fractus.settings.loading import Settings, load
from fractus.simulation import IDENTITY
from fractus.simulation.identity import Identity
from fractus.simulation.identity_api import application as identity_application
from fractus.store import opening
from fractus.store.migrate import upgrade
from fractus.store.sqlite import SqliteStore

#: Longer than anything runs. Seconds.
NEVER = 1e9

#: Pages of a store that are kept in memory. KiB.
_CACHE = 2048

#: An empty store, beside the directories of all nodes.
_BLANK = "blank.db"


class Node:
    """A fractus that answers at `url`. `open` it before it is called, `work` for its worker, and `close` it."""

    def __init__(self, directory: Path, name: str, url: str, clock: Clock) -> None:
        """`directory` holds all that is its own, `name` is also its region."""
        self.name = name
        self.url = url
        self.directory = directory
        self.clock = clock
        self.notifier = LocalNotifier()
        self.parts: wiring.Core
        self.worker: Worker
        self.tasks: list[asyncio.Task[None]] = []
        self.is_model = False
        """What is made here is copied into other nodes."""
        self._stop = asyncio.Event()
        self._api: Any = None
        self._keystone: Any = None
        directory.mkdir(parents=True, exist_ok=True)
        self.identity = Identity(directory / "identity.json", name, url, clock)

    def settings(self) -> Settings:
        """All that it is given."""
        return load(
            self.directory,
            overrides={
                "api": {"public_endpoint": self.url},
                "keystone": {"mode": "external", "url": f"{self.url}{IDENTITY}/v3"},
                "quota": {"unlimited": True},
                # It is notified of every change below it, so what it shows is never stale.
                "work": {"stale_after": NEVER},
            },
            environ={},
        )

    def open(self) -> None:
        """Open the store and build what is over it."""
        settings = self.settings()
        vault = _prepared(settings)
        store = opening.open_store(settings.store.url, self.clock)
        assert isinstance(store, SqliteStore)
        store.relax(_CACHE)
        self.parts = wiring.Core(settings, store, vault, self.clock, self.notifier, CollectorRegistry())
        if self.is_model:
            # What is copied into many clouds must not say that it is one and the same.
            self.parts.children.nameless()
        self._api = wiring.api(self.parts, self.identity, self.identity)
        self._keystone = identity_application(self.identity)

    def work(self, pace: Pace) -> None:
        """Have its worker run."""
        self.worker = wiring.worker(self.parts, self.notifier, self.identity.scope_of, pace)
        self.tasks.append(asyncio.create_task(self.worker.run(self._stop)))

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """ASGI."""
        if scope["path"].startswith(IDENTITY):
            await self._keystone(scope, receive, send)
        else:
            await self._api(scope, receive, send)

    async def close(self) -> None:
        """Finish what is under way, and release everything."""
        self._stop.set()
        if self.tasks:
            working, *others = self.tasks
            await asyncio.wait([working])
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)
        if self._api is not None:
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
