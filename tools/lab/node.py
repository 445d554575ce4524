"""One node from outside: started, given work, looked at."""

from __future__ import annotations

import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tools.lab.place import Place

CHECKOUT = Path(__file__).parents[2]


class LabError(Exception):
    """Something of the laboratory is not as it should be; the message is a sentence."""


def send_command(
    place: Place, node: str, do: str, service: str = "", within: float = 120.0
) -> dict[str, Any]:
    """Have a node's first process do something; its answer."""
    with _connected(place, node, within) as sock:
        sock.sendall(json.dumps({"do": do, "service": service}).encode() + b"\n")
        data = b""
        while not data.endswith(b"\n"):
            some = sock.recv(65536)
            if not some:
                raise LabError(f"{node} has gone while it was asked to {do} {service}.")
            data += some
    answer = json.loads(data)
    if not answer["well"]:
        raise LabError(f"{node} could not {do} {service}: {answer['error']}")
    found: dict[str, Any] = answer["answer"]
    return found


def _connected(place: Place, node: str, within: float) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(within)
    try:
        sock.connect(str(place.socket(node)))
    except OSError as error:
        sock.close()
        raise LabError(f"The node {node} does not run: {error.strerror}.") from error
    return sock


def runs(place: Place, node: str) -> bool:
    """Whether its first process answers."""
    try:
        send_command(place, node, "status", within=5)
    except (LabError, OSError):
        return False
    return True


def pid_of(place: Place, node: str) -> int:
    """Its first process, as the machine numbers it."""
    with _connected(place, node, 5) as sock:
        raw = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        return int(struct.unpack("3i", raw)[0])


def start(place: Place, node: str) -> None:
    """Start its first process, in namespaces of its own, unless it runs."""
    if runs(place, node):
        return
    home = place.home(node)
    (home / "log").mkdir(parents=True, exist_ok=True)
    # An overlay that an earlier run left (the work directory is the kernel's own).
    shutil.rmtree(home / "overlay", ignore_errors=True)
    environ = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    with open(home / "log" / "init.log", "ab") as log:
        subprocess.Popen(
            [
                *("ip", "netns", "exec", place.namespace(node)),
                *("unshare", "--mount", "--uts", "--ipc", "--pid", "--fork", "--mount-proc"),
                *(sys.executable, "-m", "tools.lab.init", node, str(place.directory)),
            ],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=CHECKOUT,
            env=environ,
            start_new_session=True,
        )
    until = time.monotonic() + 20
    while not runs(place, node):
        if time.monotonic() > until:
            raise LabError(f"The node {node} does not start; see {home}/log/init.log.")
        time.sleep(0.1)


def halt(place: Place, node: str) -> None:
    """End its first process, and with it everything on the node."""
    try:
        pid = pid_of(place, node)
        send_command(place, node, "halt", within=10)
    except (LabError, OSError):
        return
    until = time.monotonic() + 10
    while Path(f"/proc/{pid}").exists() and time.monotonic() < until:
        time.sleep(0.05)
    if Path(f"/proc/{pid}").exists():
        os.kill(pid, 9)


def inside(place: Place, node: str, *argv: str) -> list[str]:
    """The words that run a command on a node: in all its namespaces."""
    if node == "client":
        return ["ip", "netns", "exec", place.namespace("client"), *argv]
    return ["nsenter", "-t", str(pid_of(place, node)), "-m", "-u", "-i", "-n", "-p", "--", *argv]


def run(
    place: Place, node: str, *argv: str, within: float = 120.0, check: bool = True, stdin: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command on a node."""
    environ = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    done = subprocess.run(
        inside(place, node, *argv),
        capture_output=True,
        text=True,
        timeout=within,
        input=stdin,
        env=environ,
        cwd=CHECKOUT,
    )
    if check and done.returncode:
        raise LabError(
            f"{argv[0]} on {node} failed ({done.returncode}): {(done.stderr or done.stdout)[-2000:].strip()}"
        )
    return done
