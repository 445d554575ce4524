"""A kind of mirror, declared: what the clouds have and show beside our resources (agents, hypervisors, pools).

One `MIRROR` in its folder says how drivers list it, which fields are shown, and what lists may do with them; sweeps,
the table and the answers come from that. Both halves read it, so it imports neither `fractus.web` nor
`fractus.reconcile`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import Table

from fractus.base.ids import derived_id, is_uuid
from fractus.model.mirror import Mirrored
from fractus.services.field import Fields
from fractus.services.kind import column
from fractus.store.mirrors import MirrorRow
from fractus.store.schema import mirror_table

_encode = msgspec.json.encode

#: What stands between the parts of an id of several fields, and how long an id may be: that of its column.
_BETWEEN, _ROOM = "|", 255


class MirrorKind(Struct, frozen=True, kw_only=True):
    """One kind."""

    mirrored: Mirrored
    """How a driver lists it."""
    collection: str
    """The key of its lists in our answers."""
    noun: str
    """The key of one in our answers."""
    fields: Fields
    """What is shown of one, in this order. A field that its cloud does not show is null."""
    table: Table
    key: tuple[str, ...] = ("id",)
    """The fields by which its cloud tells one from others."""
    zone: str = ""
    """The field in which its cloud stands, for that is its zone here; empty: the kind has none."""
    every: float = 60.0
    """Seconds between two listings of a cloud, as far as its budget allows."""
    uuids: bool = False
    """Whether its ids must be UUIDs: where the cloud's own is none, or another cloud has it too, one is derived. Else
    an id that two clouds have is shown as `ZONE@id`."""
    refers: Mapping[str, str] = {}
    """Fields with its cloud's id of a thing -> the kind of that thing, of which our id is shown. What names nothing of
    ours is not shown."""
    adapt: Callable[[str, Mapping[str, Any]], Mapping[str, Any]] | None = None
    """What is shown of one that a cloud shows otherwise."""

    def id_of(self, found: Mapping[str, Any]) -> str:
        """Its id in its cloud; of several fields, one that is made of them."""
        parts = [str(found.get(name) or "") for name in self.key]
        if len(parts) == 1 or not all(parts):
            return parts[0] if len(parts) == 1 else ""
        id = _BETWEEN.join(parts)
        return id if len(id) <= _ROOM else derived_id(*parts)

    def id_here(self, cloud: str, remote_id: str, *, shared: bool) -> str:
        """What users know it by. `shared`: another cloud has one of the same id."""
        if not self.uuids:
            return f"{cloud}@{remote_id}" if shared else remote_id
        return remote_id if is_uuid(remote_id) and not shared else derived_id(cloud, remote_id)

    def row(self, cloud: str, id: str, remote_id: str, found: Mapping[str, Any]) -> MirrorRow:
        """Its document, and what lists filter and sort by."""
        if self.adapt is not None:
            found = self.adapt(cloud, found)
        document = {name: found.get(name) for name in self.fields}
        document["id"] = id
        if self.zone:
            document[self.zone] = cloud
        columns = {
            one.column.name: one.column.of(document[name])
            for name, one in self.fields.items()
            if one.column is not None
        }
        return MirrorRow(remote_id, id, _encode(document), columns)


def mirror_table_of(kind: str, fields: Fields) -> Table:
    """The table of a mirror, with the columns of its fields."""
    return mirror_table(kind, *(column(one.column) for one in fields.values() if one.column is not None))
