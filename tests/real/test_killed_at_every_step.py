"""kill -9 of the worker at every outside change of a server's whole life, on real children.

One life in `west` (a Keystone of its own) whose worker dies right after each change was answered, before it wrote
anything of that down; and one in `east` (a shared Keystone) whose worker dies as each change is about to leave. From
the first project, role, image, network to the last delete, each change is died at once (see `killing_worker`). At all
times nothing is in the child twice, at every milestone it holds exactly what was asked for, and in the end nothing.

It takes minutes, so it runs only with FRACTUS_REAL_LONG=1. It has a fractus of its own, in a region of its own, beside
the one of `tools/real/run.sh`: an API without a supervisor, for the worker is the test's to start.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import openstack
import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from openstack.connection import Connection

from fractus.clouds.openstack import marks as markers
from tests.real.stand import child, left_in, mapped_projects
from tools.real.stand import PASSWORD, entry, free_port

pytestmark = [
    pytest.mark.real,
    pytest.mark.slow,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(
        "FRACTUS_REAL_LONG" not in os.environ or "FRACTUS_REAL_CLOUDS_YAML" not in os.environ,
        reason="takes minutes: asked for with FRACTUS_REAL_LONG=1, and real clouds in FRACTUS_REAL_CLOUDS_YAML",
    ),
]

ROOT = Path(__file__).parents[2]
REGION, SERVICE = "kill", "fractus-kill"
#: A tenant of this run, so that what an interrupted one left is nobody's concern.
TENANT = f"kat-{secrets.token_hex(3)}"

#: More than three pieces of an upload, for the worker dies amid them.
BITS = bytes(range(256)) * 8192

#: What must have been died at in any life: outside changes by their first words.
STEPS = {
    "a role for us in the tenant's project": r"PUT /v3/projects/\w+/users/",
    "make the flavor": r"POST /v2.1/flavors ",
    "its extra spec": r"POST /v2.1/flavors/[^/]+/os-extra_specs",
    "make the key": r"POST /v2.1/os-keypairs",
    "make the image": r"POST /v2/images ",
    "its bits": r"PUT /v2/images/[^/]+/file",
    "amid its bits": r"upload of ",
    "make the network": r"POST /v2.0/networks",
    "make the subnet": r"POST /v2.0/subnets",
    "make the group": r"POST /v2.0/security-groups",
    "remove a rule it was born with": r"DELETE /v2.0/security-group-rules/",
    "add a rule": r"POST /v2.0/security-group-rules",
    "make the port": r"POST /v2.0/ports",
    "make the server": r"POST /v2.1/servers ",
    "reboot or stop it": r"POST /v2.1/servers/[^/]+/action",
    "rename it": r"PUT /v2.1/servers/[^/]+ ",
    "its metadata": r"PUT /v2.1/servers/[^/]+/metadata",
    "delete the server": r"DELETE /v2.1/servers/",
    "delete the port": r"DELETE /v2.0/ports/",
    "delete the subnet": r"DELETE /v2.0/subnets/",
    "delete the network": r"DELETE /v2.0/networks/",
    "delete the group": r"DELETE /v2.0/security-groups/",
    "delete the image": r"DELETE /v2/images/",
    "delete the flavor": r"DELETE /v2.1/flavors/",
    "delete the key": r"DELETE /v2.1/os-keypairs/",
}


# --- a fractus without a worker ----------------------------------------------------------------------


class Stand:
    """An API before east and west, and who may use it."""

    def __init__(self, work: Path) -> None:
        self.work = work
        self.state = work / "state"
        self.state.mkdir()
        self._real = os.environ["FRACTUS_REAL_CLOUDS_YAML"]
        entries = yaml.safe_load(Path(self._real).read_text())["clouds"]
        self._admin = entries["east-admin"]["auth"]
        self._url = self._admin["auth_url"]
        self._port = free_port()
        self._api: subprocess.Popen[bytes] | None = None

    def environ(self) -> dict[str, str]:
        """Nothing of another fractus's settings, nor of a client's."""
        foreign = ("FRACTUS_", "OS_")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
        return {**kept, "FRACTUS_STATE": str(self.state)}

    def _fractus(self, *words: str) -> None:
        subprocess.run([sys.executable, "-m", "fractus", *words], env=self.environ(), cwd=ROOT, check=True)

    def start(self) -> None:
        """Make it known to Keystone, start the API, put the clouds behind it."""
        (self.state / "fractus.toml").write_text(
            f'[keystone]\nmode = "external"\nurl = "{self._url}"\nregion = "{REGION}"\n'
            f'username = "{SERVICE}"\npassword = "{PASSWORD}"\n'
            f"[api]\nport = {self._port}\n[work]\nmetrics_port = 0\n"
        )
        register = ["--os-cloud", "east-admin", "--clouds-yaml", self._real]
        self._fractus("keystone", "register", *register)
        self._make_tenant()
        names = {
            "tenant": entry(self._url, TENANT, PASSWORD, TENANT),
            "root": entry(self._url, self._admin["username"], self._admin["password"], "admin"),
        }
        for one in names.values():
            one["region_name"] = REGION
        (self.work / "clouds.yaml").write_text(yaml.safe_dump({"clouds": names}))
        with (self.work / "serve.log").open("wb") as log:
            serve = [sys.executable, "-m", "fractus", "serve"]
            self._api = subprocess.Popen(
                serve, env=self.environ(), cwd=ROOT, stdout=log, stderr=subprocess.STDOUT
            )
        self._wait_for_api()
        for name in ("east", "west"):
            self._fractus("cloud", "add", name, "--os-cloud", f"{name}-admin", "--clouds-yaml", self._real)

    def _wait_for_api(self) -> None:
        end = time.monotonic() + 30
        while True:
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"http://127.0.0.1:{self._port}/healthcheck", timeout=2).close()
                return
            assert time.monotonic() < end, (self.work / "serve.log").read_text()
            time.sleep(0.2)

    def _make_tenant(self) -> None:
        identity = child("east").identity
        project = identity.create_project(name=TENANT, domain_id="default")
        user = identity.create_user(name=TENANT, password=PASSWORD, domain_id="default")
        identity.assign_project_role_to_user(project, user, identity.find_role("member"))

    def connect(self, name: str) -> Connection:
        """Openstacksdk as `tenant` or `root` of the one endpoint."""
        file = str(self.work / "clouds.yaml")
        return Connection(config=openstack.config.OpenStackConfig(config_files=[file]).get_one(name))

    def stop(self) -> None:
        """Let nothing stay behind in the Keystones: the tenant, its mapped projects, the region, our user.

        Where a life has failed, the projects with what it has left are kept to be looked at.
        """
        if self._api is not None:
            self._api.terminate()
            self._api.wait(20)
        keystone = child("east").identity
        for project in list(keystone.projects(name=TENANT)):
            if not any(left_in(name, project.id) for name in ("west", "east")):
                self._remove_projects(project.id)
        for one in keystone.endpoints(region_id=REGION):
            keystone.delete_endpoint(one)
        keystone.delete_region(REGION)
        for user in (TENANT, SERVICE):
            for one in keystone.users(name=user):
                keystone.delete_user(one)

    @staticmethod
    def _remove_projects(tenant: str) -> None:
        # In east, last, this is the tenant's own.
        for name in ("west", "east"):
            cloud = child(name)
            for project in mapped_projects(cloud, tenant):
                for group in cloud.network.security_groups(project_id=project, name="default"):
                    cloud.network.delete_security_group(group)
                cloud.identity.delete_project(project)


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    made = Stand(tmp_path_factory.mktemp("killed"))
    try:
        made.start()
        yield made
    finally:
        made.stop()


# --- the worker, and its successors ------------------------------------------------------------------


class Workers:
    """One after another, each as long as it lives. `watch` is called after each death."""

    def __init__(self, stand: Stand, how: str, cloud: str, watch: Callable[[], None]) -> None:
        self._stand = stand
        self._how = how
        self._cloud = cloud
        self._watch = watch
        self._log = stand.work / f"workers-{how}.log"
        self._journal = stand.work / f"journal-{how}.jsonl"
        self._running: subprocess.Popen[bytes] | None = None
        self.deaths = 0

    def _start(self) -> None:
        words = [sys.executable, "-m", "tests.real.killing_worker", self._how, str(self._journal)]
        with self._log.open("ab") as log:
            self._running = subprocess.Popen(
                words, env=self._stand.environ(), cwd=ROOT, stdout=log, stderr=subprocess.STDOUT
            )

    def until(self, what: Callable[[], Any], reason: str, *, seconds: float = 400) -> None:
        """Have successors work until `what` is true and no work is left for the cloud."""
        end = time.monotonic() + seconds
        while self._see_to_it() or not what() or self._work():
            if time.monotonic() > end:
                pytest.fail(f"not within {seconds:g} s: {reason}; work: {self._work()}\n{self.reported()}")
            time.sleep(0.3)

    def _see_to_it(self) -> bool:
        """Have a worker run; whether it had to be started."""
        code = None if self._running is None else self._running.poll()
        if self._running is not None and code is None:
            return False
        if self._running is not None:
            assert code == -signal.SIGKILL, f"the worker ended with {code}:\n{self.reported()}"
            self.deaths += 1
        self._start()
        if self.deaths:
            self._watch()
        return True

    def _work(self) -> list[tuple[str, str, str]]:
        """What the machine still has to do; all is settled where nothing is.

        Ports that are there do not count: whether their cloud has bound them is looked for more and more seldom.
        """
        file = f"file:{self._stand.state / 'fractus.db'}?mode=ro"
        with contextlib.closing(sqlite3.connect(file, uri=True)) as store:
            query = (
                "SELECT work.kind, work.id, reason FROM work LEFT JOIN presence USING (kind, id, cloud)"
                " WHERE cloud IN ('', ?) AND NOT (work.kind = 'port' AND IFNULL(wanted AND remote_id <> '', 0))"
            )
            return store.execute(query, [self._cloud]).fetchall()

    def reported(self) -> str:
        """The end of the journal and of the log, for the message of a failure."""
        lines = [*self._journal.read_text().splitlines()[-20:], *self._log.read_text().splitlines()[-30:]]
        return "\n".join(lines)

    def journal(self, what: str) -> list[str]:
        """The changes that were `sent`, `answered` or `died` at, in order."""
        lines = map(json.loads, self._journal.read_text().splitlines())
        return [line["key"] for line in lines if line["what"] == what]

    def end(self) -> None:
        """Stop the last one."""
        if self._running is not None and self._running.poll() is None:
            self._running.terminate()
            self._running.wait(30)


# --- one life ----------------------------------------------------------------------------------------


class Life:
    """All that a tenant has in one zone, and what of it is in the child."""

    def __init__(self, stand: Stand, zone: str) -> None:
        self.zone = zone
        self.name = f"kill-{secrets.token_hex(3)}"
        self.kat, self.root = stand.connect("tenant"), stand.connect("root")
        self._child = child(zone)
        self._bits = stand.work / "bits.img"
        self._projects: list[str] = []
        self.whole: dict[str, list[str]] = {}

    def make(self) -> None:
        """Everything at once, without waiting for any child."""
        self._bits.write_bytes(BITS)
        kat, name = self.kat, self.name
        self.flavor = self.root.compute.create_flavor(name=name, ram=64, vcpus=1, disk=1)
        self.root.compute.create_flavor_extra_specs(self.flavor, {"kill:colour": "red"})
        self.image = kat.create_image(
            name, filename=str(self._bits), disk_format="raw", container_format="bare", wait=True
        )
        self.network = kat.network.create_network(name=name)
        self.subnet = kat.network.create_subnet(network_id=self.network.id, ip_version=4, cidr="10.64.0.0/24")
        self.group = kat.network.create_security_group(name=name)
        born_with = kat.network.security_group_rules(security_group_id=self.group.id)
        kat.network.delete_security_group_rule(next(one for one in born_with if one.ether_type == "IPv6"))
        ssh = {"direction": "ingress", "protocol": "tcp", "port_range_min": 22, "port_range_max": 22}
        kat.network.create_security_group_rule(security_group_id=self.group.id, **ssh)
        public = (
            Ed25519PrivateKey.generate().public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
        )
        self.key = kat.compute.create_keypair(name=name, public_key=public.decode())
        self.server = kat.compute.create_server(
            name=name,
            image_id=self.image.id,
            flavor_id=self.flavor.id,
            networks=[{"uuid": self.network.id}],
            security_groups=[{"name": name}],
            key_name=name,
            availability_zone=self.zone,
        )
        (port,) = kat.network.ports(device_id=self.server.id)
        self.whole = {
            "servers": [self.server.id],
            "ports": [port.id],
            "subnets": [self.subnet.id],
            "networks": [self.network.id],
            "groups": [self.group.id],
            "images": [self.image.id],
            "flavors": [self.flavor.id],
            "keys": [self.key.fingerprint],
        }

    def there(self) -> dict[str, list[str]]:
        """What the child has of the tenant: our ids, each as often as it is there, or the child's where none is."""
        cloud = self._child
        found: dict[str, list[str]] = {kind: [] for kind in self.whole}
        self._projects = self._projects or mapped_projects(cloud, self.kat.current_project_id)
        for project in self._projects:
            for one in cloud.compute.servers(all_projects=True, project_id=project):
                found["servers"].append(one.metadata.get("fractus_id") or one.id)
            for kind in ("ports", "subnets", "networks"):
                found[kind] += [_marked(one) for one in getattr(cloud.network, kind)(project_id=project)]
            groups = cloud.network.security_groups(project_id=project)
            found["groups"] += [_marked(one) for one in groups if one.name != "default"]
            for one in cloud.image.images(owner=project):
                found["images"].append(one.properties.get("fractus_id") or one.id)
        # These two belong to no project there: ours are recognised by what only they have.
        flavors = cloud.compute.flavors(is_public=None)
        found["flavors"] += [
            markers.from_name(one.id) for one in flavors if one.name.startswith(f"{self.name}.")
        ]
        found["keys"] += [
            one.fingerprint for one in cloud.compute.keypairs() if one.fingerprint == self.key.fingerprint
        ]
        return found

    def nothing_twice(self) -> None:
        """One of each, or none; and nothing without our marker."""
        for kind, marks in self.there().items():
            assert marks in ([], self.whole[kind]), f"{kind} in {self.zone}: {marks}"

    def is_whole(self) -> bool:
        """Whether exactly what was asked for is there."""
        return self.there() == self.whole

    def rules(self, cloud: Connection, group_id: str) -> list[tuple[Any, ...]]:
        """The rules of a group, without their ids."""
        every = cloud.network.security_group_rules(security_group_id=group_id)
        names = (
            "direction",
            "ether_type",
            "protocol",
            "port_range_min",
            "port_range_max",
            "remote_ip_prefix",
        )
        return sorted((tuple(getattr(one, name) for name in names) for one in every), key=str)

    def status(self) -> str:
        """The server's, as its user sees it."""
        return str(self.kat.compute.get_server(self.server.id).status)

    def server_there(self) -> Any:
        """The child's own."""
        servers = self._child.compute.servers(all_projects=True)
        (one,) = [one for one in servers if one.metadata.get("fractus_id") == self.server.id]
        return one

    def group_there(self) -> str:
        """The child's id of the security group."""
        (one,) = [one for one in self._child.network.security_groups() if _marked(one) == self.group.id]
        return str(one.id)

    def actions_there(self) -> Counter[str]:
        """What was ever done to the server in the child."""
        return Counter(one.action for one in self._child.compute.server_actions(self.server_there()))

    def remove(self) -> None:
        """Everything but the server, which is gone."""
        self.kat.network.delete_network(self.network)
        self.kat.network.delete_security_group(self.group)
        self.kat.compute.delete_keypair(self.name)
        self.kat.image.delete_image(self.image)
        self.root.compute.delete_flavor(self.flavor)


def _marked(thing: Any) -> str:
    return markers.from_tag(thing.description) or str(thing.description) or str(thing.id)


@pytest.mark.parametrize(("zone", "how"), [("west", "after"), ("east", "before")])
def test_a_worker_that_dies_at_every_step_of_a_life(stand: Stand, zone: str, how: str) -> None:
    began = time.monotonic()
    life = Life(stand, zone)
    kat = life.kat
    workers = Workers(stand, how, zone, life.nothing_twice)
    try:
        life.make()
        workers.until(lambda: life.status() == "ACTIVE", "ACTIVE")
        assert life.is_whole()
        assert life.rules(child(zone), life.group_there()) == life.rules(kat, life.group.id)

        kat.compute.reboot_server(life.server, "HARD")
        workers.until(lambda: life.status() == "ACTIVE", "rebooted")
        kat.compute.stop_server(life.server)
        workers.until(lambda: life.status() == "SHUTOFF", "stopped")
        kat.compute.update_server(life.server, name=f"{life.name}-b")
        kat.compute.set_server_metadata(life.server, mood="good")
        workers.until(lambda: life.server_there().name == f"{life.name}-b", "renamed")
        assert life.server_there().metadata == {"fractus_id": life.server.id, "mood": "good"}
        assert life.actions_there() == Counter(create=1, reboot=1, stop=1), "each once"
        assert life.is_whole()

        kat.compute.delete_server(life.server)
        workers.until(lambda: not list(kat.compute.servers()), "the server is gone")
        left = {**life.whole, "servers": [], "ports": []}
        assert life.there() == left
        life.remove()
        workers.until(lambda: not any(life.there().values()), "nothing is left")
    finally:
        workers.end()
    seconds = time.monotonic() - began
    print(f"{zone}, killed {how}: {workers.deaths} deaths, {seconds:.0f} s")
    died, sent, answered = (set(workers.journal(what)) for what in ("died", "sent", "answered"))
    assert workers.deaths == len(workers.journal("died"))
    # What was under way when another change's moment came was cut short by that death: nobody wrote it down either.
    met = died | (sent - answered)
    for step, words in STEPS.items():
        assert any(re.match(words, key) for key in met), f"nobody died at: {step}"
    assert (sent if how == "before" else answered) <= died, "no change was let pass that nobody had died at"
