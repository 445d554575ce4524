"""From an inventory and its secrets to every file of every node. The same input gives the same bytes."""

from __future__ import annotations

import ipaddress
import re
import shlex
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from msgspec import Struct

from fractus.base.files import put
from fractus.deploy.inventory import Inventory, InventoryError, Node, bracketed
from fractus.deploy.secret import Secrets

#: Where the users of the database are made.
DATABASE_SQL = "/etc/fractus/database.sql"

#: What is in a directory that was rendered before, so that a node that left the inventory can be taken away again.
MARK = ".rendered-by-fractus"


class File(Struct, frozen=True):
    """One file of one node."""

    path: str
    """Where it goes on the node."""
    template: str
    owner: str = "root:root"
    mode: str = "0644"
    values: dict[str, Any] = {}
    """What this file's template needs besides."""


def environment() -> Environment:
    """Templates in which a name that does not exist is an error, never an empty text."""
    made = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    made.filters.update(bracketed=bracketed, quoted=shlex.quote)
    return made


def files(inventory: Inventory, secrets: Secrets, node: Node) -> list[File]:
    """All files of a node, in the order of their paths."""
    found: list[File] = [File("/etc/sysctl.d/60-fractus.conf", "sysctl.conf.j2")]
    for role, these in _OF_ROLE.items():
        if role in node.roles:
            found += these(inventory, secrets, node)
    if inventory.deployment.variant == "pacemaker" and node is inventory.node[0]:
        found.append(File("/etc/fractus/pacemaker.sh", "pacemaker.sh.j2", mode="0700"))
    return sorted({file.path: file for file in found}.values(), key=lambda file: file.path)


def _database(inventory: Inventory, _secrets: Secrets, node: Node) -> Iterator[File]:
    # 70-: after what the distribution puts there.
    yield File("/etc/mysql/mariadb.conf.d/70-fractus.cnf", "galera.cnf.j2")
    yield File("/etc/systemd/system/mariadb.service.d/fractus.conf", "mariadb.service.conf.j2")
    yield File("/etc/systemd/system/fractus-database-health.service", "database-health.service.j2")
    yield File("/etc/fractus/database-health.env", "database-health.env.j2", mode="0600")
    if node is inventory.having("database")[0]:
        yield File(DATABASE_SQL, "database.sql.j2", mode="0600")


def _broker(_inventory: Inventory, _secrets: Secrets, _node: Node) -> Iterator[File]:
    owner = "rabbitmq:rabbitmq"
    yield File("/etc/rabbitmq/rabbitmq.conf", "rabbitmq.conf.j2", owner, "0600")
    yield File("/etc/rabbitmq/advanced.config", "advanced.config.j2", owner)
    yield File("/etc/rabbitmq/rabbitmq-env.conf", "rabbitmq-env.conf.j2", owner)
    yield File("/etc/rabbitmq/enabled_plugins", "enabled_plugins.j2", owner)
    yield File("/var/lib/rabbitmq/.erlang.cookie", "cookie.j2", owner, "0400")
    yield File("/etc/systemd/system/rabbitmq-server.service.d/fractus.conf", "rabbitmq.service.conf.j2")


def _cache(_inventory: Inventory, _secrets: Secrets, _node: Node) -> Iterator[File]:
    yield File("/etc/memcached.conf", "memcached.conf.j2")


def _balancer(inventory: Inventory, _secrets: Secrets, node: Node) -> Iterator[File]:
    yield File("/etc/haproxy/haproxy.cfg", "haproxy.cfg.j2", "root:haproxy", "0640")
    # Under Pacemaker it is Pacemaker that starts HAProxy again.
    if inventory.deployment.variant == "keepalived":
        yield File("/etc/systemd/system/haproxy.service.d/fractus.conf", "haproxy.service.conf.j2")
        yield File("/etc/systemd/system/keepalived.service.d/fractus.conf", "keepalived.service.conf.j2")
        interface = node.interface or inventory.vip.interface
        yield File(
            "/etc/keepalived/keepalived.conf",
            "keepalived.conf.j2",
            mode="0600",
            values={"interface": interface},
        )
        for script, uri in (("haproxy-answers", "/alive"), ("haproxy-reaches", "/reaches")):
            values = {"uri": uri}
            yield File(f"/etc/keepalived/{script}", "haproxy-answers.j2", mode="0755", values=values)


def _identity(inventory: Inventory, secrets: Secrets, node: Node) -> Iterator[File]:
    owner = f"{inventory.paths.user}:{inventory.paths.user}"
    yield File("/etc/keystone/keystone.conf", "keystone.conf.j2", owner, "0600")
    for repository, keys in (("fernet-keys", secrets.fernet), ("credential-keys", secrets.credential)):
        for name, key in keys.items():
            yield File(f"/etc/keystone/{repository}/{name}", "key.j2", owner, "0600", {"key": key})
    yield File("/etc/systemd/system/fractus-keystone.service", "keystone.service.j2")
    if node is inventory.having("identity")[0]:
        yield File("/etc/fractus/keystone-first.env", "keystone-first.env.j2", mode="0600")


def _own(inventory: Inventory, _secrets: Secrets, _node: Node) -> Iterator[File]:
    owner = f"{inventory.paths.user}:{inventory.paths.user}"
    yield File(f"{inventory.paths.state}/fractus.toml", "fractus.toml.j2", owner, "0600")
    yield File(f"{inventory.paths.state}/vault.key", "vault.key.j2", owner, "0600")


def _api(inventory: Inventory, secrets: Secrets, node: Node) -> Iterator[File]:
    yield from _own(inventory, secrets, node)
    yield File("/etc/fractus/clouds.yaml", "clouds.yaml.j2", mode="0600")
    yield _unit("api", "The API of fractus", "serve")


def _worker(inventory: Inventory, secrets: Secrets, node: Node) -> Iterator[File]:
    yield from _own(inventory, secrets, node)
    yield _unit("worker", "The worker of fractus", "work")


def _unit(name: str, description: str, command: str) -> File:
    values = {"description": description, "command": command}
    return File(f"/etc/systemd/system/fractus-{name}.service", "program.service.j2", values=values)


_OF_ROLE: dict[str, Callable[[Inventory, Secrets, Node], Iterator[File]]] = {
    "database": _database,
    "broker": _broker,
    "cache": _cache,
    "balancer": _balancer,
    "identity": _identity,
    "api": _api,
    "worker": _worker,
}


def _values(inventory: Inventory, secrets: Secrets) -> dict[str, Any]:
    network = ipaddress.ip_network(inventory.deployment.network)
    return {
        "inv": inventory,
        "secrets": secrets,
        "databases": inventory.having("database"),
        "brokers": inventory.having("broker"),
        "caches": inventory.having("cache"),
        "identities": inventory.having("identity"),
        "apis": inventory.having("api"),
        "workers": inventory.having("worker"),
        "balancers": inventory.having("balancer"),
        "prefix": network.prefixlen,
        # How MariaDB writes "anybody of this network".
        "netmask": f"{network.network_address}/{network.netmask}" if network.version == 4 else "%",
        "check_ms": round(inventory.timeouts.check_interval * 1000),
        "database_sql": DATABASE_SQL,
    }


def render(inventory: Inventory, secrets: Secrets) -> dict[str, bytes]:
    """Path below the output directory -> content."""
    templates = environment()
    shared = _values(inventory, secrets)
    found: dict[str, bytes] = {}

    def put(path: str, template: str, **values: Any) -> None:
        found[path] = templates.get_template(template).render(**shared, **values).encode()

    for node in inventory.node:
        these = files(inventory, secrets, node)
        for file in these:
            put(f"{node.name}/root{file.path}", file.template, node=node, **file.values)
        put(f"{node.name}/install.sh", "install.sh.j2", node=node, files=these)
    put("FIRST-START.md", "FIRST-START.md.j2")
    return found


def write(directory: Path, rendered: dict[str, bytes]) -> list[str]:
    """Make `directory` hold exactly `rendered`, readable by its owner only. Returns the paths that changed.

    Only a directory that is empty, new, or was rendered before is written to: what else is in it would be lost.
    """
    mark = directory / MARK
    if directory.exists() and not mark.exists() and any(directory.iterdir()):
        raise InventoryError(
            f"{directory} is not empty and was not rendered by fractus: choose another directory."
        )
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    former = mark.read_text("utf-8").split() if mark.exists() else []
    for name in {path.split("/")[0] for path in former} - {path.split("/")[0] for path in rendered}:
        if re.fullmatch(r"[a-z][a-z0-9-]*", name):  # a node that is no longer in the inventory
            shutil.rmtree(directory / name, ignore_errors=True)
    changed = []
    for path, content in rendered.items():
        target = directory / path
        if not target.exists() or target.read_bytes() != content:
            _put(target, content)
            changed.append(path)
    for path in sorted(set(former) - set(rendered)):
        if (directory / path).exists():
            (directory / path).unlink()
            changed.append(path)
    _put(mark, ("\n".join(sorted(rendered)) + "\n").encode())
    return changed


def _put(target: Path, content: bytes) -> None:
    for parent in reversed([one for one in target.parents if not one.exists()]):
        parent.mkdir(mode=0o700)
    mode = 0o700 if content.startswith(b"#!") else 0o600
    # They can be rendered again: nothing waits for the disk.
    put(target, content, mode=mode, lasting=False)
