"""What a simulated cloud is like: its hosts, how long things take there, its quotas. From the operator's settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from fractus.model.errors import Refused
from fractus.model.volumes import DEFAULT_TYPE


class Shape(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One simulated cloud. The defaults make a small one that is quick but not instant."""

    path: str = ""
    """File of its state; empty: in memory, gone with the process."""
    hosts: int = 4
    vcpus_per_host: int = 64
    """What the scheduler may give away, overcommitment included."""
    ram_per_host: int = 65536
    """MiB."""
    disk_per_host: int = 2000
    """GiB."""
    boot_seconds: float = 3.0
    """From BUILD to ACTIVE."""
    schedule_seconds: float = 1.0
    """From an accepted create to ERROR, where no host has room."""
    action_seconds: float = 1.0
    """How long a stop, a start and a reboot take."""
    delete_seconds: float = 1.0
    """How long a delete of a server takes."""
    upload_seconds: float = 0.0
    """How long an image is `saving`."""
    volume_seconds: float = 1.0
    """How long it takes to make, grow and delete a volume, a snapshot or a backup."""
    volume_types: tuple[str, ...] = (DEFAULT_TYPE,)
    """Names of its volume types, the first of which is its default; none: it has no block storage."""
    make_volume_types: bool = False
    """Whether volume types that it does not have are made there."""
    volume_gigabytes: int = 10000
    """The size of its pool of volumes. GiB."""
    mtu: int = 1450
    """The largest MTU of its networks, which is theirs where none is asked for. The default: what Neutron gives to
    tunnelled networks on a physical MTU of 1500."""
    clock_offset: float = 0.0
    """How far the cloud's own clock is ahead of ours. Seconds."""
    agents: bool = False
    """Whether its Neutron has agents: without, it is one that leaves networks to the hypervisors."""
    host_lists: bool = False
    """Whether our credential may list its compute services and hypervisors: without, it is no administrator's there."""
    external: dict[str, str] = {}
    """Its external networks: name -> CIDR of the one subnet of each. They are there from the start."""
    quota: dict[str, int] = {}
    """For each project: instances, cores, ram, key_pairs, network, subnet, port, security_group, security_group_rule,
    volumes, gigabytes, snapshots, backups. What is not named is not limited.
    """

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Shape:
        """Read settings; those that other parts read (`weight`) are passed over. `Refused` where they are wrong."""
        own = {key: value for key, value in settings.items() if key in cls.__struct_fields__}
        try:
            return msgspec.convert(own, cls, strict=False)
        except msgspec.ValidationError as error:
            raise Refused(f"settings of a simulated cloud: {error}") from error
