"""Resource providers and what belongs to them, as Placement shows them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from fractus.services.placement import PREFIX


def provider(id: str, found: Mapping[str, Any], parts: Iterable[str]) -> dict[str, Any]:
    """A provider of the newest version. One that is its own root there is so here, whatever it is called.

    `parts`: what its links lead to.
    """
    own = {found["uuid"]: id}
    root, parent = found.get("root_provider_uuid"), found.get("parent_provider_uuid")
    url = f"{PREFIX}/resource_providers/{id}"
    links = [{"rel": name, "href": f"{url}/{name}"} for name in parts]
    return {
        "uuid": id,
        "name": found["name"],
        "generation": found["generation"],
        "links": [{"rel": "self", "href": url}, *links],
        "parent_provider_uuid": parent,
        "root_provider_uuid": own.get(root, root),
    }


def resource_class(name: str) -> dict[str, Any]:
    """A resource class."""
    return {"name": name, "links": [{"rel": "self", "href": f"{PREFIX}/resource_classes/{name}"}]}


def usages(
    sums: Mapping[str, int], count: int, consumer_type: str | None, *, by_type: bool
) -> dict[str, Any]:
    """What the servers of a project use. All that uses something here is a server: an `INSTANCE`."""
    used = {name: value for name, value in sums.items() if value}
    if not by_type:
        return {"usages": used}
    if not count or consumer_type not in (None, "all", "INSTANCE"):
        return {"usages": {}}
    return {"usages": {consumer_type or "INSTANCE": {**used, "consumer_count": count}}}
