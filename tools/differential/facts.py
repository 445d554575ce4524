"""Writes Neutron's attribute maps as JSON: run with the interpreter of an installed Neutron and its configuration.

VENV/bin/python facts.py /path/to/neutron.conf > attributes.json
"""

from __future__ import annotations

import json
import sys
from typing import Any

COLLECTIONS = ("networks", "subnets", "ports", "security_groups", "security_group_rules")


def main(config_file: str) -> None:
    from neutron import manager  # type: ignore[import-not-found]
    from neutron.api import extensions  # type: ignore[import-not-found]
    from neutron.common import config  # type: ignore[import-not-found]
    from neutron_lib.api import attributes  # type: ignore[import-not-found]

    config.register_common_config_options()
    config.init(["--config-file", config_file])
    manager.init()
    loaded = extensions.PluginAwareExtensionManager.get_instance()
    loaded.extend_resources("2.0", attributes.RESOURCES)
    found = {
        collection: {name: _row(row) for name, row in sorted(attributes.RESOURCES[collection].items())}
        for collection in COLLECTIONS
    }
    json.dump(found, sys.stdout, indent=1)


def _row(row: dict[str, Any]) -> dict[str, Any]:
    """What can be sent of an attribute, and what is looked at in it."""
    return {
        "post": row["allow_post"],
        "put": row["allow_put"],
        "validate": sorted(row.get("validate", {})),
        "convert": getattr(row.get("convert_to"), "__name__", ""),
    }


if __name__ == "__main__":
    main(*sys.argv[1:])
