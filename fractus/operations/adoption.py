"""Taking over what is in clouds: which child, whose things, and which installation this is."""

from __future__ import annotations

from collections.abc import Sequence

from fractus.model.cloud import Cloud
from fractus.model.errors import CloudError, Conflict, Invalid
from fractus.operations import cloud_identity, cloud_rows, identity_mapping
from fractus.operations.parts import OperatorParts
from fractus.reconcile.adopt.adopt import IdentityMapping, Survey
from fractus.store.clouds import CloudRecord


async def child_of(parts: OperatorParts, name: str) -> tuple[CloudRecord, Cloud]:
    """The row of a cloud, and the cloud; `Invalid` where it cannot be connected to."""
    row = await cloud_rows.known(parts.store, name)
    await parts.children.refresh(parts.store)
    child = parts.children.get(name)
    if child is None:
        raise Invalid(f"{name} cannot be connected to: see fractus cloud check {name}.")
    return row, child


async def mapped(
    row: CloudRecord,
    child: Cloud,
    found: Survey,
    projects: tuple[str, ...],
    users: tuple[str, ...],
    ours: identity_mapping.Named,
) -> tuple[IdentityMapping, dict[str, str] | None]:
    """Whose is whose, and what of it is to be kept with the cloud. `ours` finds a project of ours by name or id."""
    names = await identity_mapping.projects_of(child)
    said = await identity_mapping.map_identities(row, names, found, projects, users, ours)
    return said, identity_mapping.to_keep(row, said, names)


def external_networks(found: Survey) -> list[tuple[str, str]]:
    """The external networks that the cloud has made itself."""
    every = found.things.get("network", {}).values()
    return [("network", one.remote_id) for one in every if getattr(one, "external", False) and not one.marker]


async def be_again(
    parts: OperatorParts, names: Sequence[str], installation: str | None, *, dry_run: bool
) -> None:
    """Be the installation that was lost. Which that is, is for the operator to say: another may be alive."""
    if installation:
        await cloud_identity.become(parts, installation, dry_run=dry_run)
        return
    try:
        others = await cloud_identity.marks_of(parts, names)
    except CloudError as error:
        raise Conflict(error.reason) from error
    if others:
        which = "; ".join(f"{id} ({', '.join(sorted(where))})" for id, where in sorted(others.items()))
        raise Conflict(
            f"These clouds carry the mark of another fractus, by the names that they have here: {which}. If that was "
            "this one, before its database was lost, pass --installation ID. If it is another one, which is alive, "
            f"pass --installation {parts.children.installation}: what it made is then left alone."
        )
