"""Cinder's rules about services, hosts, pools and clusters, with their defaults (cinder.policies)."""

from __future__ import annotations

from fractus.auth.base_rules import CINDER_ADMIN
from fractus.auth.policy import RuleDefault

SERVICES = RuleDefault("volume_extension:services:index", CINDER_ADMIN, "List the services of block storage.")
UPDATE = RuleDefault("volume_extension:services:update", CINDER_ADMIN, "Change a service of block storage.")
FREEZE = RuleDefault("volume:freeze_host", CINDER_ADMIN, "Freeze a back end.")
THAW = RuleDefault("volume:thaw_host", CINDER_ADMIN, "End the freeze of a back end.")
FAILOVER = RuleDefault("volume:failover_host", CINDER_ADMIN, "Have a back end fail over.")
HOSTS = RuleDefault("volume_extension:hosts", CINDER_ADMIN, "List, show and change hosts of block storage.")
POOLS = RuleDefault(
    "scheduler_extension:scheduler_stats:get_pools", CINDER_ADMIN, "List the pools of block storage."
)
CAPABILITIES = RuleDefault(
    "volume_extension:capabilities", CINDER_ADMIN, "Show what a back end is capable of."
)
CLUSTERS = RuleDefault("clusters:get_all", CINDER_ADMIN, "List clusters of block storage.")
CLUSTER = RuleDefault("clusters:get", CINDER_ADMIN, "Show a cluster of block storage.")
CLUSTER_UPDATE = RuleDefault("clusters:update", CINDER_ADMIN, "Enable or disable a cluster.")
CLEANUP = RuleDefault("workers:cleanup", CINDER_ADMIN, "Have services finish what others left undone.")

RULES = [
    SERVICES, UPDATE, FREEZE, THAW, FAILOVER, HOSTS, POOLS, CAPABILITIES, CLUSTERS, CLUSTER, CLUSTER_UPDATE, CLEANUP,
]  # fmt: skip
