"""One simulated OpenStack: a fractus over one simulated cloud, with a Keystone beside it, all in this process."""

from __future__ import annotations

import asyncio
import secrets
from pathlib import Path
from typing import Any

from fractus.base.clock import Clock
from fractus.clouds.simulated.cloud import SimulatedCloud
from fractus.operations import cloud_rows
from fractus.reconcile.machine import Pace
from fractus.simulation import INSIDE
from fractus.simulation.node import NEVER, Node
from fractus.simulation.pulse import Pulse
from fractus.store import clouds
from fractus.store.holds import OPEN

#: Nobody else notifies, and nothing is lost between two parts of one process: it looks by itself almost never.
_PACE = Pace(poll=600.0, sweep=NEVER, sweep_busy=NEVER, inventory=NEVER, drain=2.0, lease=600.0)

#: Before a process was killed its last sweep may not have been written: so much is looked at again. Seconds.
_BEFORE = 60.0


class Child(Node):
    """One cloud. `start` it before it is called, and `close` it."""

    def __init__(self, directory: Path, name: str, url: str, hosts: int, clock: Clock) -> None:
        """`hosts`: how many it has."""
        super().__init__(directory, name, url, clock)
        self._hosts = hosts
        self.inside: SimulatedCloud
        self.pulse: Pulse

    def found(self, password: str = "") -> None:
        """Make its administrator, the first time."""
        if self.identity.empty:
            self.identity.found(password or secrets.token_urlsafe(24))

    async def start(self) -> None:
        """Open everything; it may be called from then on."""
        self.open()
        await self._know_inside()
        await self.parts.children.refresh(self.parts.store)
        inside = self.parts.children.get(INSIDE)
        assert isinstance(inside, SimulatedCloud)
        self.inside = inside
        self.work(_PACE)
        self.pulse = Pulse(self.worker.machine, inside, self._last_change())
        self.tasks.append(asyncio.create_task(self.pulse.run()))

    async def _know_inside(self) -> None:
        """The row of the cloud below; where a state directory was moved or copied, it is changed."""
        store, vault = self.parts.store, self.parts.vault
        given: dict[str, Any] = {"hosts": self._hosts, "path": str(records_of(self.directory))}
        known = await clouds.fetch(store, INSIDE)
        if known is None:
            settings = {"weight": 1.0, **given}
            await cloud_rows.add(
                store, vault, name=INSIDE, driver="simulated", identity="shared", settings=settings, auth={}
            )
            async with store.transaction() as tx:
                # The pulse sweeps it; it has answered, and will.
                await clouds.hold(tx, INSIDE, OPEN, unswept=True)
                await clouds.record_sweep(tx, INSIDE, {})
        elif any(known.settings.get(name) != value for name, value in given.items()):
            await cloud_rows.change(store, vault, INSIDE, settings=given)

    def _last_change(self) -> float:
        try:
            return min(records_of(self.directory).stat().st_mtime, self.clock.now()) - _BEFORE
        except FileNotFoundError:
            return self.clock.now() - _BEFORE


def records_of(directory: Path) -> Path:
    """The file of what is in the simulated cloud below a child."""
    return directory / "simulated" / f"{INSIDE}.sqlite"
