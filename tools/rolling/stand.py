"""API processes and workers as in a deployment, on loopback: one store, HAProxy in front, simulated clouds behind.

Keystone is a few lines that know two tokens: what is restarted here is fractus.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp
from aiohttp import web

from tools.ports import free_port

#: Tokens that the stand's Keystone knows, and the roles of their users.
TOKENS = {"member-token": ["member", "reader"], "admin-token": ["admin", "member", "reader"]}
_READY_WITHIN = 180.0

_MAKE_CLOUDS = """
import asyncio, sys
from fractus.app import wiring
try:
    from fractus.operations import cloud_rows
    from fractus.settings.loading import load
except ImportError:  # the older version had them elsewhere
    from fractus.app import cloud_rows
    from fractus.app.settings import load

async def make():
    core = wiring.core(load())
    for name in sys.argv[1:]:
        await cloud_rows.add(
            core.store, core.vault, name=name, driver="simulated", identity="shared", settings={}, auth={}
        )
    await core.close()

asyncio.run(make())
"""

_HAPROXY = """
global
    maxconn 500

defaults
    mode http
    option redispatch
    retries 3
    timeout connect 3s
    timeout check 2s
    timeout client 60s
    timeout server 60s
    timeout http-keep-alive 60s
    default-server inter {check}ms fastinter {check}ms downinter {check}ms fall 2 rise 2

frontend api
    bind 127.0.0.1:{port}
    default_backend api

# As `fractus deploy render` writes it: a read may be asked again elsewhere, a change never is.
backend api
    balance leastconn
    option httpchk
    http-check send meth GET uri /healthcheck ver HTTP/1.1 hdr Host api
    http-check expect status 200
    retry-on conn-failure empty-response junk-response 503
    http-request disable-l7-retry unless {{ method GET HEAD }}
"""


def why_not() -> str:
    """Empty where the stand can be built; else the reason."""
    return "" if shutil.which("haproxy", path=f"{os.environ['PATH']}:/usr/sbin") else "there is no haproxy"


class Program:
    """One process of fractus, that can be stopped and started again, of this code or another's."""

    def __init__(self, stand: Stand, name: str, command: str, environ: Mapping[str, str]) -> None:
        self.stand = stand
        self.name = name
        self.command = command
        self.environ = dict(environ)
        self.process: asyncio.subprocess.Process | None = None

    async def start(self, code: Path | None = None) -> None:
        """Start it; `code`: a checkout to take instead of this one."""
        log = self.stand.directory / f"{self.name}.log"
        with log.open("ab") as out:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "fractus", "--debug", self.command,
                env={**os.environ, "PYTHONPATH": str(code or Path(__file__).parents[2]), **self.environ},
                cwd=code or self.stand.directory, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
            )  # fmt: skip

    async def stop(self, within: float = 60.0) -> int:
        """SIGTERM, and wait; its exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(within):
            return await self.process.wait()

    def kill(self) -> None:
        """SIGKILL, if it runs. Its own children end with their pipe to it."""
        if self.process is not None and self.process.returncode is None:
            self.process.kill()


class Stand:
    """See the module. Settings of fractus may be given as environment variables."""

    def __init__(
        self,
        directory: Path,
        *,
        apis: int = 2,
        workers: int = 2,
        clouds: int = 2,
        notice: float = 1.5,
        settings: Mapping[str, str] | None = None,
        balancer: bool = True,
        code: Path | None = None,
    ) -> None:
        """`notice`: seconds that HAProxy gets to see that a process is about to go; `balancer`: whether it runs;
        `code`: a checkout to begin with, instead of this one.
        """
        self._balancer = balancer
        self._code = code
        self.directory = directory
        self.clouds = [chr(ord("a") + number) for number in range(clouds)]
        self.port = free_port()
        self._keystone_port = free_port()
        self._notice = notice
        self._runner: web.AppRunner | None = None
        self._haproxy: asyncio.subprocess.Process | None = None
        self.common = {
            "FRACTUS_STATE": str(directory),
            "FRACTUS_KEYSTONE_MODE": "external",
            "FRACTUS_KEYSTONE_URL": f"http://127.0.0.1:{self._keystone_port}/v3",
            "FRACTUS_API_PUBLIC_ENDPOINT": f"http://127.0.0.1:{self.port}",
            "FRACTUS_API_DRAIN_NOTICE": str(notice),
            "FRACTUS_WORK_METRICS_PORT": "0",
            "FRACTUS_LOG_LEVEL": "info",
            "FRACTUS_QUOTA_UNLIMITED": "true",
            **(settings or {}),
        }
        self.ports = [free_port() for _ in range(apis)]
        self.apis = [
            Program(self, f"api{number}", "serve", {**self.common, "FRACTUS_API_PORT": str(port)})
            for number, port in enumerate(self.ports)
        ]
        self.workers = [Program(self, f"worker{number}", "work", self.common) for number in range(workers)]

    @property
    def url(self) -> str:
        """The one endpoint."""
        return f"http://127.0.0.1:{self.port}"

    async def __aenter__(self) -> Self:
        """Start everything and wait until it answers; what was started ends where that fails."""
        try:
            await self._start()
        except BaseException as error:
            await self.__aexit__(type(error), error, None)
            raise
        return self

    async def _start(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        await self._start_keystone()
        await self._make_clouds()
        for program in [*self.apis, *self.workers]:
            await program.start(self._code)
        for number in range(len(self.apis)):
            await self.healthy(number)
        if self._balancer:
            await self._start_haproxy()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End everything."""
        programs = [program for program in [*self.apis, *self.workers] if program.process is not None]
        for program in programs:
            if program.process is not None and program.process.returncode is None:
                program.process.send_signal(signal.SIGTERM)
        for program in programs:
            try:
                async with asyncio.timeout(30.0):
                    await program.process.wait()  # type: ignore[union-attr]
            except TimeoutError:
                program.kill()
        if self._haproxy is not None and self._haproxy.returncode is None:
            self._haproxy.kill()
            await self._haproxy.wait()
        if self._runner is not None:
            await self._runner.cleanup()

    async def restart(self, program: Program, code: Path | None = None) -> float:
        """Stop one and start it again; the seconds until it had stopped."""
        began = asyncio.get_running_loop().time()
        await program.stop()
        took = asyncio.get_running_loop().time() - began
        await program.start(code)
        if program in self.apis:
            await self.healthy(self.apis.index(program))
            # The balancer believes it when it has seen it twice.
            await asyncio.sleep(self._notice)
        return took

    async def healthy(self, number: int) -> None:
        """Wait until an API process answers its health check."""
        async with asyncio.timeout(_READY_WITHIN), aiohttp.ClientSession() as http:
            while True:
                process = self.apis[number].process
                if process is not None and process.returncode is not None:
                    raise RuntimeError(f"api{number} ended:\n{self.log(f'api{number}')}")
                try:
                    async with http.get(f"http://127.0.0.1:{self.ports[number]}/healthcheck") as answer:
                        if answer.status == 200:
                            return
                except aiohttp.ClientError:
                    pass
                await asyncio.sleep(0.1)

    def log(self, name: str) -> str:
        """The end of a program's log."""
        path = self.directory / f"{name}.log"
        return path.read_text(errors="replace")[-4000:] if path.exists() else ""

    async def _make_clouds(self) -> None:
        # In a process of its own: it may be another checkout's code that makes the store.
        making = await asyncio.create_subprocess_exec(
            sys.executable, "-c", _MAKE_CLOUDS, *self.clouds, cwd=self._code or self.directory,
            env={**os.environ, "PYTHONPATH": str(self._code or Path(__file__).parents[2]), **self.common},
        )  # fmt: skip
        if await making.wait():
            raise RuntimeError("the clouds could not be made")

    async def _start_haproxy(self) -> None:
        text = _HAPROXY.format(port=self.port, check=max(200, int(self._notice * 1000 / 5)))
        for number, port in enumerate(self.ports):
            text += f"    server api{number} 127.0.0.1:{port} check\n"
        path = self.directory / "haproxy.cfg"
        path.write_text(text)
        program = shutil.which("haproxy", path=f"{os.environ['PATH']}:/usr/sbin")
        assert program is not None
        with (self.directory / "haproxy.log").open("ab") as out:
            self._haproxy = await asyncio.create_subprocess_exec(
                program, "-db", "-f", str(path), stdout=out, stderr=out, stdin=subprocess.DEVNULL
            )
        async with asyncio.timeout(_READY_WITHIN), aiohttp.ClientSession() as http:
            while True:
                try:
                    async with http.get(f"{self.url}/healthcheck") as answer:
                        if answer.status == 200:
                            return
                except aiohttp.ClientError:
                    pass
                await asyncio.sleep(0.1)

    # ------------------------------------------------------------------ as much of Keystone as this needs

    async def _start_keystone(self) -> None:
        app = web.Application()
        app.router.add_post("/v3/auth/tokens", self._log_in)
        app.router.add_get("/v3/auth/tokens", self._check)
        app.router.add_get("/v3/projects/{id}", self._project)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._keystone_port).start()

    async def _log_in(self, request: web.Request) -> web.Response:
        token = _token("admin", TOKENS["admin-token"])
        return web.json_response({"token": token}, status=201, headers={"X-Subject-Token": "admin-token"})

    async def _check(self, request: web.Request) -> web.Response:
        roles = TOKENS.get(request.headers.get("X-Subject-Token", ""))
        if roles is None:
            return web.json_response({"error": {"message": "no such token", "code": 404}}, status=404)
        return web.json_response({"token": _token("admin" if "admin" in roles else "ann", roles)})

    async def _project(self, request: web.Request) -> web.Response:
        id = request.match_info["id"]
        return web.json_response({"project": {"id": id, "name": id, "domain_id": "default"}})


def _token(name: str, roles: list[str]) -> dict[str, Any]:
    domain = {"id": "default", "name": "Default"}
    return {
        "user": {"id": f"u-{name}", "name": name, "domain": domain},
        "project": {"id": f"p-{name}", "name": name, "domain": domain},
        "roles": [{"id": f"r-{role}", "name": role} for role in roles],
        "expires_at": "2099-01-01T00:00:00.000000Z",
        "catalog": [],
    }
