"""Answers of routes that Nova once had."""

from __future__ import annotations

from fractus.services.compute.removed.policy import REMOVED
from fractus.services.compute.removed.versions import GONE, OUTGROWN
from fractus.web.faults import RouteNotServed
from fractus.web.microversion import Version
from fractus.web.routing import Call, Reply, Route

#: Nova's own words (WebOb's).
_GONE = "This resource is no longer available. No forwarding address is given."


class RemovedApi:
    """Everything that is no longer there."""

    def routes(self) -> list[Route]:
        """A row for each, so that the coverage table names them too."""
        rows = [self._row(path, method, None) for path, methods in GONE for method in methods.split()]
        rows += [
            self._row(path, method, last) for last, path, methods in OUTGROWN for method in methods.split()
        ]
        return rows

    def _row(self, path: str, method: str, last: Version | None) -> Route:
        action = method.removeprefix("#") if method.startswith("#") else ""
        said = "Gone at every version." if last is None else f"Not served up to {last}, gone since."
        return Route(
            method="POST" if action else method,
            path=path,
            handler=self.gone if last is None else self.outgrown,
            rule=REMOVED,
            summary=said,
            max_version=last,
            action=action,
        )

    async def gone(self, call: Call) -> Reply:
        """410."""
        return Reply(410, {"computeFault": {"code": 410, "message": _GONE}})

    async def outgrown(self, call: Call) -> Reply:
        """501: versions that still had it; newer ones do not come here (404)."""
        raise RouteNotServed(
            f"fractus does not serve {call.method} {call.path} of the compute API: ask the service itself."
        )
