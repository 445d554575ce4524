"""Whether a child is one that we have already, this fractus itself, or one above it; and our mark in it.

What a child is recognised by (`fractus.model.installation`) is kept with its row. A child is marked when it is added;
one whose row is older is looked at and marked by the worker (`Enrolment`), which also learns what is below a child that
is itself a fractus.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import msgspec

from fractus.base.log import logger
from fractus.clouds.openstack.identify import spelled
from fractus.model.cloud import Cloud, Finding
from fractus.model.errors import CloudError, Conflict
from fractus.model.installation import NAME, Identity, same
from fractus.operations.parts import OperatorParts
from fractus.store import clouds, holds, installation
from fractus.store.clouds import CloudRecord
from fractus.store.retrying import rerun

log = logger("operations.cloud_identity")

#: The setting of a cloud that is a copy of another one, with all its ids.
COPY = "copy"

#: Between two looks of a worker at its children, and at one that could not be marked. Seconds.
_LOOK, _TRY_AGAIN = 20.0, 3600.0
#: So old may be what is known of a fractus below us. Seconds.
_FRESH = 60.0
#: Children that are looked at at the same time.
_AT_ONCE = 4


async def judge(
    parts: OperatorParts, name: str, identity: Identity, *, copy: bool = False, look: bool = True
) -> list[Finding]:
    """What is to be said of a child called `name`; what is not `ok` is why it must not be added.

    `copy`: it is a copy of another one with all its ids, says the operator: then only where it is counts. `look`: at
    others that nobody has looked at yet; else only what their rows say counts of them.
    """
    own = await parts.children.know(parts.store)
    findings = [Finding("identity", False, sentence) for sentence in _above(parts, own, identity)]
    seen = without_ids(identity) if copy else identity
    for other, known in await _others(parts, name, look=look):
        if why := same(seen, known):
            findings.append(Finding("identity", False, f"it is the cloud {other} already: {why}"))
    for mark in identity.marks:
        if mark.installation != own:
            text = (
                f"another fractus ({mark.installation}) works here too, and calls it {mark.cloud}: "
                "what that one made is foreign to this one and never touched"
            )
            findings.append(Finding("identity", True, text, note=True))
    return findings


def _above(parts: OperatorParts, id: str, identity: Identity) -> list[str]:
    own = [spelled(f"{parts.settings.endpoint}/{path}") for path in ("compute/v2.1", "network/v2.0")]
    if (identity.installation and identity.installation == id) or set(own) & set(identity.endpoints):
        return ["it is this fractus itself: what is built in it would be built in it again, without an end"]
    if id in identity.below:
        return [
            f"this fractus is below it ({identity.installation} has {id} among its clouds, or theirs):"
            " what is built here would be built there, and here again, without an end"
        ]
    return []


def without_ids(identity: Identity) -> Identity:
    """What a copy of another cloud is recognised by: its databases have that one's ids."""
    return msgspec.structs.replace(identity, services=[], marks=[], installation="")


async def _others(parts: OperatorParts, name: str, *, look: bool) -> list[tuple[str, Identity]]:
    """All other clouds, with what they are recognised by; those that nobody has looked at yet are looked at."""
    room = asyncio.Semaphore(_AT_ONCE)

    async def one(row: CloudRecord) -> tuple[str, Identity]:
        if row.identity_seen is not None:
            return row.name, row.identity_seen
        async with room:
            return row.name, await _look_at(parts, row, look=look)

    rows = [row for row in await clouds.every(parts.store) if row.name != name]
    return list(await asyncio.gather(*(one(row) for row in rows)))


async def _look_at(parts: OperatorParts, row: CloudRecord, *, look: bool) -> Identity:
    try:
        cloud = parts.drivers[row.driver](parts.children.row_of(row))
    except (KeyError, CloudError):
        return Identity()
    try:
        return await cloud.identify() if look else Identity(address=cloud.address())
    except CloudError:
        return Identity(address=cloud.address())
    finally:
        await cloud.close()


def refuse(name: str, findings: Sequence[Finding]) -> None:
    """`Conflict` with the first that says why it must not be added."""
    wrong = next((one for one in findings if not one.ok), None)
    if wrong is not None:
        raise Conflict(f"'{name}' cannot be added: {wrong.text}.")


async def enrol(parts: OperatorParts, cloud: Cloud, identity: Identity) -> Identity:
    """Mark the child, and keep what it is recognised by with its row. That it may not be marked is no fault."""
    known = msgspec.structs.replace(identity, marks=[], mark="", unmarked="")
    try:
        known.mark = await cloud.mark()
    except CloudError as error:
        known.unmarked = error.reason
        log.warning("not marked", cloud=cloud.name, why=error.reason)
    await _keep(parts, cloud.name, known)
    return known


@rerun
async def _keep(parts: OperatorParts, name: str, identity: Identity) -> None:
    async with parts.store.transaction() as tx:
        await clouds.identified(tx, name, identity)


def unmarked(record: CloudRecord) -> list[Finding]:
    """What `fractus cloud check` says of our own mark."""
    seen = record.identity_seen
    if seen is None:
        return [Finding("identity", True, "not marked yet: the worker does that", note=True)]
    if seen.unmarked:
        text = (
            f"it could not be marked ({seen.unmarked}): under another name it is known by its endpoints alone"
        )
        return [Finding("identity", True, text, note=True)]
    return []


async def let_go(parts: OperatorParts, record: CloudRecord) -> str:
    """Take our mark out of a child that is removed; a sentence where that could not be done."""
    seen = record.identity_seen
    if seen is None or not seen.mark:
        return ""
    await parts.children.know(parts.store)
    try:
        cloud = parts.drivers[record.driver](parts.children.row_of(record))
    except (KeyError, CloudError) as error:
        return _left_behind(record.name, seen.mark, str(error))
    try:
        await cloud.unmark(seen.mark)
    except CloudError as error:
        return _left_behind(record.name, seen.mark, error.reason)
    finally:
        await cloud.close()
    return ""


def _left_behind(name: str, mark: str, why: str) -> str:
    return f"The mark of fractus stays in {name}, as security group {NAME} {mark}: {why}"


async def marks_of(parts: OperatorParts, names: Sequence[str]) -> dict[str, set[str]]:
    """Other installations whose mark these clouds carry under the very names that they have here: id -> names."""
    found: dict[str, set[str]] = {}
    own = await installation.ensure(parts.store)
    for name in names:
        cloud = parts.children.get(name)
        for mark in (await cloud.identify()).marks if cloud is not None else []:
            if mark.installation != own and mark.cloud == name:
                found.setdefault(mark.installation, set()).add(name)
    return found


async def become(parts: OperatorParts, id: str, *, dry_run: bool = False) -> None:
    """Be the installation `id` from now on, whose database was lost: what carries its mark is ours again.

    `dry_run`: only in this process.
    """
    if id == await installation.ensure(parts.store):
        return
    for row in await clouds.every(parts.store) if not dry_run else ():
        await let_go(parts, row)
    if not dry_run:
        await _become(parts, id)
    await parts.children.be(id)
    await parts.children.refresh(parts.store)
    for row in await clouds.every(parts.store) if not dry_run else ():
        cloud = parts.children.get(row.name)
        if cloud is not None:
            await enrol(parts, cloud, await cloud.identify())


@rerun
async def _become(parts: OperatorParts, id: str) -> None:
    async with parts.store.transaction() as tx:
        await installation.become(tx, id)


class Enrolment:
    """Looks at the children of one worker: marks those that are not, and asks a fractus what is below it."""

    def __init__(self, parts: OperatorParts, runs: Callable[[str], bool]) -> None:
        """`runs`: whether a cloud is in the charge of this worker."""
        self._parts = parts
        self._runs = runs
        self._next: dict[str, float] = {}

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            try:
                await self.once()
            except Exception:
                log.exception("clouds could not be looked at")
            await asyncio.sleep(_LOOK)

    async def once(self) -> None:
        """One look at all that are due."""
        room, now = asyncio.Semaphore(_AT_ONCE), self._parts.clock.monotonic()

        async def one(row: CloudRecord, cloud: Cloud) -> None:
            async with room:
                try:
                    await self._one(row, cloud)
                except CloudError as error:
                    log.info("not recognised yet", cloud=row.name, why=error.reason)

        due = []
        for row in await clouds.every(self._parts.store):
            cloud = self._parts.children.get(row.name)
            if (
                cloud is None
                or not self._runs(row.name)
                or self._next.get(row.name, 0.0) > now
                or row.unswept
            ):
                continue
            if row.identity_seen is None or not row.identity_seen.mark or row.identity_seen.installation:
                due.append(one(row, cloud))
        await asyncio.gather(*due)

    async def _one(self, row: CloudRecord, cloud: Cloud) -> None:
        parts, before = self._parts, row.identity_seen
        identity = await cloud.identify()
        if row.settings.get(COPY):
            identity = without_ids(identity)
        fresh = identity if before is None else msgspec.structs.replace(identity, mark=before.mark, marks=[])
        if not fresh.mark and row.state != holds.FROZEN:
            fresh = await enrol(parts, cloud, identity)
        elif fresh != before:
            await _keep(parts, row.name, fresh)
        pause = _FRESH if fresh.installation else _TRY_AGAIN
        self._next[row.name] = parts.clock.monotonic() + pause
        await self._hold(row, identity)

    async def _hold(self, row: CloudRecord, identity: Identity) -> None:
        """Nothing new goes to a child that turns out to be above this fractus, or itself."""
        own = await self._parts.children.know(self._parts.store)
        above = _above(self._parts, own, identity)
        if above and row.state == holds.OPEN:
            log.error("nothing new goes there any more", cloud=row.name, why=above[0])
            async with self._parts.store.transaction() as tx:
                await clouds.hold(tx, row.name, holds.CORDONED, reason=above[0], by="fractus")
