"""Stands fractus up in front of real clouds for Tempest, and writes tempest.conf.

    stand.py HOME     (settings from the environment, see run.sh)

The stand has a region of its own in the Keystone that it shares with the first cloud, so it lives beside other stands.
Writes two configurations into HOME/tempest/etc: `dynamic.conf`, where every test class makes projects and users of its
own (with a network, a subnet and a router each, where its tests make servers), and `accounts.conf` with the projects of
accounts.yaml, each of which has a network. Running this again with the stand up keeps what is there.
"""

from __future__ import annotations

import configparser
import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml
from openstack.connection import Connection

REGION = "tempest"
PASSWORD = "walk"
#: Projects for tests that make servers, and projects with an administrator. Two workers use at most three each of them.
PROJECTS, ADMINS = 6, 4
#: What the flavors and images of the tests are called; the tests need two of each.
FLAVORS = {"tempest-small": (64, 1, 1), "tempest-large": (128, 1, 1)}
IMAGES = ("tempest-one", "tempest-two")
OUTSIDE = "public"
"""The external network that tools/realcloud makes in each cloud."""

#: What is the same in every configuration. Features that are off are those that the clouds themselves do not have.
FIXED: dict[str, dict[str, Any]] = {
    "identity": {"auth_version": "v3", "region": REGION, "v3_endpoint_type": "public"},
    "compute": {
        "region": REGION,
        "min_microversion": "2.1",
        "max_microversion": "latest",
        "build_timeout": 120,
        "build_interval": 1,
        "min_compute_nodes": 2,
    },
    "compute-feature-enabled": {
        "resize": True,
        "pause": True,
        "suspend": True,
        "shelve": True,
        "snapshot": True,
        "rescue": True,
        "cold_migration": True,
        "live_migration": True,
        "volume_backed_live_migration": True,
        "interface_attach": True,
        "vnc_console": False,  # the hypervisor of these clouds is a fake, and has none
        "change_password": True,
        "hostname_fqdn_sanitization": True,
    },
    "volume": {
        "region": REGION,
        "build_timeout": 60,
        "min_microversion": "3.0",
        "max_microversion": "latest",
        "vendor_name": "realcloud",
        "storage_protocol": "local",
    },
    # No backup service runs beside these clouds.
    "volume-feature-enabled": {"backup": False, "snapshot": True, "clone": True},
    "image": {"region": REGION, "build_timeout": 60},
    "image-feature-enabled": {"import_image": True, "manage_locations": False},
    "network": {
        "region": REGION,
        "project_network_cidr": "10.128.0.0/16",
        "project_networks_reachable": False,
    },
    "validation": {"run_validation": False},
    "service_available": {
        "cinder": True,
        "swift": False,
        "horizon": False,
        "nova": True,
        "neutron": True,
        "glance": True,
    },
}


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def fractus(*words: str) -> None:
    """Run the command under test."""
    subprocess.run([sys.executable, "-m", "fractus", *words], check=True)


def stand_up(state: Path, real: str, clouds: list[str], keystone: str) -> None:
    """A fractus of its own region, with the clouds behind it."""
    state.mkdir(parents=True)
    (state / "fractus.toml").write_text(
        f'[keystone]\nmode = "external"\nurl = "{keystone}"\nregion = "{REGION}"\n'
        f'username = "fractus"\npassword = "{PASSWORD}"\n'
        f"[api]\nport = {free_port()}\n[work]\nmetrics_port = {free_port()}\n"
    )
    fractus("keystone", "register", "--os-cloud", f"{clouds[0]}-admin", "--clouds-yaml", real)
    fractus("up", "--detach", "--no-demo")
    for name in clouds:
        more = ("--os-cloud", f"{name}-admin", "--clouds-yaml", real, "--setting", "make_volume_types=true")
        fractus("cloud", "add", name, *more)
        fractus("cloud", "adopt", name, "--external-networks")


def user(entry: dict[str, Any]) -> Connection:
    """A user of the shared Keystone, at the one endpoint."""
    return Connection(
        auth=entry["auth"], region_name=REGION, identity_api_version="3", app_name="conformance"
    )


def define(admin: Connection, directory: Path) -> None:
    """The metadata definitions that Glance comes with, each a body as the API takes it. What is there already stays."""
    for file in sorted(directory.glob("*.json")):
        reply = admin.image.post("/metadefs/namespaces", json=json.loads(file.read_text("utf-8")))
        if reply.status_code not in (201, 409):
            raise SystemExit(f"{file}: {reply.status_code} {reply.text}")


def furnish(admin: Connection) -> dict[str, list[str]]:
    """Flavors and images, made through fractus, and the network to the outside: ids of each."""
    flavors = [
        (
            admin.compute.find_flavor(name)
            or admin.compute.create_flavor(name=name, ram=ram, vcpus=vcpus, disk=disk)
        ).id
        for name, (ram, vcpus, disk) in FLAVORS.items()
    ]
    images = []
    for name in IMAGES:
        image = admin.image.find_image(name)
        if image is None:
            image = admin.image.create_image(
                name,
                data=os.urandom(8192),
                disk_format="raw",
                container_format="bare",
                visibility="public",
                wait=True,
            )
        images.append(image.id)
    return {"flavors": flavors, "images": images, "networks": [admin.network.find_network(OUTSIDE).id]}


class Tenants:
    """Users, projects and networks that are there before the tests."""

    def __init__(self, admin: Connection, auth_url: str) -> None:
        self._admin = admin
        self._auth_url = auth_url
        self._roles = {role.name: role for role in admin.identity.roles()}

    def accounts(self) -> list[dict[str, Any]]:
        """What Tempest's accounts.yaml says. Members come first: an account of any kind is the first that is free."""
        projects = [f"tempest-{number}" for number in range(1, PROJECTS + 1)]
        accounts = [
            self._account(name, role) for role in ("member", "reader", "manager") for name in projects
        ]
        accounts += [self._account(f"tempest-admin-{number}", "admin") for number in range(1, ADMINS + 1)]
        return accounts

    def _account(self, project_name: str, role: str) -> dict[str, Any]:
        identity, name = self._admin.identity, f"{project_name}-{role}"
        project = identity.find_project(project_name)
        if project is None:
            project = identity.create_project(name=project_name, domain_id="default")
        user = identity.find_user(name)
        if user is None:
            user = identity.create_user(name=name, password=PASSWORD, domain_id="default")
            identity.assign_project_role_to_user(project, user, self._roles[role])
        auth = {"username": name, "password": PASSWORD, "project_name": project_name}
        if role in ("member", "admin"):
            self._network(project_name, auth)
        domains = {"user_domain_name": "Default", "project_domain_name": "Default"}
        return {**auth, **domains, "roles": [role], "resources": {"network": f"{project_name}-network"}}

    def _network(self, project_name: str, auth: dict[str, str]) -> None:
        """The network of a project, made by its own user."""
        domains = {"user_domain_name": "Default", "project_domain_name": "Default"}
        own = user({"auth": {**auth, **domains, "auth_url": self._auth_url}})
        name = f"{project_name}-network"
        if not list(own.network.networks(name=name, project_id=own.current_project_id)):
            network = own.network.create_network(name=name)
            own.network.create_subnet(
                network_id=network.id, ip_version=4, cidr="10.100.0.0/20", name=f"{project_name}-subnet"
            )


def configuration(
    home: Path,
    entry: dict[str, Any],
    made: dict[str, list[str]],
    extensions: list[str],
    accounts: Path | None,
) -> dict[str, dict[str, Any]]:
    """The sections of tempest.conf."""
    auth = entry["auth"]
    found: dict[str, dict[str, Any]] = {
        "DEFAULT": {"log_dir": home / "log", "log_file": "tempest.log", "debug": False},
        "oslo_concurrency": {"lock_path": home / "lock"},
        "auth": {
            "use_dynamic_credentials": accounts is None,
            "create_isolated_networks": accounts is None,
            "admin_username": auth["username"],
            "admin_password": auth["password"],
            "admin_project_name": auth["project_name"],
            "admin_domain_name": "Default",
            "tempest_roles": "member",
        },
        "identity": {"uri_v3": auth["auth_url"]},
        "compute": {
            "flavor_ref": made["flavors"][0],
            "flavor_ref_alt": made["flavors"][1],
            "image_ref": made["images"][0],
            "image_ref_alt": made["images"][1],
        },
        "network": {"public_network_id": made["networks"][0], "floating_network_name": OUTSIDE},
        "network-feature-enabled": {
            "ipv6": True,
            "ipv6_subnet_attributes": True,
            "port_security": "port-security" in extensions,
            "floating_ips": "router" in extensions,
            "api_extensions": ",".join(extensions),
        },
    }
    if accounts is not None:
        found["auth"]["test_accounts_file"] = accounts
    return {section: {**FIXED.get(section, {}), **found.get(section, {})} for section in {**found, **FIXED}}


def main() -> None:
    """Stand it up, furnish it, write the configuration."""
    home = Path(sys.argv[1])
    state = Path(os.environ["FRACTUS_STATE"])
    real = os.environ["CONFORMANCE_CLOUDS_YAML"]
    clouds = os.environ["CONFORMANCE_CLOUDS"].split(",")
    entry = yaml.safe_load(Path(real).read_text())["clouds"][f"{clouds[0]}-admin"]
    if not state.exists():
        stand_up(state, real, clouds, entry["auth"]["auth_url"])
    admin = user(entry)
    made = furnish(admin)
    define(admin, Path(real).parent / "venv" / "etc" / "glance" / "metadefs")
    extensions = sorted(one.alias for one in admin.network.extensions())
    if "standard-attr-tag" in extensions:
        extensions += [
            "tag",
            "tag-ext",
        ]  # the names that the same API had before; Neutron no longer lists them
    etc = home / "tempest" / "etc"
    accounts = etc / "accounts.yaml"
    accounts.write_text(yaml.safe_dump(Tenants(admin, entry["auth"]["auth_url"]).accounts(), sort_keys=False))
    for name, file in (("dynamic", None), ("accounts", accounts)):
        parser = configparser.ConfigParser(interpolation=None)
        parser.read_dict(
            {
                section: {key: str(value) for key, value in fields.items()}
                for section, fields in configuration(home, entry, made, extensions, file).items()
            }
        )
        with (etc / f"{name}.conf").open("w") as out:
            parser.write(out)


if __name__ == "__main__":
    main()
