"""What a child is recognised by, and our mark in it: a security group of the credential's own project.

Every Neutron has security groups with descriptions, an administrator sees those of all projects, and a group that
nothing uses costs nothing. Where a Keystone serves several regions each has its own.
"""

from __future__ import annotations

from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from fractus.clouds.openstack.child import Child
from fractus.clouds.openstack.services import Ask, base_url, segment
from fractus.clouds.openstack.transport import Call
from fractus.model import installation
from fractus.model.cloud import HOME
from fractus.model.errors import CloudError, CredentialsRejected, Missing, Refused
from fractus.model.installation import Identity, Mark

_SERVICES = ("compute", "network")
_PORTS = {"http": 80, "https": 443}

#: Where compute is below the root of a fractus, which says there what it is.
_COMPUTE = "/compute/v2.1"


class _Group(Struct):
    id: str
    name: str = ""
    description: str | None = ""


class _Self(Struct):
    installation: str = ""
    below: list[str] = []


class _Root(Struct):
    fractus: _Self


def spelled(url: str) -> str:
    """A URL in one spelling: host, port and path, without what is the same to whoever calls it."""
    parts = urlsplit(url.strip())
    host = (parts.hostname or "").rstrip(".")
    return f"{host}:{parts.port or _PORTS.get(parts.scheme, 0)}{parts.path.rstrip('/')}"


async def identify(child: Child, address: str) -> Identity:
    """What the child says of itself. `address`: what its row says."""
    grant = await child.projects.home()
    roots = [
        base_url(one, grant.endpoints[one], grant.project_id) for one in _SERVICES if one in grant.endpoints
    ]
    fractus = await _fractus(child, roots)
    return Identity(
        address=address,
        endpoints=[spelled(one) for one in roots],
        services=list(grant.services),
        installation=fractus.installation,
        below=fractus.below,
        marks=await marks(child),
    )


async def _fractus(child: Child, roots: list[str]) -> _Self:
    """What the root of the endpoint says, where it is that of a fractus. It is asked without a token."""
    root = next((one.removesuffix(_COMPUTE) for one in roots if one.endswith(_COMPUTE)), None)
    if root is None:
        return _Self()
    headers = {"Accept": "application/json", "User-Agent": "fractus"}
    try:
        answer = await child.services.wire.send(
            Call(service="compute", method="GET", url=f"{root}/", headers=headers)
        )
        return msgspec.json.decode(answer.body, type=_Root).fractus
    except (CloudError, msgspec.DecodeError, UnicodeDecodeError):
        return _Self()


async def marks(child: Child) -> list[Mark]:
    """All marks there, as far as the credential sees them."""
    ask = Ask(service="network", path="/security-groups", query={"name": installation.NAME})
    try:
        groups = await child.item(HOME, ask, "security_groups", list[_Group])
    except CredentialsRejected:
        raise
    except (Refused, Missing):
        return []
    found = [
        installation.read(one.description or "", one.id) for one in groups if one.name == installation.NAME
    ]
    return [one for one in found if one is not None]


async def mark(child: Child, own: Mark) -> str:
    """Leave ours, unless it is there; its id."""
    for one in await marks(child):
        if (one.installation, one.cloud) == (own.installation, own.cloud):
            return one.remote_id
    body = {"security_group": {"name": installation.NAME, "description": own.description}}
    ask = Ask(service="network", method="POST", path="/security-groups", body=body)
    return (await child.item(HOME, ask, "security_group", _Group)).id


async def unmark(child: Child, remote_id: str) -> None:
    """Take ours away, if that is what has this id."""
    path = f"/security-groups/{segment(remote_id)}"
    try:
        there = await child.item(HOME, Ask(service="network", path=path), "security_group", _Group)
        if there.name == installation.NAME:
            await child.send(HOME, Ask(service="network", method="DELETE", path=path))
    except Missing:
        return
