"""Reading namespaces: who may see which."""

from __future__ import annotations

from fractus.auth.principal import Principal
from fractus.model.resource import Resource
from fractus.store.resources import Resources
from fractus.store.transaction import Reader

KIND, TYPE_KIND = "metadef_namespace", "metadef_resource_type"


def visible(namespace: Resource, who: Principal) -> bool:
    """Whether the caller may know of it (Glance's own rule, under all policies)."""
    desired = namespace.desired
    open_to_all = desired["owner"] is None or desired["visibility"] == "public"
    return who.is_admin or open_to_all or (bool(who.project_id) and who.project_id == desired["owner"])


async def fetch(reader: Reader, resources: Resources, name: str) -> Resource | None:
    """A namespace, by its name."""
    return await resources.fetch(reader, KIND, name)
