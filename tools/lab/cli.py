"""The command `tools/lab/lab`."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys

from tools.lab import net, node, standing
from tools.lab.node import LabError, send_command
from tools.lab.place import ADDRESSES, BALANCERS, VIP, Place, here, services_of

_ON_ONE = {
    "kill": "SIGKILL; it stays dead until it is started",
    "crash": "SIGKILL; it is started again as systemd would",
    "pause": "SIGSTOP: it is there and does not move",
    "resume": "SIGCONT",
    "start": "start it",
    "stop": "stop it as systemd would",
}


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="lab", description=__doc__)
    commands = made.add_subparsers(dest="command", required=True, metavar="COMMAND")
    up = commands.add_parser("up", help="stand everything up, or what of it is missing")
    up.add_argument("--no-fractus", action="store_true", help="only database, brokers, caches and balancers")
    down = commands.add_parser("down", help="stop everything and remove the namespaces")
    down.add_argument("--purge", action="store_true", help="and remove everything that was written")
    commands.add_parser("status", help="what runs, as one JSON object")
    commands.add_parser("endpoint", help="where clients find it, as one JSON object")
    for name, text in _ON_ONE.items():
        one = commands.add_parser(name, help=text)
        one.add_argument("node", choices=list(ADDRESSES))
        one.add_argument("service", help="a service of that node, or `all`")
    for name, text in (("partition", "cut a node off from all others"), ("heal", "connect it again")):
        one = commands.add_parser(name, help=text)
        one.add_argument("node", choices=[*ADDRESSES, "all"] if name == "heal" else list(ADDRESSES))
    execute = commands.add_parser("exec", help="run a command on a node, or on `client`")
    execute.add_argument("node", choices=[*ADDRESSES, "client"])
    execute.add_argument("argv", nargs=argparse.REMAINDER)
    commands.add_parser("check", help="fractus deploy check --live, from the client's namespace")
    return made


def vip_holders(place: Place) -> list[str]:
    """The balancers that have the VIP: one, if all is well."""
    found = []
    for name in BALANCERS:
        if node.runs(place, name) and f" {VIP}/" in net.ip(
            "-n", place.namespace(name), "-o", "addr", "show", "eth0"
        ):
            found.append(name)
    return found


def status(place: Place) -> dict[str, object]:
    nodes: dict[str, object] = {}
    for name in ADDRESSES:
        nodes[name] = send_command(place, name, "status") if node.runs(place, name) else None
    return {
        "directory": str(place.directory),
        "nodes": nodes,
        "cut_off": net.cut_off(place),
        "vip": vip_holders(place),
    }


def endpoint(place: Place) -> dict[str, object]:
    return {
        "endpoint": f"http://{VIP}:8780",
        "identity": f"http://{VIP}:5000/v3",
        "clouds_yaml": str(place.clouds_yaml),
        "os_cloud": "lab",
        "namespace": place.namespace("client"),
        "apis": {
            name: f"http://{address}:8780" for name, address in ADDRESSES.items() if name not in BALANCERS
        },
        "simulated": str(place.directory / "simulated"),
    }


def on_one(place: Place, command: str, name: str, service: str) -> None:
    known = services_of(name)
    if service not in (*known, "all"):
        raise LabError(f"{name} has no service {service}; it has {', '.join(known)}.")
    for one in known if service == "all" else (service,):
        send_command(place, name, command, one)


def do(place: Place, reported: argparse.Namespace) -> int:
    if reported.command == "up":
        standing.up(place, fractus=not reported.no_fractus)
    elif reported.command == "down":
        standing.down(place, purge=reported.purge)
    elif reported.command in ("status", "endpoint"):
        print(json.dumps({"status": status, "endpoint": endpoint}[reported.command](place), indent=2))
    elif reported.command == "partition":
        net.partition(place, reported.node)
    elif reported.command == "heal":
        for name in ADDRESSES if reported.node == "all" else (reported.node,):
            net.heal(place, name)
    elif reported.command == "exec":
        environ = {**os.environ, "OS_CLIENT_CONFIG_FILE": str(place.clouds_yaml)}
        return subprocess.run(node.inside(place, reported.node, *reported.argv), env=environ).returncode
    elif reported.command == "check":
        words = (sys.executable, "-m", "fractus", "deploy", "check", str(place.inventory), "--live")
        return subprocess.run(node.inside(place, "client", *words), cwd=node.CHECKOUT).returncode
    else:
        on_one(place, reported.command, reported.node, reported.service)
    return 0


def main() -> None:
    try:
        sys.exit(do(here(), parser().parse_args()))
    except (LabError, RuntimeError) as error:
        sys.exit(f"lab: {error}")


if __name__ == "__main__":
    main()
