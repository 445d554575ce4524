"""What all of Neutron's documents begin and end with, and the columns that all its tables have. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fractus.base.clock import iso
from fractus.model.network import SHARED_WITH
from fractus.model.resource import BLOCKED, Presence, Resource


def revision(resource: Resource, born: int = 1) -> int:
    """Neutron's `revision_number`: changes of what is desired, and changes of the document alone (`touched`).

    `born`: the number of a new one.
    """
    return resource.generation - 1 + born + int(resource.desired.get("touched", 0))


def head(resource: Resource) -> dict[str, Any]:
    """Identity."""
    return {
        "id": resource.id,
        "name": resource.name,
        "tenant_id": resource.project_id,
        "project_id": resource.project_id,
    }


def tail(resource: Resource, *, born: int = 1) -> dict[str, Any]:
    """Standard attributes. Neutron reads tags in the order of their characters, however they were given."""
    get, created, updated = resource.desired.get, resource.created_at, resource.updated_at
    made = iso(created)
    return {
        "description": get("description", ""),
        "tags": sorted(get("tags", ())),
        "created_at": made,
        "updated_at": made if updated == created else iso(updated),
        "revision_number": revision(resource, born),
    }


def refused(presences: list[Presence]) -> dict[str, str]:
    """That a cloud does not take it as it is wanted, with the cloud's reason; nothing where all do."""
    errors = [f"In zone {one.cloud}: {one.error}" for one in presences if _is_refused(one)]
    return {"fractus:error": " ".join(errors)} if errors else {}


def is_refused_everywhere(presences: list[Presence]) -> bool:
    """Whether it should be in some clouds, and none of them takes it."""
    wanted = [one for one in presences if one.wanted]
    return bool(wanted) and all(_is_refused(one) for one in wanted)


def _is_refused(presence: Presence) -> bool:
    return presence.wanted and presence.state == BLOCKED and bool(presence.error)


def _marked(tag: str) -> str:
    return tag.replace("\\", "\\\\").replace("|", "\\!")


def among(values: list[str]) -> str:
    """Several values in one column, each between bars, so that `|value|` finds it and nothing else."""
    return f"|{'||'.join(values)}|" if values else ""


def tags_column(tags: list[str]) -> str:
    """Tags in one column; bars and backslashes of their own are distinguished from ours."""
    return among([_marked(tag) for tag in tags])


def tag_pattern(tag: str) -> str:
    """The text by which a tag is found in `tags_column`."""
    return f"|{_marked(tag)}|"


def columns(resource: Resource, *, born: int = 1) -> dict[str, Any]:
    """The columns that every table of this service has. Things are found by the name that is shown."""
    get = resource.desired.get
    tags, with_whom = get("tags"), get(SHARED_WITH)
    found = {
        "name": resource.name,
        "description": get("description") or "",
        "tags": tags_column(tags) if tags else "",
        "revision": revision(resource, born),
    }
    if with_whom is not None:
        found[SHARED_WITH] = among(with_whom)
    return found


def is_shared_with(desired: Mapping[str, Any], project_id: str) -> bool:
    """Whether it is shared with all, or with this project by name."""
    return bool(desired.get("shared")) or project_id in desired.get(SHARED_WITH, ())


_SHARED, _NOT_SHARED = b'"shared":true', b'"shared":false'


def to(document: bytes, among_projects: str | None, project_id: str) -> bytes:
    """A stored document as a project is shown it: what is shared with it by name is `shared` to it.

    `among_projects`: the column `shared_with`.
    """
    if not among_projects or among([project_id]) not in among_projects:
        return document
    return document.replace(_NOT_SHARED, _SHARED, 1)
