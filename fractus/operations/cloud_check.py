"""A cloud as it is looked at: before it is added, and whenever an operator asks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec

from fractus.model.cloud import Cloud, CloudRow, Finding, Report
from fractus.model.errors import ApiError, CloudError
from fractus.model.installation import Identity
from fractus.operations import cloud_identity, cloud_rows
from fractus.operations.errors import NoDriver
from fractus.operations.parts import OperatorParts


@asynccontextmanager
async def connected(parts: OperatorParts, row: CloudRow) -> AsyncIterator[Cloud]:
    """The cloud, connected to for as long as the block runs; `NoDriver`."""
    connect = parts.drivers.get(row.driver)
    if connect is None:
        raise NoDriver(f"There is no driver '{row.driver}'. There are: {', '.join(sorted(parts.drivers))}.")
    cloud = connect(row)
    try:
        yield cloud
    finally:
        await cloud.close()


async def add(
    parts: OperatorParts, row: CloudRow, *, check: bool, copy: bool
) -> tuple[CloudRow, Report | None, str]:
    """Add a cloud: what was found there, and why it was not added, if it was not. `check`: refuse one that does not
    answer; `copy`: it is a copy of another one with all its ids.
    """
    report = None
    try:
        installation = await parts.children.know(parts.store)
        async with connected(parts, msgspec.structs.replace(row, installation=installation)) as cloud:
            report = await cloud.check() if check else None
            if report is not None and not report.reachable:
                return row, report, f"{row.name} was not added. Mend that, or pass --no-check."
            identity = await cloud.identify() if check else Identity(address=cloud.address())
            findings = await cloud_identity.judge(parts, row.name, identity, copy=copy, look=check)
            if copy:
                identity = cloud_identity.without_ids(identity)
            if report is not None:
                report = msgspec.structs.replace(report, findings=[*report.findings, *findings])
            cloud_identity.refuse(row.name, findings)
            await cloud_rows.add(
                parts.store,
                parts.vault,
                name=row.name,
                driver=row.driver,
                identity=row.identity,
                settings=row.settings,
                auth=row.auth,
                identity_seen=msgspec.structs.replace(identity, marks=[]),
            )
            if check:
                await cloud_identity.enrol(parts, cloud, identity)
    except (ApiError, CloudError) as error:
        return row, report, str(error)
    return row, report, ""


async def check(parts: OperatorParts, name: str) -> Report:
    """Ask a cloud that was added everything that fractus needs of it."""
    record = await cloud_rows.known(parts.store, name)
    await parts.children.know(parts.store)
    async with connected(parts, parts.children.row_of(record)) as cloud:
        report = await cloud.check()
        if not report.reachable:
            return report
        try:
            copy = bool(record.settings.get(cloud_identity.COPY))
            found = await cloud_identity.judge(parts, name, await cloud.identify(), copy=copy)
        except CloudError as error:
            found = [Finding("identity", False, error.reason)]
        found += cloud_identity.unmarked(record)
        return msgspec.structs.replace(report, findings=[*report.findings, *found])
