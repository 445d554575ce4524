"""Names of what simulated clouds are filled with: the same for the same arguments, always, and known to both sides.

`fractus simulate` fills children by these rules, and whoever fills a parent by the same rules has, without a single
call, a parent that knows the children's servers as its own: its presences name the ids there, and what is there
carries the parent's ids as markers.

Servers are numbered from 1 through all clouds, dealt out like cards: with three clouds 1, 4, 7 ... are in the first. A
server and its port have the same number. What a project has once in a cloud (its network, subnet and security group)
has the project's number. What all have together (flavor, image) is number 1.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator

from fractus.addressing import ranges

#: Projects among which servers are shared out, numbered from 1: the first has three of ten, the last one of 200.
PROJECTS = 50
_LARGEST = 0.3

#: The subnet that each project has: room for 16 million servers, and a pool of which none of them has an address.
CIDR = "10.0.0.0/8"
POOL = {"start": "10.255.0.2", "end": "10.255.255.254"}
_FIRST = ranges.number("10.0.0.10")

#: Servers were made one after the other from the beginning of 2025 on. Seconds since the epoch, and between two.
_BEGAN, _APART = 1735689600.0, 30.0
#: From the request to ACTIVE. Seconds.
BOOT = 4.0


def cloud_name(cloud: int) -> str:
    """Name, and region, of cloud `cloud`, from 1: `sim-001`."""
    return f"sim-{cloud:03d}"


def cloud_of(number: int, clouds: int) -> int:
    """The cloud, from 1, that has server `number` where there are `clouds` clouds."""
    return (number - 1) % clouds + 1


def numbers_in(cloud: int, clouds: int, each: int) -> Iterator[int]:
    """The numbers of the `each` servers of cloud `cloud`."""
    return iter(range(cloud, cloud + each * clouds, clouds))


def project_of(number: int) -> int:
    """The project of server `number`. It does not depend on how many servers or clouds there are."""
    # Fibonacci hashing: neighbours are far apart, and every stretch of numbers has all projects in their shares.
    share = (number * 2654435761 % 2**32) / 2**32
    if share < _LARGEST:
        return 1
    rest = (share - _LARGEST) / (1 - _LARGEST)
    return 2 + int((PROJECTS - 1) * rest**3)


def parent_id(kind: str, number: int) -> str:
    """The id of a resource in the parent: the marker of what is in the cloud."""
    return _uuid(f"{kind} {number}")


def child_id(kind: str, cloud: int, number: int) -> str:
    """The id of the same in cloud `cloud`: of a server, port, network, subnet or security group.

    An image has its id of the parent there, and a flavor is named after it.
    """
    return _uuid(f"{kind} {number} in {cloud}")


def parent_project(project: int) -> str:
    """The id of project `project` in the parent's Keystone, where nothing else is said."""
    return uuid.UUID(_uuid(f"project {project}")).hex


def child_project(project: int) -> str:
    """Its id in the Keystone of every child; its name there is `fractus-` and its id in the parent."""
    return uuid.UUID(_uuid(f"project {project} in children")).hex


def parent_user(project: int) -> str:
    """The id of the user of the parent who has made all in project `project`."""
    return hashlib.md5(f"user {project}".encode(), usedforsecurity=False).hexdigest()


def server_name(number: int) -> str:
    """What server `number` is called."""
    return f"server-{number:07d}"


def mac(number: int) -> str:
    """The MAC address of port `number`, at most 16,777,215."""
    return f"fa:16:3e:{number >> 16:02x}:{number >> 8 & 255:02x}:{number & 255:02x}"


def ip(number: int) -> str:
    """The address of port `number` in its project's subnet."""
    return ranges.text(_FIRST + number, 4)


def host(number: int, clouds: int, hosts: int) -> str:
    """The host of server `number`, as its cloud calls it, where each cloud has `hosts`."""
    return f"host-{(number - 1) // clouds % hosts + 1}"


def made_at(number: int) -> float:
    """When server `number` was asked for, in whole seconds since the epoch; all that is shared was made at 0's."""
    return _BEGAN + number * _APART


def _uuid(text: str) -> str:
    digest = hashlib.md5(text.encode(), usedforsecurity=False).digest()
    return str(uuid.UUID(bytes=digest, version=4))
