"""The first process of a node: it makes the node's own view of the file system, and then does what systemd does.

    python -m tools.lab.init NODE DIRECTORY

It is started in namespaces of its own (network, mounts, processes, host name), so everything that it starts ends with
it. What it is asked comes over a socket, one JSON object a line: {"do": "start", "service": "database"}.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import json
import os
import resource
import shutil
import signal
import socket
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.lab import units
from tools.lab.place import UNITS, Place, services_of

_LIBC = ctypes.CDLL(None, use_errno=True)
_BIND, _REC, _PRIVATE = 0x1000, 0x4000, 0x40000

#: Directories that systemd-tmpfiles would make, and whose they are.
_RUN = {"mysqld": "mysql", "haproxy": "haproxy", "memcached": "memcache", "rabbitmq": "rabbitmq"}


def mount(source: str, target: str, kind: str = "", flags: int = 0, options: str = "") -> None:
    words = [word.encode() if word else None for word in (source, target, kind)]
    if _LIBC.mount(*words, ctypes.c_ulong(flags), options.encode() or None):
        raise OSError(ctypes.get_errno(), f"mount {kind or source} on {target}")


def view(home: Path) -> None:
    """The machine's programs with the node's own /etc, /var/lib, /var/log and /run over them."""
    mount("none", "/", flags=_PRIVATE | _REC)
    mount("tmpfs", "/run", "tmpfs", options="mode=0755")
    for name, user in _RUN.items():
        (Path("/run") / name).mkdir()
        shutil.chown(Path("/run") / name, user)
    for place in ("etc", "var/lib", "var/log"):
        upper, work = home / place, home / "overlay" / place
        upper.mkdir(parents=True, exist_ok=True)
        work.mkdir(parents=True, exist_ok=True)
        mount("overlay", f"/{place}", "overlay", options=f"lowerdir=/{place},upperdir={upper},workdir={work}")
    # Programs of several nodes have the same process numbers, and call their files there by them. What the laboratory
    # itself is made of must stay in sight.
    if not any(path.is_relative_to("/tmp") for path in (home, Path(__file__), Path(sys.prefix))):
        (home / "tmp").mkdir(exist_ok=True)
        (home / "tmp").chmod(0o1777)
        mount(str(home / "tmp"), "/tmp", flags=_BIND)
    # Large files that change in place are not for an overlay, and what the machine itself has there must not show.
    for name, user in (("mysql", "mysql"), ("rabbitmq", "rabbitmq")):
        data = home / "data" / name
        if not data.exists():
            data.mkdir(parents=True)
            shutil.chown(data, user, user)
        Path("/var/lib", name).mkdir(exist_ok=True)
        mount(str(data), f"/var/lib/{name}", flags=_BIND)
    for name, user in (("rabbitmq", "rabbitmq"), ("mysql", "mysql")):
        Path("/var/log", name).mkdir(exist_ok=True)
        shutil.chown(Path("/var/log", name), user)


def settings_of_the_kernel() -> None:
    """What was rendered for the kernel, as far as it is this node's own and not the machine's."""
    for file in sorted(Path("/etc/sysctl.d").glob("60-fractus.conf")):
        for line in file.read_text().splitlines():
            name, _, value = line.partition("=")
            path = Path("/proc/sys", name.strip().replace(".", "/"))
            if name.startswith("net.") and path.exists():
                path.write_text(value.strip())


@dataclass
class Service:
    """One unit on this node."""

    name: str
    pid: int = 0
    state: str = "stopped"
    """stopped, running, restarting, paused; held: killed, and left so until it is started."""
    restarts: int = 0
    since: float = 0.0
    exited: str = ""
    asked: bool = False
    """Asked to stop: its end is no reason to start it again."""


class Init:
    """Starts, watches, stops."""

    def __init__(self, node: str, place: Place) -> None:
        self.node = node
        self.place = place
        self.services = {name: Service(name) for name in services_of(node)}
        self.stop = asyncio.Event()

    def start(self, service: Service) -> None:
        if service.state == "paused":
            self.signal(service, signal.SIGCONT)
            service.state = "running"
        if service.pid:
            return
        unit = units.load(UNITS[service.name])
        environ = unit.environment()
        argv = unit.argv(environ)
        log = self.place.home(self.node) / "log" / f"{service.name}.log"
        log.parent.mkdir(exist_ok=True)
        out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        where = unit.last("WorkingDirectory", "/")
        pid = os.fork()
        if pid == 0:
            try:
                os.setsid()
                os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
                os.dup2(out, 1)
                os.dup2(out, 2)
                os.chdir(where)
                if files := int(unit.last("LimitNOFILE", "0")):
                    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
                    resource.setrlimit(resource.RLIMIT_NOFILE, (min(files, most), min(files, most)))
                for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
                    signal.signal(number, signal.SIG_DFL)
                os.execve(argv[0], argv, environ)
            except BaseException as error:
                os.write(2, f"{argv}: {error}\n".encode())
                os._exit(127)
        os.close(out)
        service.pid, service.state, service.asked, service.since = pid, "running", False, time.time()

    def signal(self, service: Service, number: int) -> None:
        if service.pid:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(service.pid, number)

    def kill(self, service: Service) -> None:
        """As if it had never been: nothing is written, nobody is notified. It stays so."""
        service.asked, service.state = True, "held"
        self.signal(service, signal.SIGKILL)

    async def end(self, service: Service) -> None:
        """As systemd stops it: SIGTERM to the main process, what is left is killed."""
        service.asked = True
        if service.state == "paused":
            self.signal(service, signal.SIGCONT)
        unit = units.load(UNITS[service.name])
        number = signal.Signals[unit.last("KillSignal", "SIGTERM")]
        if not service.pid:
            service.state = "stopped"
            return
        if service.name == "broker" or unit.last("KillMode") != "mixed":
            self.signal(service, number)
        else:
            os.kill(service.pid, number)
        until = time.monotonic() + min(unit.stop_within, 90)
        while service.pid and time.monotonic() < until:
            await asyncio.sleep(0.05)
        if service.pid:
            self.signal(service, signal.SIGKILL)
        service.state = "stopped"

    def reap(self) -> None:
        """Everything that ended, ours and what was left to us."""
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    return
                for service in self.services.values():
                    if service.pid == pid:
                        self.ended(service, os.waitstatus_to_exitcode(status))

    def ended(self, service: Service, code: int) -> None:
        group, service.pid = service.pid, 0
        with contextlib.suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)  # what a unit leaves behind ends with it
        service.exited = f"signal {-code}" if code < 0 else f"exit {code}"
        if service.asked:
            return
        unit = units.load(UNITS[service.name])
        again = {
            "always": True,
            "on-failure": code != 0,
            "on-abnormal": code < 0,
            "on-abort": code < 0,
        }.get(unit.restarts, False)
        service.state = "restarting" if again else "stopped"
        if again:
            service.restarts += 1
            asyncio.get_running_loop().call_later(unit.restart_after, self.again, service)

    def again(self, service: Service) -> None:
        if service.state == "restarting" and not self.stop.is_set():
            self.start(service)

    async def reported(self, message: dict[str, Any]) -> dict[str, Any]:
        do = message["do"]
        if do == "status":
            return {name: vars(one) for name, one in self.services.items()}
        if do == "halt":
            self.stop.set()
            return {}
        if do == "sysctl":
            settings_of_the_kernel()
            return {}
        service = self.services[message["service"]]
        if do == "start":
            # What was killed a moment ago may not have been seen to end: it does not run any more.
            while service.pid and service.state == "held":
                await asyncio.sleep(0.02)
                self.reap()
            self.start(service)
        elif do == "stop":
            await self.end(service)
        elif do == "kill":
            self.kill(service)
        elif do == "crash":
            self.signal(service, signal.SIGKILL)
        elif do == "pause":
            self.signal(service, signal.SIGSTOP)
            service.state = "paused"
        elif do == "resume":
            self.signal(service, signal.SIGCONT)
            service.state = "running" if service.pid else service.state
        else:
            raise ValueError(f"{do} is nothing that can be done")
        return vars(service)

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            answer: dict[str, Any] = {
                "well": True,
                "answer": await self.reported(json.loads(await reader.readline())),
            }
        except Exception as error:
            answer = {"well": False, "error": f"{type(error).__name__}: {error}"}
        with contextlib.suppress(OSError):
            writer.write(json.dumps(answer).encode() + b"\n")
            await writer.drain()
        writer.close()

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGCHLD, self.reap)
        loop.add_signal_handler(signal.SIGTERM, self.stop.set)
        where = self.place.socket(self.node)
        where.unlink(missing_ok=True)
        server = await asyncio.start_unix_server(self.talk, str(where))
        async with server:
            while not self.stop.is_set():
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self.stop.wait(), 1)
                self.reap()  # a signal that came while another was handled


def main(arguments: list[str]) -> None:
    node, place = arguments[0], Place(Path(arguments[1]))
    socket.sethostname(node)
    view(place.home(node))
    asyncio.run(Init(node, place).run())


if __name__ == "__main__":
    main(sys.argv[1:])
