"""Finding group types by what users call them."""

from __future__ import annotations

from fractus.auth.principal import Principal
from fractus.base.ids import is_uuid
from fractus.model.errors import NotFound
from fractus.model.resource import Resource
from fractus.services.volume.group_types.kind import KIND, by_name
from fractus.store.resources import Resources
from fractus.store.transaction import Reader


class GroupTypeSource:
    """Group types, for those who make groups."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    async def usable(self, reader: Reader, principal: Principal, asked: str) -> Resource:
        """The type with this id or name that the caller may use; `NotFound` else, in Cinder's words."""
        found = await self._of_id(reader, asked) if is_uuid(asked) else None
        if found is None:
            row = await reader.row(by_name, name=asked)
            found = None if row is None else await self._of_id(reader, str(row[0]))
        if found is None or not (principal.is_admin or found.desired["is_public"]):
            if is_uuid(asked):
                raise NotFound(KIND.missing.format(asked))
            raise NotFound(f"Group type with name {asked} could not be found.")
        return found

    async def _of_id(self, reader: Reader, id: str) -> Resource | None:
        found = await self._resources.fetch(reader, KIND.name, id)
        return None if found is None or found.deleted_at is not None else found
