"""What an operation works with; wiring's core is one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from fractus.auth.vault import Vault
from fractus.model.cloud import Cloud, CloudRow
from fractus.quota.quota import Quota
from fractus.reconcile.adopt.adopt import AdoptionDependencies
from fractus.reconcile.machine import Children
from fractus.settings.loading import Settings
from fractus.store.clouds import CloudRecord
from fractus.store.ledger import Notifier
from fractus.store.transaction import Store


class OperatorChildren(Children, Protocol):
    """The clouds this process is connected to, and which installation it is to them."""

    @property
    def installation(self) -> str | None:
        """The id of this fractus, once it was read."""
        ...

    async def know(self, store: Store) -> str:
        """Read the id of this fractus, and make it if it has none."""
        ...

    async def be(self, id: str) -> None:
        """Be this one in this process, whatever the store says."""
        ...

    def row_of(self, row: CloudRecord) -> CloudRow:
        """The row with its credential opened: for a driver, and never to be kept or printed."""
        ...


class OperatorParts(AdoptionDependencies, Protocol):
    """What adoption needs, and what all else of an operator does."""

    @property
    def settings(self) -> Settings:
        """All settings of this process."""
        ...

    @property
    def vault(self) -> Vault:
        """What seals credentials."""
        ...

    @property
    def notifier(self) -> Notifier:
        """Wakes workers."""
        ...

    @property
    def quota(self) -> Quota:
        """Limits and usage."""
        ...

    @property
    def children(self) -> OperatorChildren:
        """The clouds."""
        ...

    @property
    def drivers(self) -> Mapping[str, Callable[[CloudRow], Cloud]]:
        """Driver name -> how to connect to a cloud of that sort."""
        ...

    @property
    def sealed(self) -> Mapping[str, tuple[str, ...]]:
        """Kind -> fields of its desired state that are sealed."""
        ...
