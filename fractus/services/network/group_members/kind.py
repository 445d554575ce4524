"""Members of security groups elsewhere, declared. Users see the group; no route of the API is about them.

A rule whose remote is a group lets its members in. Each cloud knows those members of a group that are there. Where a
group is in several clouds, and rules name it, there is one of these for it: wherever the group is, it is an address
group with the addresses of the members in all other clouds, and each rule that names the group has a second beside it
there, whose remote is that address group.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Column, Index, String

from fractus.base.ids import derived_id
from fractus.model.resource import IF_PRESENT, Need, Presence, Resource, Summary
from fractus.services.kind import Undeclared
from fractus.store.schema import resource_table

NAME = "group_members"

TABLE = resource_table(
    NAME,
    Column("security_group_id", String(36), nullable=False, default=""),
    Index("group_members_by_group", "security_group_id"),
)
KIND = Undeclared(name=NAME, service="network", table=TABLE)


def members_id(group_id: str) -> str:
    """The id of a group's: there is one at most."""
    return derived_id(NAME, group_id)


def members_of(group: Resource) -> Resource:
    """A new one for a group: nobody asks for it, so all of it follows from the group."""
    return Resource(
        kind=NAME,
        id=members_id(group.id),
        project_id=group.project_id,
        desired={"name": f"members of {group.id}", "security_group_id": group.id},
        request_id=group.request_id,
    )


def needs(members: Resource) -> list[Need]:
    """They are wherever their group is, and neither waits for the other."""
    return [Need("security_group", members.desired["security_group_id"], mode=IF_PRESENT)]


def summarise(members: Resource, _presences: Sequence[Presence] = ()) -> Summary:
    """Nobody is shown them."""
    group_id = members.desired["security_group_id"]
    return Summary("", {"id": members.id}, columns={"name": "", "security_group_id": group_id})
