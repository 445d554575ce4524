"""From stored bytes to what a caller gets: what only some may see, what is stale, and the asked microversion.

The newest shape is put together from bytes. Only where something inside a document differs is it taken apart: for
older versions, for callers whom policy shows less, and for fields that admins see fuller.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import msgspec

from fractus.base.clock import iso
from fractus.model.resource import at_home
from fractus.services.compute.dialect.view import filled
from fractus.services.compute.servers import policy, view
from fractus.services.compute.servers.api.access import Dependencies
from fractus.services.compute.servers.queries import Found
from fractus.services.compute.servers.versions import SHOWN
from fractus.store import clouds, presences, work
from fractus.web.microversion import VersionTable
from fractus.web.routing import Call

_encode = msgspec.json.encode
_decode = msgspec.json.decode

#: A request with this header, by an admin, shows where a server is and what is pending for it.
MORE_HEADER = "fractus-extra"
#: An answer has this header where servers in it are old news, with the names of their clouds.
STALE_HEADER = "Fractus-Stale"

#: Seconds for which it is remembered when each cloud last answered.
_REMEMBERED = 1.0

_NO_GROUPS = _encode({"server_groups": []})
#: Stands in the document of a server with scheduler hints.
_HINTS = b'"scheduler_hints":{"'
_UNKNOWN = _encode({"host_status": "UNKNOWN"})


@dataclasses.dataclass(frozen=True, slots=True)
class Sight:
    """What one caller may see of servers."""

    extended: bool
    host_status: bool
    host_unknown: bool
    extra_specs: bool
    more: bool

    @property
    def fuller(self) -> bool:
        """Whether more is seen than what is stored for everybody."""
        return self.extended or self.host_status or self.more

    @classmethod
    def of(cls, call: Call, target: dict[str, Any] | None = None) -> Sight:
        """As policy says; `target` where it is about one server."""
        return cls(
            extended=call.allows(policy.EXTENDED, target),
            host_status=call.allows(policy.HOST_STATUS, target),
            host_unknown=call.allows(policy.HOST_UNKNOWN, target),
            extra_specs=call.allows(policy.EXTRA_SPECS, target),
            more=call.principal.is_admin and call.headers.get(MORE_HEADER) == "1",
        )


class Showing:
    """Puts servers into answers."""

    def __init__(self, given: Dependencies) -> None:
        self._given = given
        self._asked_at = float("-inf")
        self._answered_at: dict[str, float | None] = {}

    # --- staleness -------------------------------------------------------------------------------

    async def stale(self, names: Iterable[str]) -> set[str]:
        """Which of these clouds have not answered for too long (law 3)."""
        given = self._given
        if given.clock.monotonic() - self._asked_at >= _REMEMBERED:
            self._answered_at = await clouds.answered_at(given.store)
            self._asked_at = given.clock.monotonic()
        oldest = given.clock.now() - given.limits.stale_after
        found = set()
        for name in names:
            seen_at = self._answered_at.get(name)
            if name and (seen_at is None or seen_at < oldest):
                found.add(name)
        return found

    # --- bytes -----------------------------------------------------------------------------------

    async def list(self, call: Call, rows: Sequence[Found]) -> tuple[bytes, dict[str, str]]:
        """What stands in the JSON array of a list with details, and headers that go with it."""
        sight = Sight.of(call)
        stale = await self.stale({row.cloud for row in rows})
        if sight.extended:
            rows = await self._with_names(rows)
        if not (stale or sight.fuller) and sight.extra_specs and SHOWN.newest_at(call.version):
            return b",".join(filled([row.summary for row in rows], call)), {}
        parts = []
        for row in rows:
            more = await self._more(row, row.cloud in stale) if sight.more else None
            parts.append(self.document(call, row, sight, SHOWN, stale=row.cloud in stale, more=more))
        return b",".join(filled(parts, call)), _stale_header(stale)

    async def one(
        self, call: Call, row: Found, target: dict[str, Any], table: VersionTable = SHOWN
    ) -> tuple[bytes, dict[str, str]]:
        """The body of an answer about one server, and headers that go with it."""
        sight = Sight.of(call, target)
        stale = await self.stale({row.cloud})
        if sight.extended:
            (row,) = await self._with_names([row])
        more = await self._more(row, bool(stale)) if sight.more else None
        # Of one server, and not in lists, its group is shown.
        whole = row._replace(summary=view.splice(row.summary, await self._groups(row.summary)))
        body = self.document(call, whole, sight, table, stale=bool(stale), more=more)
        (body,) = filled((body,), call)
        return b'{"server":' + body + b"}", _stale_header(stale)

    async def _groups(self, summary: bytes) -> bytes:
        """The groups of a server, as a part of its document: none of most, and nothing is read then."""
        if _HINTS not in summary:
            return _NO_GROUPS
        asked: list[str] = _decode(summary)["scheduler_hints"].get("group", [])
        there = [id for id in asked if await self._given.groups.exists(self._given.store, id)]
        return _encode({"server_groups": there})

    async def _with_names(self, rows: Sequence[Found]) -> Sequence[Found]:
        """With the names of hosts and hypervisors as administrators know them: as their cloud has them, where no other
        cloud has the same. They are stored with their cloud before them.
        """
        shared = await self._given.names.shared()
        named = []
        for row in rows:
            cloud = row.cloud
            extra = _renamed(row.extra or b"", _HOST, f"{cloud}:".encode(), partial(shared.host, cloud=cloud))
            extra = _renamed(extra, _NODE, b"", partial(shared.node, cloud=cloud))
            named.append(row._replace(extra=extra) if extra != row.extra else row)
        return named

    def document(
        self,
        call: Call,
        row: Found,
        sight: Sight,
        table: VersionTable,
        *,
        stale: bool,
        more: dict[str, Any] | None = None,
    ) -> bytes:
        """One server, with placeholders in its links."""
        extra = row.extra or b"{}"
        newest = table.newest_at(call.version) and sight.extra_specs
        plain = newest and more is None
        if plain and not sight.extended and not sight.host_status:
            return view.splice(row.summary, _UNKNOWN) if stale and sight.host_unknown else row.summary
        whole = sight.extended and sight.host_status and not stale and not extra.startswith(b'{"fault"')
        if plain and whole and extra != b"{}":
            return view.splice(row.summary, extra)
        document: dict[str, Any] = _decode(row.summary)
        document.update(_visible(_decode(extra), sight, stale=stale))
        if not sight.extra_specs:
            document["flavor"].pop("extra_specs", None)
        known = {"flavor_id": row.flavor_id, "extended": sight.extended}
        document = table.response_down(document, call.version, known)
        if more is not None:
            document.update(more)
        return _encode(document)

    async def _more(self, row: Found, stale: bool) -> dict[str, Any] | None:
        """Where a server is, since when we know it, why it is there, and what is pending."""
        store, resources = self._given.store, self._given.ledger.resources
        server = await resources.fetch(store, "server", row.id)
        if server is None:
            return None
        here = at_home(server.home, await presences.of_resource(store, "server", row.id))
        pending = await work.about(store, "server", row.id)
        return {
            "fractus:cloud": row.cloud or None,
            "fractus:remote_id": here.remote_id if here is not None else None,
            "fractus:observed_at": _when(here.observed_at if here is not None else None),
            "fractus:stale": stale,
            "fractus:choice": server.choice,
            "fractus:pending": [
                {
                    "kind": item.kind,
                    "cloud": item.cloud or None,
                    "due_at": _when(item.due_at),
                    "attempts": item.attempts,
                    "waits_on": item.waits_on or None,
                    "reason": item.reason,
                }
                for item in pending
            ],
        }


_HOST = b'"OS-EXT-SRV-ATTR:host":"'
_NODE = b'"OS-EXT-SRV-ATTR:hypervisor_hostname":"'


def _renamed(extra: bytes, field: bytes, prefix: bytes, rename: Callable[[str], str]) -> bytes:
    """Stored fields with another name in one of them, where that begins with `prefix`."""
    at = extra.find(field + prefix)
    if at < 0:
        return extra
    start = at + len(field)
    end = extra.index(b'"', start)
    name = rename(extra[start + len(prefix) : end].decode())
    return b"".join([extra[:start], name.encode(), extra[end:]])


def _visible(extra: dict[str, Any], sight: Sight, *, stale: bool) -> dict[str, Any]:
    """What of the extra fields a caller sees."""
    status = extra.pop("host_status", "")
    admin_fields = extra if sight.extended else {}
    if sight.host_status:
        admin_fields["host_status"] = "UNKNOWN" if stale else status
    elif stale and sight.host_unknown:
        admin_fields["host_status"] = "UNKNOWN"
    return admin_fields


def _stale_header(stale: set[str]) -> dict[str, str]:
    return {STALE_HEADER: ", ".join(sorted(stale))} if stale else {}


def _when(stamp: float | None) -> str | None:
    return None if stamp is None else iso(stamp)
