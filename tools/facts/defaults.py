"""Prints the default quotas and limits of the installed services as JSON, by the names that ours have.

realcloud python tools/facts/defaults.py > tools/facts/defaults.json
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import nova.conf
from glance.common import config as glance
from neutron.conf import common as neutron
from neutron.conf.extensions.allowedaddresspairs import allowed_address_pair_opts
from neutron.conf.quota import core_quota_opts, l3_quota_opts, rbac_quota_opts, security_group_quota_opts
from nova.objects import instance, tag


def _of(options: Any) -> dict[str, Any]:
    return {one.name: one.default for one in options}


def _of_cinder() -> dict[str, Any]:
    """Cinder's, read by a process of its own: its options and Nova's have the same names in one set."""
    options = "{one.name: one.default for one in quota.quota_opts}"
    program = f"import json; from cinder import quota; print(json.dumps({options}))"
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", program], check=True, capture_output=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def main() -> None:
    """Print it."""
    of_nova = nova.conf.CONF.quota
    networks = (
        _of(core_quota_opts) | _of(security_group_quota_opts) | _of(rbac_quota_opts) | _of(l3_quota_opts)
    )
    bounds, images = _of(neutron.core_opts), _of(glance.common_opts)
    pairs = _of(allowed_address_pair_opts)
    same = "instances cores ram key_pairs metadata_items injected_files injected_file_content_bytes"
    quotas = {name: of_nova[name] for name in f"{same} server_groups server_group_members".split()}
    quotas["injected_file_path_bytes"] = of_nova.injected_file_path_length
    for name in (
        "network",
        "subnet",
        "subnetpool",
        "port",
        "security_group",
        "security_group_rule",
        "rbac_policy",
        "router",
        "floatingip",
        "trunk",
    ):
        quotas[name] = networks.get(f"quota_{name}", networks["default_quota"])
    volumes = _of_cinder()
    for name in ("volumes", "gigabytes", "snapshots", "backups", "backup_gigabytes", "groups"):
        quotas[name] = volumes[f"quota_{name}"]
    quotas["per_volume_gigabytes"] = volumes["per_volume_size_limit"]
    facts = {
        "quotas": quotas,
        "compute": {
            "max_limit": nova.conf.CONF.api.max_limit,
            "tags": instance.MAX_TAG_COUNT,
            "tag_length": tag.MAX_TAG_LENGTH,
        },
        "network": {
            "max_dns_nameservers": bounds["max_dns_nameservers"],
            "max_subnet_host_routes": bounds["max_subnet_host_routes"],
            "pagination_max_limit": bounds["pagination_max_limit"],
            "max_allowed_address_pair": pairs["max_allowed_address_pair"],
        },
        "image": {
            name: images[name]
            for name in (
                "limit_param_default",
                "api_limit_max",
                "image_member_quota",
                "image_property_quota",
                "image_tag_quota",
            )
        },
    }
    print(json.dumps(facts, indent=1))


if __name__ == "__main__":
    main()
