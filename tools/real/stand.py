"""Stands fractus up in front of two real clouds, with two tenants: what the walk in tests/real needs.

    stand.py DIRECTORY [CLOUD CLOUD]     (FRACTUS_STATE and FRACTUS_REAL_CLOUDS_YAML are set, see run.sh)

The clouds are east and west unless others are named; fractus shares the Keystone of the first.

Writes DIRECTORY/clouds.yaml with the entries `ann` and `bob` (plain tenants, each in a project of their own) and `root`
(an administrator), all of them knowing nothing but the one endpoint.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import openstack
import yaml
from openstack.connection import Connection

PASSWORD = "walk"
TENANTS = ("ann", "bob")


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def fractus(*words: str) -> None:
    """Run the command under test."""
    subprocess.run([sys.executable, "-m", "fractus", *words], check=True)


def make_tenants(admin: Connection) -> None:
    """A project for each tenant, and the user in it."""
    member = admin.identity.find_role("member")
    for name in TENANTS:
        project = admin.identity.find_project(name) or admin.identity.create_project(
            name=name, domain_id="default"
        )
        user = admin.identity.find_user(name)
        if user is None:
            user = admin.identity.create_user(name=name, password=PASSWORD, domain_id="default")
        admin.identity.assign_project_role_to_user(project, user, member)


def entry(url: str, username: str, password: str, project: str) -> dict[str, object]:
    """A `clouds.yaml` entry for the one endpoint."""
    domain = {"user_domain_name": "Default", "project_domain_name": "Default"}
    auth = {"auth_url": url, "username": username, "password": password, "project_name": project, **domain}
    return {"auth": auth, "region_name": "fractus", "identity_api_version": 3}


def main() -> None:
    """Stand it up."""
    work = Path(sys.argv[1])
    names = sys.argv[2:] or ["east", "west"]
    first = f"{names[0]}-admin"
    state = Path(os.environ["FRACTUS_STATE"])
    real = os.environ["FRACTUS_REAL_CLOUDS_YAML"]
    entries = yaml.safe_load(Path(real).read_text())["clouds"]
    keystone = entries[first]["auth"]["auth_url"]
    state.mkdir(parents=True)
    port, metrics = free_port(), free_port()
    (state / "fractus.toml").write_text(
        f'[keystone]\nmode = "external"\nurl = "{keystone}"\nusername = "fractus"\npassword = "{PASSWORD}"\n'
        f"[api]\nport = {port}\n[work]\nmetrics_port = {metrics}\n"
    )
    fractus("keystone", "register", "--os-cloud", first, "--clouds-yaml", real)
    config = openstack.config.OpenStackConfig(config_files=[real])
    make_tenants(Connection(config=config.get_one(first)))
    admin = entries[first]["auth"]
    clouds = {name: entry(keystone, name, PASSWORD, name) for name in TENANTS}
    clouds["root"] = entry(keystone, admin["username"], admin["password"], admin["project_name"])
    (work / "clouds.yaml").write_text(yaml.safe_dump({"clouds": clouds}))
    fractus("up", "--detach", "--no-demo")
    for name in names:
        fractus("cloud", "add", name, "--os-cloud", f"{name}-admin", "--clouds-yaml", real)
    fractus("cloud", "list")


if __name__ == "__main__":
    main()
