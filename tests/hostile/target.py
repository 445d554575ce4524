"""The fractus that is attacked: `fractus up --no-demo` in a directory of its own, on free ports of the loopback."""

from __future__ import annotations

import asyncio
import ctypes
import dataclasses
import os
import signal
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp

from fractus.auth.calls import Caller
from fractus.local import running
from fractus.local.keystone import ADMIN
from fractus.local.keystone_catalog import Catalog, User
from fractus.settings.loading import load
from fractus.settings.loading import secrets as passwords
from tools.ports import free_port

#: Seconds for everything to start and to stop, on a machine with too much to do.
_START, _STOP = 240.0, 60.0

#: Where bystanders and attackers connect from: a limit per address of the peer must tell them apart.
BYSTANDER, ATTACKER = "127.0.0.1", "127.0.0.2"

_PASSWORD = "hostile-suite"


@dataclasses.dataclass(frozen=True)
class Tenant:
    """A user with the roles member and reader in a project, both of the same name."""

    name: str
    url: str
    """The API's."""
    keystone: str
    """Keystone's, with /v3."""

    @property
    def login(self) -> dict[str, Any]:
        """The body of `POST /v3/auth/tokens`."""
        domain = {"name": "Default"}
        user = {"name": self.name, "domain": domain, "password": _PASSWORD}
        scope = {"project": {"name": self.name, "domain": domain}}
        return {"auth": {"identity": {"methods": ["password"], "password": {"user": user}}, "scope": scope}}

    async def token(self, session: aiohttp.ClientSession) -> str:
        """A new token."""
        async with session.post(f"{self.keystone}/auth/tokens?nocatalog=1", json=self.login) as answer:
            if answer.status != 201:
                raise RuntimeError(f"Keystone answered {answer.status} to a login of {self.name}.")
            return answer.headers["X-Subject-Token"]


class Target:
    """One fractus. Start it once, close it in any case."""

    def __init__(self, directory: Path, settings: Mapping[str, str], *, disk: int = 0) -> None:
        """`directory` holds its state, logs and home; `settings` are more environment variables. `disk`: MiB of a file
        system for the state alone; 0: none.
        """
        self._disk = disk
        self._mounted = False
        self.directory = directory
        self.state = directory / "state"
        self._environ = _clean(directory) | {"FRACTUS_STATE": str(self.state)} | dict(settings)
        self._process: asyncio.subprocess.Process | None = None
        self.url = ""
        self.keystone = ""

    async def start(self) -> None:
        """Start everything, and make two tenants: `bystander` and `mallory`."""
        self.state.mkdir(parents=True, exist_ok=True)
        if self._disk:
            await _call(
                "mount", "-t", "tmpfs", "-o", f"size={self._disk}m,mode=700", "tmpfs", str(self.state)
            )
            self._mounted = True
        port, keystone = free_port(), free_port()
        self.url, self.keystone = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{keystone}/v3"
        with (self.directory / "up.log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "fractus", "up", "--no-demo", "--log-level", "warning"),
                *("--port", str(port), "--keystone-port", str(keystone)),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._environ,
                start_new_session=True,
                preexec_fn=_end_with_parent,
            )
        await self._ready()
        await self._make_tenants()

    async def _ready(self) -> None:
        assert self._process is not None
        run_dir = load(self.state, environ=self._environ).run_dir
        until = time.monotonic() + _START
        while True:
            if self._process.returncode is not None or time.monotonic() > until:
                said = (self.directory / "up.log").read_text("utf-8", "replace")[-2000:]
                raise RuntimeError(f"fractus did not start:\n{said}")
            record = running.read(run_dir)
            if record is not None and record.ready:
                return
            await asyncio.sleep(0.1)

    async def _make_tenants(self) -> None:
        users = [User(name, _PASSWORD, name, ("member", "reader")) for name in ("bystander", "mallory")]
        async with Caller() as caller:
            await caller.log_in(self.keystone, ADMIN, passwords(self.state)["admin"], ADMIN)
            region = load(self.state, environ=self._environ).keystone.region
            await Catalog(caller, self.keystone).fill(users, region, self.url, services=())

    def tenant(self, name: str) -> Tenant:
        """`bystander` or `mallory`."""
        return Tenant(name, self.url, self.keystone)

    def pids(self) -> dict[str, int]:
        """The processes by name: `supervisor`, `keystone`, `api`, `worker`. To be looked at in /proc."""
        record = running.read(load(self.state, environ=self._environ).run_dir)
        assert record is not None
        found = {"supervisor": record.supervisor.pid}
        return found | {part.name: part.process.pid for part in record.parts if part.process is not None}

    async def close(self) -> None:
        """Stop all of it."""
        try:
            await self._stop()
        finally:
            if self._mounted:
                # Lazily: whatever may still look into it must not keep it.
                await _call("umount", "--lazy", str(self.state))

    async def _stop(self) -> None:
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(process.wait(), _STOP)
        except TimeoutError:
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()


async def mounts() -> bool:
    """Whether a file system of one's own can be mounted here."""
    with tempfile.TemporaryDirectory(prefix="fractus-hostile-") as place:
        try:
            await _call("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", place)
        except (OSError, RuntimeError):
            return False
        await _call("umount", place)
        return True


async def _call(*argv: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *argv, stdin=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
    )
    _, said = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"{argv[0]} failed: {said.decode(errors='replace').strip()}")


def session(address: str = BYSTANDER, *, seconds: float = 60.0, **more: Any) -> aiohttp.ClientSession:
    """Connections from an address of the loopback, without a limit of their own; a request may take `seconds`."""
    connector = aiohttp.TCPConnector(limit=0, local_addr=(address, 0), **more)
    return aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=seconds))


def _clean(directory: Path) -> dict[str, str]:
    """Our environment without settings of another fractus; the clouds.yaml of the user is left alone."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OS_", "FRACTUS_"))}
    root = str(Path(__file__).parents[2])
    return kept | {
        "PYTHONPATH": os.pathsep.join(filter(None, [root, kept.get("PYTHONPATH", "")])),
        "XDG_CONFIG_HOME": str(directory / "config"),
        "FRACTUS_WORK_METRICS_PORT": "0",
    }


def _end_with_parent() -> None:
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG
