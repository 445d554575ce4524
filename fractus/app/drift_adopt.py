"""Take single things under management that sweeps found: as `fractus cloud adopt` does, these and what they need."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from fractus.app import cloud_rows
from fractus.app.whose import projects_of, whose
from fractus.app.wiring import OperatorParts
from fractus.model.errors import Invalid
from fractus.reconcile.adopt import Report, adopt, survey
from fractus.store.findings import Finding


async def adopt_strays(parts: OperatorParts, strays: Sequence[Finding], *, dry_run: bool) -> list[Report]:
    """What came of it, or would, cloud by cloud. The clouds are only read; `CloudError` where one does not answer."""
    by_cloud: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for one in strays:
        by_cloud[one.cloud].add((one.kind, one.remote_id))
    return [await _adopt(parts, cloud, keys, dry_run=dry_run) for cloud, keys in sorted(by_cloud.items())]


async def _adopt(parts: OperatorParts, cloud: str, keys: set[tuple[str, str]], *, dry_run: bool) -> Report:
    row = await cloud_rows.known(parts.store, cloud)
    await parts.children.refresh(parts.store)
    child = parts.children.get(cloud)
    if child is None:
        raise Invalid(f"{cloud} cannot be connected to: see fractus cloud check {cloud}.")
    found = await survey(child, parts.adoptions)
    # Projects that somebody mapped before are known; for others `fractus cloud adopt` takes --project.
    said = await whose(row, await projects_of(child), found, (), (), _nobody)
    return await adopt(parts, found, said, only=keys, dry_run=dry_run)


async def _nobody(text: str) -> str:
    raise Invalid(f"{text} is not asked for here")
