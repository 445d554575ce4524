"""Nova's rules about its proxies, with their defaults (nova.policies)."""

from __future__ import annotations

from fractus.auth.base_rules import ANY, NOVA_MEMBER_OR_ADMIN, NOVA_READER_OR_ADMIN
from fractus.auth.policy import RuleDefault

_API = "os_compute_api:"
GROUPS, GROUP_RULES = f"{_API}os-security-groups:", f"{_API}os-security-groups:rule:"
FLOATING, POOLS = f"{_API}os-floating-ips:", f"{_API}os-floating-ip-pools"
NETWORKS, TENANT_NETWORKS = f"{_API}os-networks:", f"{_API}os-tenant-networks:"
VOLUMES, SNAPSHOTS = f"{_API}os-volumes:", f"{_API}os-volumes:snapshots:"
#: Nova has no rules of its own about images: the image service's decide.
IMAGES = "fractus:compute:images"


def _rules(prefix: str, things: str, reads: str, writes: str) -> list[RuleDefault]:
    return [
        RuleDefault(f"{prefix}{name}", check, f"The proxy of {things}: {name}.")
        for names, check in ((reads, NOVA_READER_OR_ADMIN), (writes, NOVA_MEMBER_OR_ADMIN))
        for name in names.split()
    ]


RULES = [
    *_rules(GROUPS, "security groups", "get show", "create update delete"),
    *_rules(GROUP_RULES, "rules of security groups", "", "create delete"),
    *_rules(FLOATING, "floating IPs", "list show", "create delete"),
    RuleDefault(POOLS, ANY, "The proxy of pools of floating IPs: list."),
    *_rules(NETWORKS, "networks", "list show", ""),
    *_rules(TENANT_NETWORKS, "networks of tenants", "list show", ""),
    *_rules(VOLUMES, "volumes", "list detail show", "create delete"),
    *_rules(SNAPSHOTS, "snapshots", "list detail show", "create delete"),
    RuleDefault(IMAGES, ANY, "The proxy of images: all of it."),
]
