"""Finding volume types by what users call them."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import bindparam, select

from fractus.auth.principal import Principal
from fractus.base.ids import is_uuid
from fractus.model.errors import NotFound
from fractus.model.resource import Resource
from fractus.model.volumes import DEFAULT_TYPE
from fractus.services.volume.volume_types.kind import DEFAULTS, KIND, wanted_of
from fractus.store.resources import Resources
from fractus.store.transaction import Query, Reader, Transaction

_c = KIND.table.c
by_name = Query(select(_c.id).where(_c.live_name == bindparam("name")))
_default = Query(
    select(DEFAULTS.c.type_id).where(DEFAULTS.c.id == bindparam("project"), DEFAULTS.c.deleted_at.is_(None))
)
_names = Query(select(_c.name).where(_c.deleted_at.is_(None)).order_by(_c.created_at, _c.id))


def may_use(principal: Principal, resource: Resource) -> bool:
    """Whether the caller may see and use a type."""
    desired = resource.desired
    return principal.is_admin or desired["is_public"] or principal.project_id in desired["access"]


async def default_of(reader: Reader, project_id: str) -> str:
    """The id of a project's default type; empty: it is the default of all."""
    row = await reader.row(_default, project=project_id)
    return "" if row is None else str(row[0])


class VolumeTypeSource:
    """Volume types, for those who make volumes."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    async def usable(self, reader: Reader, principal: Principal, asked: str) -> Resource:
        """The type with this id or name that the caller may use, and the default where none is `asked` for; `NotFound`
        else, in Cinder's words.
        """
        if not asked:
            asked = await default_of(reader, principal.project_id)
        found = await self._of_id(reader, asked) if is_uuid(asked) else None
        if found is None:
            row = await reader.row(by_name, name=asked or DEFAULT_TYPE)
            found = None if row is None else await self._of_id(reader, str(row[0]))
        if found is None or not may_use(principal, found):
            what = KIND.missing.format(asked) if is_uuid(asked) else _UNNAMED.format(asked or DEFAULT_TYPE)
            raise NotFound(what)
        return found

    def there(self, type_: Resource, cloud: str) -> dict[str, Any]:
        """What a cloud has to have of a type, as `VolumeTypeWanted` says it."""
        found: dict[str, Any] = msgspec.to_builtins(wanted_of(type_, cloud))
        return found

    async def associated(self, reader: Reader, type_id: str) -> Resource:
        """The type with this id, whoever may use it; `NotFound` else."""
        found = await self._of_id(reader, type_id)
        if found is None:
            raise NotFound(KIND.missing.format(type_id))
        return found

    async def associate(self, tx: Transaction, type_: Resource, qos_specs_id: str | None) -> None:
        """A QoS specification is this type's from now on; None: none is."""
        type_.desired["qos_specs_id"] = qos_specs_id
        await self._resources.save(tx, type_, KIND.summarise(type_, ()))

    async def names(self, reader: Reader) -> list[str]:
        """The names of all of them, the oldest first."""
        return [str(name) for (name,) in await reader.rows(_names)]

    async def _of_id(self, reader: Reader, id: str) -> Resource | None:
        found = await self._resources.fetch(reader, KIND.name, id)
        return None if found is None or found.deleted_at is not None else found


_UNNAMED = "Volume type with name {} could not be found."
