"""The example inventory of the repository, read, and changed a little."""

from __future__ import annotations

import copy
import tomllib
from pathlib import Path
from typing import Any

import msgspec

from fractus.deploy.inventory import Inventory

EXAMPLE = Path(__file__).parents[3] / "deploy" / "inventory.toml"


def example() -> dict[str, Any]:
    return tomllib.loads(EXAMPLE.read_text())


def inventory(**sections: Any) -> Inventory:
    """The example with other values: section -> field -> value; `node` is the whole list."""
    document = copy.deepcopy(example())
    for section, values in sections.items():
        if isinstance(values, dict):
            document.setdefault(section, {}).update(values)
        else:
            document[section] = values
    return msgspec.convert(document, Inventory)


def nodes(number: int, **every: Any) -> list[dict[str, Any]]:
    """So many nodes with all roles, each in a rack of its own."""
    roles = ["database", "broker", "cache", "identity", "api", "worker", "balancer"]
    return [
        {"name": f"n{i}", "address": f"10.20.0.{10 + i}", "rack": f"r{i}", "roles": roles, **every}
        for i in range(1, number + 1)
    ]
