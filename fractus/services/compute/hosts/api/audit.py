"""`/os-instance_usage_audit_log`: what hosts noted of their usage audits, asked of every cloud now and added up.

A cloud that does not answer takes nothing from the others: its hosts count as those that have not run, and it is named
in the header of stale clouds.
"""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import Mapping
from typing import Any

from fractus.base.log import logger
from fractus.model.errors import ApiError
from fractus.model.live import LiveCall
from fractus.services.compute import only
from fractus.services.compute.hosts import policy, queries, view
from fractus.services.compute.hosts.api.access import Given
from fractus.services.compute.hosts.kind import SERVICES
from fractus.services.compute.hosts.schema import moment
from fractus.services.compute.hosts.versions import REQUESTS
from fractus.services.staleness import header
from fractus.store.listing import Filter
from fractus.web.routing import Call, Reply, Route

log = logger("services.audit_log")

_ROOT = "/os-instance_usage_audit_log"


class AuditLog:
    """Handlers of the audit log."""

    def __init__(self, given: Given) -> None:
        self._given = given

    def routes(self) -> list[Route]:
        """Rows of the route table."""
        return [
            Route(
                method="GET", path=_ROOT, handler=self.index, rule=policy.AUDIT_LIST, live=True,
                summary="Show what the hosts of all clouds noted of the last audit of usage.",
            ),
            Route(
                method="GET", path=f"{_ROOT}/{{before}}", handler=self.show, rule=policy.AUDIT_SHOW, live=True,
                summary="Show what they noted of the last one before a moment.",
            ),
        ]  # fmt: skip

    async def index(self, call: Call) -> Reply:
        """Of the last period that has ended."""
        now = datetime.datetime.fromtimestamp(self._given.clock.now(), datetime.UTC).replace(tzinfo=None)
        return await self._reply(call, "instance_usage_audit_logs", now)

    async def show(self, call: Call) -> Reply:
        """Of the last one before the moment in the path."""
        return await self._reply(call, "instance_usage_audit_log", moment(call.params["before"]))

    async def _reply(self, call: Call, name: str, before: datetime.datetime) -> Reply:
        if REQUESTS.behaviour("strict_audit", call.version):
            only(call.query.names(), ())
        here = [Filter("binary", "eq", "nova-compute")]
        rows = await queries.found(self._given.store, SERVICES, here)
        names = sorted({row.cloud for row in rows})
        asked = before.isoformat(" ")
        answers = await asyncio.gather(*(self._of(name, asked) for name in names))
        shared = await self._given.names.shared()
        notes = {
            shared.host(host, cloud): note
            for cloud, answer in zip(names, answers, strict=True)
            for host, note in (answer or {}).items()
        }
        hosts = [shared.host(row.document["host"], row.cloud) for row in rows]
        silent = [name for name, answer in zip(names, answers, strict=True) if answer is None]
        return Reply(200, {name: view.audit(hosts, notes, view.audited(before))}, header(silent))

    async def _of(self, cloud: str, before: str) -> Mapping[str, Any] | None:
        """The notes of a cloud's hosts; None where it does not answer."""
        try:
            answer = await self._given.live.of_cloud(cloud, before, _AUDIT, id=before)
        except ApiError as error:
            log.info("no audit log", cloud=cloud, error=error.message)
            return None
        notes = answer.get("log")
        return notes if isinstance(notes, dict) else {}


_AUDIT = LiveCall(
    name="audit_log", noun="its audit log", service="compute", path=f"{_ROOT}/{{id}}",
    key="instance_usage_audit_log", type=dict[str, Any], admin=True, missing="No audit log.", not_ready="",
)  # fmt: skip
