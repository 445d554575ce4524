"""What the routes of groups ask of other kinds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from fractus.auth.principal import Principal
from fractus.model.resource import Resource
from fractus.store.transaction import Reader, Transaction
from fractus.web.routing import Call


class Types(Protocol):
    """What knows volume types."""

    async def usable(self, reader: Reader, principal: Principal, asked: str) -> Resource:
        """The type with this id or name that the caller may use; `NotFound` else."""
        ...


class GroupTypes(Types, Protocol):
    """What knows group types."""


class Volumes(Protocol):
    """What writes volumes."""

    async def to_write(self, tx: Transaction, id: str) -> Resource | None:
        """A volume, to be changed."""
        ...

    async def regroup(self, tx: Transaction, volume: Resource, group_id: str) -> None:
        """It is in another group from now on; empty: in none."""
        ...

    async def remove(self, tx: Transaction, volume: Resource) -> None:
        """It is no longer wanted."""
        ...


class Maker(Protocol):
    """What makes new volumes."""

    async def make(self, call: Call, tx: Transaction, asked: Mapping[str, Any]) -> Resource:
        """A new volume of what Cinder would be asked for."""
        ...
