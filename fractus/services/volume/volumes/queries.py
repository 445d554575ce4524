"""Finding volumes by their types."""

from __future__ import annotations

from sqlalchemy import bindparam, select

from fractus.services.volume.volumes.kind import KIND
from fractus.store.transaction import Query, Reader

_c = KIND.table.c
_of_type = Query(select(_c.id).where(_c.type_id == bindparam("type"), _c.deleted_at.is_(None)).limit(1))


class VolumesOfTypes:
    """Which types volumes have."""

    async def any_of(self, reader: Reader, type_id: str) -> bool:
        """Whether there is a volume of this type."""
        return await reader.row(_of_type, type=type_id) is not None
