"""Hosts of the clouds: their compute services and hypervisors, mirrored, and what administrators do to them."""

#: What hypervisors tell of their use up to 2.87.
from __future__ import annotations

USAGE = (
    "vcpus", "memory_mb", "local_gb", "vcpus_used", "memory_mb_used", "local_gb_used", "free_ram_mb", "free_disk_gb",
    "current_workload", "running_vms", "disk_available_least",
)  # fmt: skip
