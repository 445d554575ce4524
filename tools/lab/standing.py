"""Stand a laboratory up from rendered files, and take it down. Each step looks first whether it is done already."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import yaml

from fractus.deploy import inventory, render, secret
from tools.lab import net, node
from tools.lab.node import LabError, run, send_command
from tools.lab.place import ADDRESSES, BALANCERS, NETWORK, NODES, VIP, Place, services_of

#: What a node of the real world would have more of: all of it has to fit into 4 GiB.
_INVENTORY = """\
# Made by the laboratory: the renderer and its templates are those of a real deployment.
[deployment]
name = "lab"
region = "lab"
network = "{network}"
images = "{directory}/images"
images_shared = true

[vip]
address = "{vip}"
interface = "eth0"

[paths]
python = "{python}"

[database]
buffer_pool = "64M"
log_size = "48M"
gcache = "64M"
max_connections = 400

[broker]
memory = "256MiB"
disk_free = "50MB"
schedulers = 1

[cache]
memory = 16

[balancer]
connections = 2000

[programs]
api_processes = 1
keystone_processes = 1
store_connections = 10

[timeouts]
drain = 20

[settings.quota]
unlimited = true

[accepted]
one-rack = "it is one machine"
tls-endpoint = "nothing of it leaves the namespaces"
tls-inside = "nothing of it leaves the namespaces"
"""

_NODE = """
[[node]]
name = "{name}"
address = "{address}"
rack = "here"
roles = {roles}
"""

PACKAGES = {
    "/usr/sbin/mariadbd": "mariadb-server",
    "/usr/bin/mariabackup": "mariadb-backup",
    "/usr/lib/galera/libgalera_smm.so": "galera-4",
    "/usr/lib/rabbitmq/bin/rabbitmq-server": "rabbitmq-server",
    "/usr/bin/memcached": "memcached",
    "/usr/sbin/haproxy": "haproxy",
    "/usr/sbin/keepalived": "keepalived",
    "/usr/bin/socat": "socat",
    "/usr/bin/curl": "curl",
    "/usr/bin/nsenter": "util-linux",
    "/usr/sbin/nft": "nftables",
    "/sbin/ip": "iproute2",
}

say: Callable[[str], None] = print


def check_machine() -> None:
    """Refuse with a sentence where it cannot work."""
    missing = sorted({package for path, package in PACKAGES.items() if not Path(path).exists()})
    if missing:
        raise LabError(f"Install these first: apt-get install --no-install-recommends {' '.join(missing)}")
    if subprocess.run(["ip", "netns", "list"], capture_output=True).returncode:
        raise LabError("The laboratory needs root: it makes network namespaces.")


def write(place: Place, settings: str = "") -> None:
    """The inventory, the secrets, and everything rendered. `settings`: more of the inventory, as TOML."""
    for name in ("nodes", "images", "simulated"):
        (place.directory / name).mkdir(parents=True, exist_ok=True)
    # The programs of the nodes run as their own users and pass through here.
    place.directory.chmod(0o755)
    text = _INVENTORY.format(network=NETWORK, vip=VIP, python=sys.executable, directory=place.directory)
    for name, address in ADDRESSES.items():
        roles = (
            ["balancer"]
            if name in BALANCERS
            else ["database", "broker", "cache", "identity", "api", "worker"]
        )
        text += _NODE.format(name=name, address=address, roles=json.dumps(roles))
    place.inventory.write_text(text + settings)
    deployment = inventory.load(place.inventory)
    secrets = secret.load_or_make(secret.place(place.inventory, deployment), deployment)
    render.write(place.rendered, render.render(deployment, secrets))


def install(place: Place, name: str) -> None:
    """What was rendered, put in place on a node by the script that was rendered with it."""
    run(place, name, "bash", str(place.rendered / name / "install.sh"))
    send_command(place, name, "sysctl")


def secrets_of(place: Place) -> secret.Secrets:
    found = secret.read(place.directory / "secrets.toml")
    if found is None:
        raise LabError("The laboratory has not been set up: lab up.")
    return found


def up(
    place: Place, *, fractus: bool = True, settings: str = "", fill: Callable[[Place], None] | None = None
) -> None:
    """Everything, in the order of FIRST-START.md. `fractus`: False stops before Keystone and fractus.

    `settings`: more of the inventory, as TOML. `fill`: makes what there is to work on, once; default: simulated clouds
    and a user.
    """
    check_machine()
    began = time.monotonic()
    write(place, settings)
    net.up(place)
    for name in ADDRESSES:
        node.start(place, name)
        install(place, name)
    databases(place)
    for name in NODES:
        send_command(place, name, "start", "cache")
        send_command(place, name, "start", "broker")
    for name in BALANCERS:
        send_command(place, name, "start", "haproxy")
        send_command(place, name, "start", "keepalived")
    wait("RabbitMQ", lambda: all(broker_runs(place, name) for name in NODES), 240)
    wait("the database behind the VIP", lambda: database_answers(place), 60)
    if fractus:
        keystone(place)
        own(place, fill or seed)
    say(f"The laboratory is up after {time.monotonic() - began:.0f} s.")


def wait(what: str, well: Callable[[], bool], within: float) -> None:
    """Until it is so, or a sentence that it is not."""
    until = time.monotonic() + within
    began = time.monotonic()
    while not well():
        if time.monotonic() > until:
            raise LabError(f"{what} is not there after {within:.0f} s.")
        time.sleep(0.3)
    say(f"  {what}: {time.monotonic() - began:.1f} s")


def status_of(place: Place, url: str) -> int:
    """What a client gets: the HTTP status, 0 without an answer."""
    done = run(
        place, "client", "curl", "-s", "-m", "4", "-o", "/dev/null", "-w", "%{http_code}", url, check=False
    )
    return int(done.stdout or 0)


def database_runs(place: Place, name: str) -> bool:
    """Synced and in the majority, as HAProxy sees it."""
    return status_of(place, f"http://{ADDRESSES[name]}:9200/") == 200


def broker_runs(place: Place, name: str) -> bool:
    password = secrets_of(place)["broker-fractus"]
    url = f"http://fractus:{password}@{ADDRESSES[name]}:15672/api/health/checks/alarms"
    return status_of(place, url) == 200


def database_answers(place: Place) -> bool:
    password = secrets_of(place)["database-fractus"]
    words = (
        "mariadb",
        "-h",
        VIP,
        "-u",
        "fractus",
        f"-p{password}",
        "--connect-timeout=2",
        "fractus",
        "-e",
        "SELECT 1",
    )
    return run(place, "client", *words, check=False).returncode == 0


def databases(place: Place) -> None:
    """Galera: one node first where none runs, the others one after the other."""
    for name in NODES:
        if not (place.home(name) / "data/mysql/mysql").exists():
            run(
                place,
                name,
                "mariadb-install-db",
                "--user=mysql",
                "--datadir=/var/lib/mysql",
                "--skip-test-db",
            )
        send_command(place, name, "start", "health")
    running = [name for name in NODES if send_command(place, name, "status")["database"]["pid"]]
    first = running[0] if running else first_of(place)
    if not running:
        flag = "/run/mariadb-wsrep-new-cluster"
        run(place, first, "sh", "-c", f"echo _WSREP_NEW_CLUSTER=--wsrep-new-cluster > {flag}")
        send_command(place, first, "start", "database")
        socket_answers = ("mariadb", "-e", "SELECT 1")
        wait(
            "the first database", lambda: run(place, first, *socket_answers, check=False).returncode == 0, 60
        )
        run(place, first, "rm", flag)
        sql = (place.home(NODES[0]) / "etc/fractus/database.sql").read_text()
        run(place, first, "mariadb", stdin=sql)
    for name in [first, *(one for one in NODES if one != first)]:
        send_command(place, name, "start", "database")
        wait(f"the database of {name}", lambda name=name: database_runs(place, name), 180)


def first_of(place: Place) -> str:
    """The node that has everything: the one that stopped last, else the one that got furthest."""
    reached = {}
    for name in NODES:
        state = place.home(name) / "data/mysql/grastate.dat"
        if not state.exists():
            continue
        text = state.read_text()
        if "safe_to_bootstrap: 1" in text:
            return name
        done = run(place, name, "galera_recovery", check=False)
        position = done.stdout.strip().rsplit(":", 1)[-1]
        reached[name] = int(position) if position.lstrip("-").isdigit() else -1
    if not reached:
        return NODES[0]
    best = max(reached, key=lambda name: reached[name])
    state = place.home(best) / "data/mysql/grastate.dat"
    state.write_text(state.read_text().replace("safe_to_bootstrap: 0", "safe_to_bootstrap: 1"))
    return best


def keystone(place: Place) -> None:
    """Its database and its admin once, then the processes."""
    mark = place.directory / "keystone-made"
    if not mark.exists():
        setup = f"exec {sys.executable} -W ignore -m fractus.local.keystone_setup /etc/keystone/keystone.conf"
        run(place, NODES[0], "sh", "-c", f"set -a; . /etc/fractus/keystone-first.env; {setup}", within=300)
        mark.touch()
    for name in NODES:
        send_command(place, name, "start", "identity")
    wait("Keystone behind the VIP", lambda: status_of(place, f"http://{VIP}:5000/v3") == 200, 90)


def own(place: Place, fill: Callable[[Place], None]) -> None:
    """fractus: known in Keystone, its processes, and something to work on."""
    mark = place.directory / "seeded"
    if not mark.exists():
        run(
            place,
            NODES[0],
            *fractus("keystone", "register"),
            "--os-cloud",
            "lab-admin",
            "--clouds-yaml",
            "/etc/fractus/clouds.yaml",
        )
    running = [name for name in NODES if send_command(place, name, "status")["api"]["pid"]]
    if not running:
        run(place, NODES[0], *fractus("upgrade"), within=300)
    for name in NODES:
        send_command(place, name, "start", "api")
        # The first one makes the tables; the others find them made.
        wait(f"the API of {name}", lambda name=name: status_of(place, api_of(name)) == 200, 120)
    for name in NODES:
        send_command(place, name, "start", "worker")
    wait("the API behind the VIP", lambda: status_of(place, f"http://{VIP}:8780/healthcheck") == 200, 60)
    if not mark.exists():
        fill(place)
        mark.touch()


def afresh(place: Place) -> None:
    """An empty store under API and workers that are new as well; the rest goes on as it is."""
    for name in NODES:
        for service in ("worker", "api"):
            send_command(place, name, "stop", service)
    again = "DROP DATABASE fractus; CREATE DATABASE fractus CHARACTER SET utf8mb4;"
    run(place, NODES[0], "mariadb", stdin=again)
    for name in NODES:
        send_command(place, name, "kill", "cache")
        send_command(place, name, "start", "cache")
    own(place, lambda _place: None)


def api_of(name: str) -> str:
    return f"http://{ADDRESSES[name]}:8780/healthcheck"


def fractus(*words: str) -> list[str]:
    return [sys.executable, "-m", "fractus", *words, "--state", "/var/lib/fractus"]


def seed(place: Place) -> None:
    """Simulated clouds, a user, flavors, an image, a network."""
    for number, name in enumerate(("sim-a", "sim-b", "sim-c")):
        path = place.directory / "simulated" / f"{name}.sqlite"
        words = (
            "--driver",
            "simulated",
            "--identity",
            "shared",
            "--setting",
            f"path={path}",
            "--setting",
            "hosts=4",
        )
        run(place, NODES[number % 3], *fractus("cloud", "add", name), *words)
    secrets = secrets_of(place)
    write_clouds_yaml(place, secrets)
    run(place, "client", sys.executable, "-m", "tools.lab.seeding", str(place.directory), within=300)


def write_clouds_yaml(place: Place, secrets: secret.Secrets) -> None:
    def entry(user: str, password: str) -> dict[str, object]:
        domains = {"user_domain_name": "Default", "project_domain_name": "Default"}
        auth = {
            "auth_url": f"http://{VIP}:5000/v3",
            "username": user,
            "password": password,
            "project_name": user,
        }
        return {"region_name": "lab", "identity_api_version": 3, "auth": {**auth, **domains}}

    clouds = {
        "lab": entry("lab", place.user_password()),
        "lab-admin": entry("admin", secrets["keystone-admin"]),
    }
    place.clouds_yaml.touch(mode=0o600)
    place.clouds_yaml.write_text(yaml.safe_dump({"clouds": clouds}))


def down(place: Place, *, purge: bool = False) -> None:
    """Stop everything in order, remove the namespaces; `purge`: and everything that was written."""
    for name in net.cut_off(place):
        net.heal(place, name)
    alive = [name for name in ADDRESSES if node.runs(place, name)]
    for service in (
        "worker",
        "api",
        "identity",
        "keepalived",
        "haproxy",
        "broker",
        "cache",
        "database",
        "health",
    ):
        # Databases one after the other: the last one knows that it is the last.
        for name in reversed(alive):
            if service in services_of(name):
                try:
                    send_command(place, name, "stop", service)
                except (LabError, OSError) as error:
                    say(str(error))
    for name in alive:
        node.halt(place, name)
    net.down(place)
    if purge and place.directory.exists():
        shutil.rmtree(place.directory)
    say("The laboratory is down.")
