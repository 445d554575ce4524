"""fractus with its Keystone over an empty store, on any database, without a worker: what accepting requests costs.

Without a worker, because what is measured ends with the answer 202; what a worker costs is measured apart.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import text
from sqlalchemy.engine import make_url

from bench.deployment import Urls, urls_of
from bench.load import Processor
from fractus.auth.calls import Caller
from fractus.base import log as logging
from fractus.local.keystone import ADMIN, DEMO, EmbeddedKeystone
from fractus.local.processes import free_port
from fractus.local.progress import Progress
from fractus.local.supervisor import Supervisor
from fractus.local.up import Up
from fractus.settings.loading import Settings, load
from fractus.store import ddl

DATABASES = ("sqlite", "mariadb", "postgresql")
_TOOL = Path(__file__).parents[1] / "tools/databases/databases"

#: Every project may have so many of everything: limits are checked and never reached.
_PLENTY = 1_000_000_000
_TICKS = os.sysconf("SC_CLK_TCK")


class Project(NamedTuple):
    """One tenant, and what its servers are made of."""

    token: str
    networks: tuple[str, str]
    groups: tuple[str, str]
    key: str


class Accepting(NamedTuple):
    """What stands."""

    host: str
    port: int
    settings: Settings
    flavor: str
    image: str
    projects: list[Project]
    ours: Processor
    database: Database

    @property
    def urls(self) -> Urls:
        """Where its services are."""
        return urls_of(self.settings)


class Database:
    """A database server of this run alone, as it is run in earnest: every commit is forced to the disk."""

    def __init__(self, url: str, leader: int | None) -> None:
        """`leader`: the server's first process; None where the database is a file."""
        self.url = url
        self._leader = leader

    def used(self) -> float:
        """Processor time of the server so far, with all its processes. Seconds."""
        if self._leader is None:
            return 0.0
        total = 0
        for path in Path("/proc").glob("[0-9]*/stat"):
            try:
                name, _, rest = path.read_text().rpartition(")")
            except OSError:
                continue  # it has ended
            fields, pid = rest.split(), int(name.split()[0])
            if pid == self._leader:
                total += sum(map(int, fields[11:15]))
            elif int(fields[1]) == self._leader:
                total += int(fields[11]) + int(fields[12])
        return total / _TICKS

    async def reported(self) -> dict[str, int]:
        """What the server counts: statements, transactions that were rolled back, deadlocks. Empty for a file."""
        parts = make_url(self.url)
        if parts.drivername == "sqlite":
            return {}
        engine = ddl.engine(parts)
        try:
            async with engine.connect() as connection:
                if parts.drivername == "postgresql":
                    found = await connection.execute(
                        text("SELECT xact_rollback FROM pg_stat_database WHERE datname = current_database()")
                    )
                    return {"rollbacks": int(found.scalar_one())}
                rows = await connection.execute(
                    text(
                        "SHOW GLOBAL STATUS WHERE Variable_name IN "
                        "('Questions', 'Com_rollback', 'Innodb_deadlocks')"
                    )
                )
                names = {
                    "Questions": "statements",
                    "Com_rollback": "rollbacks",
                    "Innodb_deadlocks": "deadlocks",
                }
                return {names[name]: int(value) for name, value in rows}
        finally:
            await engine.dispose()


@contextlib.contextmanager
def database(kind: str, directory: Path) -> Iterator[Database]:
    """An empty database of that kind; gone at the end."""
    if kind == "sqlite":
        yield Database(f"sqlite:///{directory / 'state' / 'fractus.db'}", None)
        return
    # Their own users have to get there, and a directory of ours is closed to them.
    with tempfile.TemporaryDirectory(prefix="fractus-bench-db-", dir="/var/tmp") as home:
        environ = {**os.environ, "FRACTUS_DATABASES": f"{home}/servers", "FRACTUS_DATABASES_DURABLE": "1"}
        Path(home).chmod(0o755)
        try:
            subprocess.run([_TOOL, "up"], env=environ, check=True, capture_output=True, text=True)
            urls = subprocess.run([_TOOL, "urls"], env=environ, check=True, capture_output=True, text=True)
            url = next(
                line for line in urls.stdout.split() if line.startswith({"mariadb": "mysql"}.get(kind, kind))
            )
            pid_of = {"mariadb": "mariadb/pid", "postgresql": "postgresql/data/postmaster.pid"}[kind]
            yield Database(url, int(Path(environ["FRACTUS_DATABASES"], pid_of).read_text().split()[0]))
        except subprocess.CalledProcessError as error:
            raise SystemExit(f"The database servers do not start: {error.stderr.strip()}") from error
        finally:
            subprocess.run([_TOOL, "down"], env=environ, check=False, capture_output=True)


@contextlib.asynccontextmanager
async def accepting(
    directory: Path, base: Database, progress: Progress, *, processes: int, projects: int
) -> AsyncIterator[Accepting]:
    """Stand it up in an empty directory, with so many processes that answer and so many projects."""
    logging.configure("warning")
    settings_given: dict[str, dict[str, Any]] = {
        "api": {"port": free_port(), "workers": processes},
        "keystone": {"port": free_port()},
        "work": {"metrics_port": 0},
        "store": {"url": base.url, "migrate": "yes"},
        # A token that ran out of the cache in the middle would have Keystone in the figures.
        "auth": {"token_cache_ttl": 3600.0},
        "quota": dict.fromkeys(("instances", "cores", "ram", "port", "network", "subnet"), _PLENTY),
    }
    settings = load(directory / "state", overrides=settings_given, environ={})
    settings.log_dir.mkdir(parents=True)
    keystone = EmbeddedKeystone(settings)
    api = Up(settings, progress, overrides=settings_given, demo=True).own_programs()[0]
    async with Supervisor(say=progress.warn) as supervisor, Caller() as admin:
        with progress.step("Setting up Keystone", "Keystone runs"):
            keystone.configure()
            await keystone.set_up()
            await supervisor.start([keystone.program()])
            await keystone.fill()
        with progress.step("Starting the API", "The API runs"):
            await supervisor.start([api])
        process = supervisor.parts()[-1].process
        assert process is not None
        await admin.log_in(keystone.url, ADMIN, keystone.passwords()["admin"], ADMIN)
        with progress.step(f"Making {projects} projects", "The projects are made"):
            flavor, image = await _flavor_and_image(admin, settings)
            names = await _projects(admin, keystone.url, projects)
            made = [await _project(settings, keystone, name) for name in names]
        yield Accepting(
            settings.api.host,
            settings.api.port,
            settings,
            flavor,
            image,
            made,
            Processor([process.pid]),
            base,
        )


async def _flavor_and_image(admin: Caller, settings: Settings) -> tuple[str, str]:
    urls = urls_of(settings)
    body = {"flavor": {"name": "bench", "vcpus": 1, "ram": 512, "disk": 1}}
    flavor = await admin.call("POST", f"{urls.compute}/flavors", body)
    images = f"{urls.image}/images"
    about = {"name": "bench", "disk_format": "raw", "container_format": "bare", "visibility": "public"}
    image = await admin.call("POST", images, about)
    await admin.call("PUT", f"{images}/{image['id']}/file", data=b"bench")
    return flavor["flavor"]["id"], image["id"]


async def _projects(admin: Caller, keystone: str, count: int) -> list[str]:
    """Make projects in which the user `demo` may work; their names."""
    users = (await admin.call("GET", f"{keystone}/users?name={DEMO}"))["users"]
    roles = (await admin.call("GET", f"{keystone}/roles?name=member"))["roles"]
    names = []
    for number in range(count):
        name = f"bench-{number}"
        made = (await admin.call("POST", f"{keystone}/projects", {"project": {"name": name}}))["project"]
        await admin.call(
            "PUT", f"{keystone}/projects/{made['id']}/users/{users[0]['id']}/roles/{roles[0]['id']}"
        )
        names.append(name)
    return names


async def _project(settings: Settings, keystone: EmbeddedKeystone, name: str) -> Project:
    urls = urls_of(settings)
    net = urls.network
    async with Caller() as user:
        await user.log_in(keystone.url, DEMO, keystone.passwords()["demo"], name)
        networks, groups = [], []
        for number in range(2):
            network = await user.call("POST", f"{net}/networks", {"network": {"name": f"net-{number}"}})
            networks.append(network["network"]["id"])
            subnet = {"network_id": networks[-1], "ip_version": 4, "cidr": f"10.{64 + 16 * number}.0.0/12"}
            await user.call("POST", f"{net}/subnets", {"subnet": subnet})
            group = await user.call(
                "POST", f"{net}/security-groups", {"security_group": {"name": f"sg-{number}"}}
            )
            groups.append(group["security_group"]["id"])
        key = f"key-{name}-{time.time_ns()}"
        body = {"keypair": {"name": key, "public_key": f"ssh-ed25519 {_KEY} bench"}}
        await user.call("POST", f"{urls.compute}/os-keypairs", body)
        return Project(user.token, (networks[0], networks[1]), (groups[0], groups[1]), key)


_KEY = "AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
