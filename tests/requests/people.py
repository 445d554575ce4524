"""Users in a cloud with a Keystone: two members, each in a new project, and an administrator."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from openstack.config import OpenStackConfig
from openstack.connection import Connection

from tests.requests.files import Caller, Place

#: What a file that failed may leave in a project, in the order in which it can be deleted.
_LEFT = (
    "routers", "ports", "rbac-policies", "networks", "qos/policies", "security-groups", "subnetpools", "address-scopes",
    "address-groups",
)  # fmt: skip

#: Names of users, projects and flavors of these files begin with it.
_PREFIX = "requests-"


@contextlib.contextmanager
def made(entry: str, clouds_yaml: Path | None = None) -> Iterator[Place]:
    """Log in with an administrator's entry of a `clouds.yaml`; two new projects with users, removed at the end."""
    config = OpenStackConfig(config_files=[str(clouds_yaml)] if clouds_yaml else None)
    admin = Connection(config=config.get_one(entry))
    with contextlib.ExitStack() as held:
        callers = {role: held.enter_context(_member(config, entry, admin)) for role in ("member", "other")}
        callers["admin"] = _caller(admin)
        yield Place(
            endpoints={name: _unversioned(admin, name) for name in ("network", "compute", "image")},
            callers=callers,
        )


@contextlib.contextmanager
def _member(config: OpenStackConfig, entry: str, admin: Connection) -> Iterator[Caller]:
    name, password = f"{_PREFIX}{uuid.uuid4().hex[:8]}", uuid.uuid4().hex
    project = admin.identity.create_project(name=name, domain_id="default")
    user = admin.identity.create_user(name=name, password=password, domain_id="default")
    try:
        admin.identity.assign_project_role_to_user(project, user, admin.identity.find_role("member"))
        own = config.get_one(entry, auth={"username": name, "password": password, "project_name": name})
        yield _caller(Connection(config=own))
    finally:
        _clean(admin, project.id, user.id)
        admin.identity.delete_user(user)
        admin.identity.delete_project(project)


def _caller(connection: Connection) -> Caller:
    return Caller(connection.auth_token, connection.current_project_id, connection.current_user_id)


def _unversioned(connection: Connection, service: str) -> str:
    """The endpoint in the catalog without the version at its end."""
    url = urlsplit(connection.endpoint_for(service))
    path = url.path.rstrip("/").removesuffix("/v2.1").removesuffix("/v2.0")
    return url._replace(path=path).geturl()


def _clean(admin: Connection, project_id: str, user_id: str) -> None:
    """Delete what is left of a project, with its default group, its user's key pairs, and flavors of these files."""
    network: Any = admin.network
    for collection in _LEFT:
        reply = network.get(f"/{collection}", params={"project_id": project_id, "fields": "id"})
        for one in next(iter(reply.json().values())) if reply.ok else ():
            network.delete(f"/{collection}/{one['id']}")
    for key in admin.compute.keypairs(user_id=user_id):
        admin.compute.delete_keypair(key, user_id=user_id)
    for flavor in admin.compute.flavors(is_public=None):
        if flavor.name.startswith(_PREFIX):
            admin.compute.delete_flavor(flavor)
