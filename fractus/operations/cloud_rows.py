"""What an operator does with children: add, change, remove. Rows only; nothing is ever touched in a child."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import bindparam, delete, select

from fractus.auth.vault import Vault
from fractus.model.errors import Conflict, Invalid, NotFound
from fractus.model.installation import Identity, same
from fractus.model.resource import Presence
from fractus.reconcile.kind import Lifecycle
from fractus.store import clouds, holds, lanes, mirrors, presences, work
from fractus.store.clouds import CloudRecord
from fractus.store.resources import Resources
from fractus.store.retrying import rerun_unless_written
from fractus.store.schema import FINDING
from fractus.store.transaction import Query, Store, Transaction

_MAX_NAME = 64
_forget_findings = Query(delete(FINDING).where(FINDING.c.cloud == bindparam("c")))
_findings = Query(
    select(FINDING.c.kind, FINDING.c.what, FINDING.c.remote_id, FINDING.c.detail).where(
        FINDING.c.cloud == bindparam("c")
    )
)


def identity_of(auth_url: str, ours: str) -> str:
    """`shared` where the child is behind the very Keystone that our users log in to, else `own`."""
    theirs, mine = urlsplit(auth_url), urlsplit(ours)
    return "shared" if (theirs.hostname, theirs.port) == (mine.hostname, mine.port) else "own"


def checked_name(name: str) -> str:
    """A cloud's name is an availability zone: what Nova takes as one, and nothing that a shell would stumble over."""
    plain = name.replace("-", "").replace("_", "").replace(".", "")
    if not (0 < len(name) <= _MAX_NAME and plain.isascii() and plain.isalnum()):
        raise Invalid(
            f"'{name}' cannot be a cloud's name: up to {_MAX_NAME} letters, digits, hyphens, underscores and dots."
        )
    return name


async def known(store: Store, name: str) -> CloudRecord:
    """The row of a cloud; `NotFound` with the names that there are."""
    row = await clouds.fetch(store, name)
    if row is None:
        names = ", ".join(one.name for one in await clouds.every(store)) or "none yet"
        raise NotFound(f"There is no cloud named '{name}'. There are: {names}.")
    return row


@rerun_unless_written
async def add(
    store: Store,
    vault: Vault,
    *,
    name: str,
    driver: str,
    identity: str,
    settings: Mapping[str, Any],
    auth: Mapping[str, Any],
    identity_seen: Identity | None = None,
) -> None:
    """A new child. `auth` is a `clouds.yaml` entry; it is sealed before it is written.

    `identity_seen`: what it is recognised by. `Conflict` where another row is the same child.
    """
    record = CloudRecord(
        name=checked_name(name),
        driver=driver,
        identity=identity,
        settings=dict(settings),
        secret=vault.seal(dict(auth)),
        identity_seen=identity_seen,
    )
    async with store.transaction() as tx:
        if await clouds.fetch(tx, name) is not None:
            raise Conflict(f"There is a cloud named '{name}' already.")
        if identity_seen is not None:
            await _check_new(tx, name, identity_seen)
        await clouds.add(tx, record)


async def _check_new(tx: Transaction, name: str, identity: Identity) -> None:
    """Of several that are added at once, all of them have looked before any of them was written."""
    for row in await clouds.every(tx):
        if row.identity_seen is not None and (why := same(identity, row.identity_seen)):
            raise Conflict(f"'{name}' cannot be added: it is the cloud {row.name} already: {why}.")


@rerun_unless_written
async def change(
    store: Store,
    vault: Vault,
    name: str,
    *,
    enabled: bool | None = None,
    auth: Mapping[str, Any] | None = None,
    settings: Mapping[str, Any] | None = None,
) -> None:
    """Change a child: whether it is assigned to, its credential, its settings. Workers take it up within a second."""
    row = await known(store, name)
    if enabled is not None:
        row.enabled = enabled
    if auth is not None:
        row.secret = vault.seal(dict(auth))
    if settings:
        row.settings = {**row.settings, **settings}
    async with store.transaction() as tx:
        await clouds.configure(tx, row)


@rerun_unless_written
async def remove(
    store: Store, resources: Resources, lifecycles: Mapping[str, Lifecycle], name: str, *, forget: bool
) -> dict[str, int]:
    """Take a child away. Refused while it holds anything of ours, unless asked to forget it; nothing there is deleted.

    Returns how many presences of each kind were forgotten. What a user chose a cloud for (a server) goes with it; what
    was only carried there (an image, a network) stays a resource of ours.
    """
    await known(store, name)
    async with store.transaction() as tx:
        left = await presences.left_in(tx, name)
        if left and not forget:
            what = ", ".join(f"{number} {kind}" for kind, number in sorted(left.items()))
            raise Conflict(
                f"The cloud '{name}' holds resources: {what}. Delete them first, or pass --forget to drop them: "
                "they go on running there, and fractus no longer knows them."
            )
        for kind in left:
            await _forget_kind(tx, resources, lifecycles, name, kind)
        await work.forget_cloud(tx, name)
        await lanes.drop(tx, name)
        await tx.execute(_forget_findings, c=name)
        await mirrors.forget_cloud(tx, name)
        await holds.forget_automatic_changes(tx, name)
        await holds.release(tx, holds.of_automatic_changes(name))
        await clouds.drop(tx, name)
    return left


async def _forget_kind(
    tx: Transaction, resources: Resources, lifecycles: Mapping[str, Lifecycle], cloud: str, kind: str
) -> None:
    life = lifecycles[kind]
    while held := await presences.in_cloud(tx, cloud, kind):
        for presence in held:
            await _forget(tx, resources, life, presence)


async def _forget(tx: Transaction, resources: Resources, life: Lifecycle, presence: Presence) -> None:
    await presences.drop(tx, presence)
    resource = await resources.fetch(tx, presence.kind, presence.id)
    if resource is None:
        return
    await life.left(tx, resource, presence)
    if life.traits.holds_data:
        await life.gone(tx, resource)
        await resources.set_needs(tx, resource.kind, resource.id, [])
        resource.wanted = False
        resource.deleted_at = resource.deleted_at or tx.now()
        await resources.save(tx, resource, life.summarise(resource, []))
    elif not resource.wanted:
        await work.wake(tx, resource.kind, resource.id)


async def findings(store: Store, name: str) -> list[tuple[str, str, str, str]]:
    """(kind, what, id there, detail) of what the last full sweep found there that is not ours."""
    return [(row[0], row[1], row[2], row[3]) for row in await store.rows(_findings, c=name)]
